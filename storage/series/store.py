"""The one door to readings.

A reading is (id, time, value or text, status): `id` a UUID, `time` in UTC microseconds, `value` a number (booleans
are 0 and 1), `text` for what is no number, `status` quality flags or null. Of readings with the same id and time
the last written counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import duckdb
import pyarrow as pa

from storage.errors import Corrupt, DirectoryError, InQuarantine, InvalidReadings
from storage.files import empty_directory, make_directory, sync_directory
from storage.series import catalog
from storage.series.catalog import Segment
from storage.series.commits import GroupCommit
from storage.series.copies import check_segment, copy, link_or_copy
from storage.series.engine import Deadline, engine_errors, table_of
from storage.series.hot import HotTier
from storage.series.keeper import Keeper
from storage.series.layers import relation, statistics
from storage.series.quarantine import Quarantine, refuse_lost
from storage.series.segments import SegmentFiles, days_in
from storage.series.selection import Rows, Selection, answer, register
from storage.series.sources import Sources
from storage.series.sql import Window
from storage.series.tender import Pace, Tender

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()),
    ("time", pa.timestamp("us")),
    ("value", pa.float64()),
    ("text", pa.string()),
    ("status", pa.string()),
]
SCHEMA = pa.schema(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Options:
    """How the store works: bytes DuckDB may use, threads, and when to seal and compact.

    A batch of `bulk_rows` or more goes to a run at once; `target_rows` make a segment full. For the others see Pace.
    """

    memory: int = 2 << 30
    threads: int = 2
    seal_rows: int = 1_000_000
    seal_seconds: float = 900.0
    compact_runs: int = 8
    delete_seconds: float = 30.0
    target_rows: int = 4_000_000
    bulk_rows: int = 250_000

    def pace(self) -> Pace:
        """Return what is about the background work."""
        return Pace(self.seal_rows, self.seal_seconds, self.compact_runs, self.delete_seconds)


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
            self._recover()
        except BaseException:
            self._hot.close()
            raise
        sync_directory(directory)
        self._keeper = Keeper(self._hot, self._files, target_rows=self.options.target_rows)
        self._commits = GroupCommit(self._hot.append)
        self._closed = False
        self._tender = Tender(
            self.options.pace(),
            seal=self.seal,
            compact=self.compact,
            roll_up=self.roll_up,
            hot_rows=lambda: self._hot.rows,
            catalog=self._catalog,
            has_deletions=self._has_deletions,
        )

    def _recover(self) -> None:
        """Make what is on disk fit together again, whatever ended the last process."""
        self._sources = Sources(self._hot, self._files)
        self._quarantine = Quarantine(self._hot, self._files)
        missing = self._files.recover(self._catalog(), [q.segment for q in self._quarantine.held()])
        self._quarantine.set_apart([(segment, "is missing") for segment in missing])
        with self._hot.transaction() as cursor:
            catalog.forget_rollups(cursor, self._files.recover_rollups(catalog.rolled_up(cursor)))
        with self._hot.transaction() as cursor:
            for run in catalog.without_days(cursor):  # of an early version
                catalog.enter_days(cursor, run.number, days_in(cursor, self._files.path(run)))
            cursor.register("wanted", catalog.without_latest(cursor))
            self._settle(cursor)

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
            self._tender.wake()

    def append_stream(self, batches: pa.RecordBatchReader) -> None:
        """Add readings of any number in bounded memory. Durable and visible when it returns, all or none.

        What `batches` raises is raised here, with nothing stored.
        """
        self._keeper.append_run(_readings(batches))
        self._tender.wake()

    def delete(self, ids: Sequence[str], window: Window) -> None:
        """Delete the readings of `ids` in a window. Durable and visible when it returns, all of them or none.

        What is written later is no part of it, whatever its time. Files hold what was deleted until they are
        compacted, in the background or by `compact`.
        """
        if ids:
            wanted = pa.table({"id": pa.array(sorted(set(ids)), pa.string())})
            self._hot.delete(wanted, window, self._settle)
            self._tender.wake(deleted=True)

    def roll_up(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Write the rollups that segments lack, until `stop`; returns how many. Answers stay as they are."""
        return self._keeper.roll_up(stop)

    def _settle(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Enter the newest reading that is left of each series in the table `wanted`, as its latest."""
        with contextlib.ExitStack() as cleanup:
            rows = self._sources.newest(cursor, Window(), cleanup, some=True, lenient=True)
            cursor.execute(f"INSERT INTO latest SELECT id::UUID, time, value, text, status, 0 FROM ({rows})")

    def seal(self) -> int:
        """Write what is hot to Parquet; returns the rows. Changes nothing that a reader sees."""
        return self._keeper.seal()

    def compact(self) -> int:
        """Make `readings/` complete but for what is hot; returns the runs merged."""
        return self._keeper.compact()

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
            with self._blaming(), engine_errors():
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
        if points is not None:
            register(cursor, points)
        source = self._sources.source(cursor, selection, cleanup, some=points is not None)
        rows = answer(cursor, source, selection, points, deadline, cleanup)
        rows.batches = self._named(rows.batches)
        return rows

    def _named(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with self._blaming():
            yield from batches

    @contextlib.contextmanager
    def _blaming(self) -> Iterator[None]:
        """Name the files that are not what was written, where the engine met one: it does not always do so."""
        try:
            yield
        except InQuarantine:
            raise
        except Corrupt as error:
            broken = [segment.file_name for segment, _ in self._faults()]
            raise Corrupt(f"{', '.join(broken)}: {error}" if broken else str(error)) from error

    def _catalog(self) -> list[Segment]:
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            return catalog.segments(cursor)

    def _has_deletions(self) -> bool:
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            return catalog.has_deletions(cursor)

    def count(self, ids: Sequence[str], window: Window, *, seconds: float | None = None) -> int:
        """Return how many readings `ids` have in a window. Raises DeadlineExceeded after `seconds`."""
        with contextlib.ExitStack() as cleanup, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self._hot.cursor()))
            if seconds is not None:
                cleanup.callback(Deadline(cursor, seconds).close)
            cursor.execute("BEGIN")
            cursor.register("wanted", pa.table({"id": pa.array(sorted(set(ids)), pa.string())}))
            refuse_lost(cursor, window, some=True)
            layers = self._sources.layers(cursor, window, cleanup, some=True)
            condition = f"{window.condition()} AND id IN (SELECT id FROM wanted)"
            [(rows,)] = cursor.execute(f"SELECT count(*) FROM ({relation(layers, condition)})").fetchall()
            return int(rows)

    def latest(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Return the newest reading of each series (SCHEMA), of all or of `ids`; never scans readings."""
        return self._hot.latest.read(ids)

    def stats(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Return `id, rows, first, last` of each series that has readings, of all or of `ids`.

        The catalog answers for series whose files do not overlap in time; the others are counted.
        """
        with contextlib.ExitStack() as cleanup, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self._hot.cursor()))
            cursor.execute("BEGIN")
            if ids is not None:
                cursor.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
            layers = self._sources.layers(cursor, Window(), cleanup, some=ids is not None)
            return table_of(cursor, statistics(layers, some=ids is not None))

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
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            refuse_lost(cursor, Window(), some=False)
            segments = self._files.lease(lambda: [s for s in catalog.segments(cursor) if s.level == 1])
        try:
            make_directory(target)
            for segment in segments:
                public = target / segment.public_name
                make_directory(public.parent)
                link_or_copy(self._files.path(segment), public)
        finally:
            self._files.let_go(segments)

    def check(self, *, mend: bool = False) -> list[str]:
        """Read every segment and compare it with the catalog; returns what is wrong, a line each.

        With `mend`, what is broken goes to the quarantine, so that the rest is served, and what is whole again there
        comes back. Durable and visible when it returns.
        """
        if not mend:
            return [f"{segment.file_name} {fault}" for segment, fault in self._faults()] + self._lost()
        with self._keeper.at_rest():
            self._quarantine.take_back()
            self._quarantine.set_apart(self._faults())
        return self._lost()

    def _faults(self) -> list[tuple[Segment, str]]:
        with contextlib.closing(self._hot.cursor()) as cursor:
            segments = self._files.lease(lambda: catalog.segments(cursor))
            try:
                found = ((s, check_segment(cursor, self._files.path(s), s)) for s in segments)
                return [(segment, fault) for segment, fault in found if fault]
            finally:
                self._files.let_go(segments)

    def _lost(self) -> list[str]:
        return [str(lost) for lost in self._quarantine.held()]

    def give_up(self, number: int) -> bool:
        """Give up the readings of the file with this number for good; returns whether it was in quarantine."""
        with self._keeper.at_rest():
            return self._quarantine.give_up(number, self._settle)

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
        self._tender.close()
        self._commits.close()
        self._hot.close()


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
