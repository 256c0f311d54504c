"""The one door to readings.

A reading is (id, time, value or text, status): `id` a UUID, `time` in UTC microseconds, `value` a number (booleans
are 0 and 1), `text` for what is no number, `status` quality flags or null. Of readings with the same id and time
the last written counts.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, overload

import duckdb
import pyarrow as pa

from storage.errors import Corrupt, DirectoryError, InvalidReadings
from storage.files import empty_directory, make_directory, sync_directory
from storage.series.commits import GroupCommit
from storage.series.copies import check_segment, copy, link_or_copy
from storage.series.engine import Deadline, engine_errors
from storage.series.hot import HotTier, Segment
from storage.series.keeper import Keeper
from storage.series.segments import SegmentFiles
from storage.series.selection import BATCH_ROWS, Rows, Selection, answer, register
from storage.series.sql import Layers, Window, relation, statistics

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()),
    ("time", pa.timestamp("us")),
    ("value", pa.float64()),
    ("text", pa.string()),
    ("status", pa.string()),
]
SCHEMA = pa.schema(_COLUMNS)
PATIENCE = 4  # runs are merged once they are a quarter of what that rewrites, so that it does not grow as a square
MOST_RUNS = 64  # but at so many anyway, for the readers' sake
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How the store works: bytes DuckDB may use, threads, and when to seal and compact.

    Hot readings are sealed from `seal_rows` on or after `seal_seconds`; runs are compacted from `compact_runs`
    on. A batch of `bulk_rows` or more goes to a run at once.
    """

    memory: int = 2 << 30
    threads: int = 2
    seal_rows: int = 1_000_000
    seal_seconds: float = 900.0
    compact_runs: int = 8
    target_rows: int = 4_000_000
    bulk_rows: int = 250_000


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of what is stored where."""

    hot_rows: int
    runs: int
    segments: int
    sealed_rows: int
    sealed_bytes: int


class SeriesStore:
    """Opens the readings of a data directory."""

    def __init__(self, directory: Path, options: Options | None = None) -> None:
        self.options = options or Options()
        self.directory = directory
        make_directory(directory)
        empty_directory(directory / "tmp")
        self._files = SegmentFiles(directory)
        try:
            self._hot = HotTier(directory, memory=self.options.memory, threads=self.options.threads)
        except duckdb.Error as error:
            raise Corrupt(f"{directory / 'hot.duckdb'} cannot be opened: {error}") from error
        try:
            self._files.recover(self._catalog())
        except BaseException:
            self._hot.close()
            raise
        sync_directory(directory)
        self._keeper = Keeper(self._hot, self._files, target_rows=self.options.target_rows)
        self._commits = GroupCommit(self._hot.append)
        self._wake = threading.Event()
        self._closed = False
        self._tender = threading.Thread(target=self._tend, name="series-keeper", daemon=True)
        self._tender.start()

    # Writing

    def append(self, rows: pa.Table) -> None:
        """Add readings (columns of SCHEMA). Durable and visible when it returns, all of them or none.

        Concurrent calls share a commit.
        """
        rows = _readings(rows)
        if rows.num_rows >= self.options.bulk_rows:
            self.append_stream(rows.to_reader())
            return
        if rows.num_rows:
            self._commits.submit(rows)
        if self._hot.rows >= self.options.seal_rows:
            self._wake.set()

    def append_stream(self, batches: pa.RecordBatchReader) -> None:
        """Add readings of any number in bounded memory. Durable and visible when it returns, all or none.

        What `batches` raises is raised here, with nothing stored.
        """
        self._keeper.append_run(_readings(batches))
        self._wake.set()

    def seal(self) -> int:
        """Write what is hot to Parquet; returns the rows. Changes nothing that a reader sees."""
        return self._keeper.seal()

    def compact(self) -> int:
        """Make `readings/` complete but for what is hot; returns the runs merged."""
        return self._keeper.compact()

    def _tend(self) -> None:
        while not self._closed:
            due = self._wake.wait(self.options.seal_seconds)
            self._wake.clear()
            try:
                self._tend_once(timer=not due)
            except Exception:  # a full disk may be empty the next time; what is hot stays there
                _LOG.exception("sealing or compacting failed, and will be tried again")

    def _tend_once(self, *, timer: bool) -> None:
        if self._closed:
            return
        if timer or self._hot.rows >= self.options.seal_rows:
            self.seal()
        if self._worth_compacting(self._catalog(), timer=timer):
            self.compact()

    def _worth_compacting(self, catalog: Sequence[Segment], *, timer: bool) -> bool:
        """Tell whether the runs are many or idle; many of them wait while what they touch is far more than they."""
        runs = [s for s in catalog if s.level == 0]
        if timer or len(runs) < self.options.compact_runs:
            return timer and bool(runs)
        touched = sum(s.rows for s in catalog if s.level == 1 and any(_overlap(s, r.first, r.last) for r in runs))
        return touched <= PATIENCE * sum(run.rows for run in runs) or len(runs) >= MOST_RUNS

    # Reading

    def select(self, selection: Selection, points: pa.Table | None = None, *, seconds: float | None = None) -> Rows:
        """Return readings of the series in `points`, joined to its other columns, ordered as `points`, then time.

        `points` has a column `id` (UUID text) and any others, which lead each row of the answer, then come
        `time`, `value` and, for raw readings, `text` and `status`. Without `points`: all series, with their id,
        ordered by id. A wide answer has `time` and a column for each row of `points`. `seconds` is a deadline,
        at which the iteration raises DeadlineExceeded.
        """
        cleanup = contextlib.ExitStack()
        try:
            with engine_errors():
                return self._select(selection, points, seconds, cleanup)
        except BaseException:
            cleanup.close()
            raise

    def _select(
        self,
        selection: Selection,
        points: pa.Table | None,
        seconds: float | None,
        cleanup: contextlib.ExitStack,
    ) -> Rows:
        cursor = cleanup.enter_context(contextlib.closing(self._hot.cursor()))
        deadline = Deadline(cursor, seconds) if seconds is not None else None
        if deadline:
            cleanup.callback(deadline.close)
        cursor.execute("BEGIN")
        layers = self._layers(cursor, selection.window, cleanup)
        condition = selection.window.condition()
        if points is not None:
            register(cursor, points)
            condition += " AND id IN (SELECT id FROM wanted)"
        return answer(cursor, relation(layers, condition), selection, points, deadline, cleanup)

    def _catalog(self) -> list[Segment]:
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            return self._hot.segments(cursor)

    def _layers(self, cursor: duckdb.DuckDBPyConnection, window: Window, cleanup: contextlib.ExitStack) -> Layers:
        def choose() -> list[Segment]:
            return [s for s in self._hot.segments(cursor) if window.meets(s.first, s.last)]

        segments = self._files.lease(choose)
        cleanup.callback(self._files.let_go, segments)
        [hot] = cursor.execute("SELECT min(time), max(time) FROM readings").fetchall()
        return self._plan_layers(segments, hot)

    def _plan_layers(self, segments: Sequence[Segment], hot: tuple[Any, ...]) -> Layers:
        runs = [s for s in segments if s.level == 0]
        bases = [s for s in segments if s.level == 1]
        spans = [(run.first, run.last) for run in runs]
        spans += [(hot[0], hot[1])] if hot[0] else []
        mixed = {b for b in bases if any(_overlap(b, *span) for span in spans)}
        return Layers(
            clean=[self._files.path(b) for b in bases if b not in mixed],
            bases=[self._files.path(b) for b in bases if b in mixed],
            runs=[(self._files.path(run), run.seq) for run in runs],
            hot=hot[0] is not None,
        )

    def latest(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Return the newest reading of each series (SCHEMA), of all or of `ids`; never scans readings."""
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            condition = ""
            if ids is not None:
                cursor.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
                condition = "WHERE id IN (SELECT id::UUID FROM wanted)"
            columns = "id::VARCHAR AS id, time, value, text, status"
            return _table(cursor, f"SELECT {columns} FROM latest {condition} ORDER BY id")

    def stats(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Return `id, rows, first, last` of each series that has readings, of all or of `ids`.

        The catalog answers for series whose files do not overlap in time; the others are counted.
        """
        with contextlib.ExitStack() as cleanup, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self._hot.cursor()))
            cursor.execute("BEGIN")
            if ids is not None:
                cursor.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
            layers = self._layers(cursor, Window(), cleanup)
            return _table(cursor, statistics(layers, some=ids is not None))

    def status(self) -> Status:
        """Return counts of what is stored where."""
        segments = self._catalog()
        return Status(
            hot_rows=self._hot.rows,
            runs=sum(s.level == 0 for s in segments),
            segments=sum(s.level == 1 for s in segments),
            sealed_rows=sum(s.rows for s in segments),
            sealed_bytes=sum(s.bytes for s in segments),
        )

    def back_up(self, target: Path) -> None:
        """Write a copy of what is committed now to `target`, absent or empty. Durable when it returns.

        What is hot is sealed and compacted first, so that the copy is files alone.
        """
        _refuse_full(target)
        self.seal()
        self.compact()
        copy(self._hot, self._files, target)

    def export(self, target: Path) -> None:
        """Write a hive-partitioned Parquet data set of all readings to `target`, which must be absent or empty."""
        _refuse_full(target)
        self.seal()
        self.compact()
        with contextlib.closing(self._hot.cursor()) as cursor:
            segments = self._files.lease(lambda: [s for s in self._hot.segments(cursor) if s.level == 1])
        try:
            make_directory(target)
            for segment in segments:
                public = target / segment.public_name
                make_directory(public.parent)
                link_or_copy(self._files.path(segment), public)
        finally:
            self._files.let_go(segments)

    def check(self) -> list[str]:
        """Read every segment and compare it with the catalog; returns what is wrong, a line each."""
        with contextlib.closing(self._hot.cursor()) as cursor:
            segments = self._files.lease(lambda: self._hot.segments(cursor))
            try:
                found = (check_segment(cursor, self._files.path(s), s.rows) for s in segments)
                return [fault for fault in found if fault]
            finally:
                self._files.let_go(segments)

    def finish(self) -> None:
        """Seal and compact, so that `readings/` holds everything, then close."""
        if not self._closed:
            self.seal()
            self.compact()
        self.close()

    def close(self) -> None:
        """Finish what is under way and close; hot readings stay in the hot tier. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        self._tender.join()
        self._commits.close()
        self._hot.close()


def _table(cursor: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return pa.Table.from_batches(reader := cursor.sql(sql).to_arrow_reader(BATCH_ROWS), reader.schema)


@overload
def _readings(rows: pa.Table) -> pa.Table: ...
@overload
def _readings(rows: pa.RecordBatchReader) -> pa.RecordBatchReader: ...
def _readings(rows: pa.Table | pa.RecordBatchReader) -> pa.Table | pa.RecordBatchReader:
    try:
        return rows if rows.schema.equals(SCHEMA) else rows.cast(SCHEMA)
    except (ValueError, NotImplementedError) as error:
        raise InvalidReadings(f"these rows are no readings: {error}") from error


def _refuse_full(target: Path) -> None:
    if target.exists() and any(target.iterdir()):
        raise DirectoryError(f"{target} is not empty")


def _overlap(segment: Segment, first: datetime, last: datetime) -> bool:
    return segment.first <= last and segment.last >= first
