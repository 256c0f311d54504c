"""Parquet files: writing them, and the two directories that they lie in.

`segments/<number>.parquet` are what the catalog names, never changed, deleted once replaced and unread.
`readings/year=/month=/<first day>-<number>.parquet` are hard links to the disjoint ones: a hive-partitioned data set
for everybody else, in which no file ever changes: one that is replaced goes, and others come by a rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from storage.files import make_directory, sync_directory
from storage.series.catalog import Segment, Written
from storage.series.engine import table_of
from storage.series.rolled_up import RolledUp, RollupFile, files_of
from storage.series.sql import COLUMNS, parquet
from storage.series.summary import Summary
from storage.series.writing import ROW_GROUP, write_lasting, write_parquet, write_passing

_File = Segment | RollupFile
F = TypeVar("F", bound=_File)
ARCHIVE = 2  # the level of a file of hourly rollups, whose readings are gone


def describe(cursor: duckdb.DuckDBPyConnection, number: int, path: Path, level: int) -> Written:
    """Return what the catalog will say of a new file."""
    numbers, last = "count(value)", "max(time)"
    if level == ARCHIVE:
        numbers, last = "count_if(count > 0)", "max(time) + INTERVAL 1 HOUR - INTERVAL 1 MICROSECOND"
    counts = f"count(*) AS rows, {numbers} AS numbers, min(time) AS first, {last} AS last"
    series = f"SELECT id, {counts} FROM {parquet([path])} GROUP BY id ORDER BY id"
    return Written(
        number,
        path,
        level,
        path.stat().st_size,
        digest(path),
        table_of(cursor, series),
        days_in(cursor, path),
    )


def days_in(cursor: duckdb.DuckDBPyConnection, path: Path) -> pa.Table:
    """Return the `day` of all readings in a file, each once."""
    return table_of(cursor, f"SELECT DISTINCT time::DATE AS day FROM {parquet([path])} ORDER BY day")


def ends_in(cursor: duckdb.DuckDBPyConnection, path: Path, seq: int | None = None) -> pa.Table:
    """Return the last reading of each series in a file, with a `seq` where one is given."""
    ends = f"SELECT id, max(time) AS time FROM {parquet([path])} GROUP BY id"
    columns = COLUMNS if seq is None else f"{COLUMNS}, {seq}::BIGINT AS seq"
    return table_of(cursor, f"SELECT {columns} FROM {parquet([path])} SEMI JOIN ({ends}) USING (id, time)")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class SegmentFiles:
    """The files of a series directory, and who is reading them."""

    def __init__(self, directory: Path) -> None:
        self._segments = directory / "segments"
        self._readings = directory / "readings"
        self._rollups = directory / "rollups"
        self._quarantine = directory / "quarantine"
        self._lock = threading.Lock()
        self._readers: Counter[int] = Counter()
        self._retired: set[_File] = set()
        make_directory(self._segments)
        make_directory(self._readings)
        make_directory(self._rollups)

    def path(self, segment: Segment) -> Path:
        """Return where a catalogued segment lies."""
        return self._segments / segment.file_name

    def rollup(self, file: RollupFile) -> Path:
        """Return where rollups lie."""
        return self._rollups / file.file_name

    def apart(self, segment: Segment) -> Path:
        """Return where a segment in quarantine lies."""
        return self._quarantine / segment.file_name

    def set_apart(self, segment: Segment) -> None:
        """Move a segment that the catalog no longer names to the quarantine, if there is a file."""
        make_directory(self._quarantine)
        with contextlib.suppress(FileNotFoundError):
            self.path(segment).replace(self.apart(segment))
        sync_directory(self._quarantine)
        sync_directory(self._segments)

    def take_back(self, segment: Segment) -> Path:
        """Move a segment back from the quarantine. Durable when it returns; the catalog must name it soon."""
        with contextlib.suppress(FileNotFoundError):
            self.apart(segment).replace(self.path(segment))
        sync_directory(self._segments)
        return self.path(segment)

    def write(
        self, cursor: duckdb.DuckDBPyConnection, number: int, rows: str, *, level: int, columns: str = COLUMNS
    ) -> Written | None:
        """Write a relation as the segment with a new number. Durable when it returns; without rows there is none."""
        path = self._segments / f"{number:010d}.parquet"
        if level == ARCHIVE:
            count = write_parquet(cursor, rows, columns, path)
        else:
            ordered = cursor.sql(f"SELECT {columns} FROM ({rows}) ORDER BY id, time")
            with ordered.to_arrow_reader(ROW_GROUP) as batches:
                count = write_lasting(batches, path)
        if not count:
            path.unlink(missing_ok=True)
            return None
        return self._described(cursor, number, path, level)

    def write_ordered(self, number: int, pieces: Iterable[pa.Table], *, level: int) -> Written | None:
        """Write pieces that `sorting.in_order` gave, each with later ids than the one before, as a new segment.

        Durable when it returns; without rows there is none. What `pieces` raises is raised here.
        """
        path, summary = self._segments / f"{number:010d}.parquet", Summary()
        batches = summary.of(pieces)
        rows = (write_lasting if level else write_passing)(batches, path)
        if not rows:
            path.unlink(missing_ok=True)
            return None
        size = path.stat().st_size
        return Written(number, path, level, size, digest(path), summary.series, summary.days)

    @staticmethod
    def _described(cursor: duckdb.DuckDBPyConnection, number: int, path: Path, level: int) -> Written:
        try:
            return describe(cursor, number, path, level)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def discard(self, written: Iterable[Written]) -> None:
        """Delete new files that will not be catalogued after all."""
        for file in written:
            file.path.unlink(missing_ok=True)

    def lease(self, choose: Callable[[], list[F]]) -> list[F]:
        """Return the chosen files, which stay on disk until `let_go`.

        `choose` looks at the catalog while no file can go away.
        """
        with self._lock:
            files = choose()
            self._readers.update(file.number for file in files)
        return files

    def let_go(self, files: Iterable[_File]) -> None:
        """Count a reader less, and delete what was retired meanwhile."""
        with self._lock:
            self._readers.subtract(file.number for file in files)
            self._sweep()

    def retire(self, files: Iterable[_File]) -> None:
        """Delete files that the catalog no longer names, once nobody reads them."""
        with self._lock:
            self._retired.update(files)
            self._sweep()

    def _sweep(self) -> None:
        for file in [f for f in self._retired if self._readers[f.number] <= 0]:
            (self.rollup(file) if isinstance(file, RollupFile) else self.path(file)).unlink(missing_ok=True)
            self._retired.discard(file)
            del self._readers[file.number]

    def recover_rollups(self, known: RolledUp) -> list[int]:
        """Remove files of rollups that are not `known`; returns the numbers of the segments that lack some."""
        found = {path.name for path in self._rollups.iterdir()}
        for name in found - {file.file_name for file in files_of(known)}:
            (self._rollups / name).unlink()
        return [number for number, files in known.items() if any(f.file_name not in found for f in files.values())]

    def recover(self, catalog: Sequence[Segment], quarantined: Sequence[Segment]) -> list[Segment]:
        """Remove files that a crash has left, and make the public view match the catalog.

        Returns the segments of the catalog that are missing.
        """
        for segment in quarantined:
            if self.path(segment).exists():
                self.set_apart(segment)
        known = {segment.file_name for segment in catalog}
        for path in self._segments.iterdir():
            if path.name not in known:
                path.unlink()
        missing = [segment for segment in catalog if not self.path(segment).exists()]
        self.publish(segment for segment in catalog if segment not in missing)
        return missing

    def publish(self, catalog: Iterable[Segment]) -> None:
        """Make `readings/` the disjoint segments of the catalog, and nothing else. Durable when it returns.

        Others may look on: they never see a reading twice, and miss some for as long as it takes to rename files.
        """
        wanted = {self._readings / s.public_name: s for s in catalog if s.level == 1}
        there = {path for path in self._readings.rglob("*") if not path.is_dir()}
        right = {path for path in there & wanted.keys() if path.samefile(self.path(wanted[path]))}
        coming = [(self._linked(segment), path) for path, segment in wanted.items() if path not in right]
        for path in there - wanted.keys():
            path.unlink()
        for temporary, path in coming:
            temporary.replace(path)
        for folder in {path.parent for path in there ^ wanted.keys()}:
            sync_directory(folder)

    def _linked(self, segment: Segment) -> Path:
        """Make all ready for a public file but its name; returns the temporary one."""
        make_directory((self._readings / segment.public_name).parent)
        temporary = self._segments / f"{segment.file_name}.link"
        temporary.unlink(missing_ok=True)
        os.link(self.path(segment), temporary)
        return temporary
