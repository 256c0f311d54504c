"""Parquet files: writing them, and the two directories that they lie in.

`segments/<number>.parquet` are what the catalog names, never changed, deleted once replaced and unread.
`readings/year=/month=/<first day>.parquet` are hard links to the disjoint ones: a hive-partitioned data set
for everybody else, in which a file is only ever replaced whole, by a rename.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb

from storage.errors import Corrupt
from storage.files import make_directory, publish, sync_directory
from storage.series.hot import Segment
from storage.series.sql import quote

ROW_GROUP = 131_072


def write_parquet(cursor: duckdb.DuckDBPyConnection, rows: str, target: Path) -> None:
    """Write a relation, sorted by id and time, as zstd Parquet. Durable when it returns."""
    temporary = target.with_suffix(".tmp")
    try:
        cursor.execute(
            f"COPY (SELECT id, time, value, text, status FROM ({rows}) ORDER BY id, time) TO {quote(str(temporary))}"
            f" (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        publish(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)  # a full disk is not to stay full for it
        raise


class SegmentFiles:
    """The files of a series directory, and who is reading them."""

    def __init__(self, directory: Path) -> None:
        self._segments = directory / "segments"
        self._readings = directory / "readings"
        self._lock = threading.Lock()
        self._readers: Counter[int] = Counter()
        self._retired: set[Segment] = set()
        make_directory(self._segments)
        make_directory(self._readings)

    def path(self, segment: Segment) -> Path:
        """Return where a catalogued segment lies."""
        return self._segments / segment.file_name

    def new_path(self, number: int) -> Path:
        """Return where the segment with a new number will lie."""
        return self._segments / f"{number:010d}.parquet"

    def lease(self, choose: Callable[[], list[Segment]]) -> list[Segment]:
        """Return the chosen segments, which stay on disk until `let_go`.

        `choose` looks at the catalog while no file can go away.
        """
        with self._lock:
            segments = choose()
            self._readers.update(segment.number for segment in segments)
        return segments

    def let_go(self, segments: Iterable[Segment]) -> None:
        """Count a reader less, and delete what was retired meanwhile."""
        with self._lock:
            self._readers.subtract(segment.number for segment in segments)
            self._sweep()

    def retire(self, segments: Iterable[Segment]) -> None:
        """Delete files that the catalog no longer names, once nobody reads them."""
        with self._lock:
            self._retired.update(segments)
            self._sweep()

    def _sweep(self) -> None:
        for segment in [s for s in self._retired if self._readers[s.number] <= 0]:
            self.path(segment).unlink(missing_ok=True)
            self._retired.discard(segment)
            del self._readers[segment.number]

    def recover(self, catalog: list[Segment]) -> None:
        """Remove files that a crash has left, and make the public view match the catalog.

        Raises Corrupt where a catalogued file is missing.
        """
        known = {segment.file_name for segment in catalog}
        for path in self._segments.iterdir():
            if path.name not in known:
                path.unlink()
        for segment in catalog:
            if not self.path(segment).exists():
                raise Corrupt(f"{self.path(segment)} is missing: restore it from a backup")
        self.publish(catalog)

    def publish(self, catalog: Iterable[Segment]) -> None:
        """Make `readings/` the disjoint segments of the catalog, and nothing else. Durable when it returns."""
        wanted = {self._readings / s.public_name: s for s in catalog if s.level == 1}
        for path in self._readings.rglob("*"):
            if not path.is_dir() and path not in wanted:
                path.unlink()
        for path, segment in wanted.items():
            self._link(segment, path)

    def _link(self, segment: Segment, public: Path) -> None:
        private = self.path(segment)
        if public.exists() and public.samefile(private):
            return
        make_directory(public.parent)
        temporary = self._segments / f"{segment.file_name}.link"
        temporary.unlink(missing_ok=True)
        os.link(private, temporary)
        temporary.replace(public)
        sync_directory(public.parent)
