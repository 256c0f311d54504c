"""The one door to readings.

A reading is (id, time, value or text, status): `id` a UUID, `time` in UTC microseconds, `value` a number (booleans
are 0 and 1), `text` for what is no number, `status` quality flags or null. Of readings with the same id and time
the last written counts.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from storage.errors import Corrupt, StorageError
from storage.files import empty_directory, make_directory, sync_directory
from storage.series import catalog, copies, receipts, rolled_up
from storage.series.catalog import Segment
from storage.series.commits import Batch, GroupCommit
from storage.series.deletions import delete
from storage.series.engine import Stop, engine_errors
from storage.series.hot import HotTier
from storage.series.keeper import Keeper
from storage.series.known import Known
from storage.series.moment import Moment
from storage.series.narrow import Narrow
from storage.series.options import Options
from storage.series.quarantine import Quarantine
from storage.series.questions import Question
from storage.series.reading import Reads
from storage.series.receipts import Receipt
from storage.series.retention import Retention
from storage.series.schema import ENCODED, SCHEMA, as_readings, ids_of
from storage.series.segments import SegmentFiles, days_in
from storage.series.selection import Rows, Selection
from storage.series.sources import Sources
from storage.series.sql import Window
from storage.series.status import Status, status_of
from storage.series.tender import Tender

__all__ = ["ENCODED", "SCHEMA", "Options", "SeriesStore", "Status"]
_LOG = logging.getLogger(__name__)


class SeriesStore:
    """Opens the readings of a data directory."""

    def __init__(self, directory: Path, options: Options | None = None) -> None:
        self.options = options or Options()
        self.directory = directory
        make_directory(directory)
        _require_catalog(directory)
        empty_directory(directory / "tmp")
        self._files = SegmentFiles(directory)
        try:
            with engine_errors():
                self._hot = HotTier(directory, memory=self.options.memory, threads=self.options.threads)
        except duckdb.Error as error:
            raise Corrupt(f"{directory / 'hot.duckdb'} cannot be opened: {error}") from error
        try:
            self._recover()
        except BaseException:
            self._hot.close()
            raise
        sync_directory(directory)
        options = self.options
        self._keeper = Keeper(self._hot, self._files, target_rows=options.target_rows, seal_rows=options.seal_rows)
        self._commits = GroupCommit(self._append)
        self._closed = False
        self._tender = Tender(
            self.options.pace(),
            seal=self.seal,
            compact=self.compact,
            roll_up=self.roll_up,
            warm=self._reads.warm,
            hot_rows=lambda: self._hot.rows,
            catalog=self._catalog,
            has_deletions=self._has_deletions,
        )

    def _recover(self) -> None:
        """Make what is on disk fit together again, whatever ended the last process."""
        self._sources = Sources(self._files)
        known = Known(self._hot.version)
        self._reads = Reads(self._hot, self._sources, self._broken, known, Narrow(self._files, known, self._hot))
        self._quarantine = Quarantine(self._hot, self._files)
        missing = self._files.recover(self._catalog(), [q.segment for q in self._quarantine.held()])
        self._quarantine.set_apart([(segment, "is missing") for segment in missing])
        with self._hot.transaction() as cursor:
            rolled_up.forget(cursor, rolled_up.outdated(cursor))
            self._files.retire(rolled_up.forget(cursor, self._files.recover_rollups(rolled_up.rolled_up(cursor))))
        with self._hot.transaction() as cursor:
            for run in catalog.without_days(cursor):  # of an early version
                catalog.enter_days(cursor, run.number, days_in(cursor, self._files.path(run)))
            cursor.register("wanted", catalog.without_latest(cursor))
            self._settle(cursor)

    # Writing

    def append(self, rows: pa.Table, receipt: Receipt | None = None) -> None:
        """Add readings (SCHEMA or ENCODED) and a receipt. Durable and visible when it returns, all of them or none.

        Concurrent calls share a commit. Raises Overloaded where so much is hot that sealing has to catch up first.
        """
        rows = as_readings(rows)
        if rows.num_rows >= self.options.bulk_rows:
            self.append_stream(rows.to_reader(), lambda: receipt)
            return
        self._tender.hold_back()
        if rows.num_rows or receipt:
            self._commits.submit(self._hot.prepared(rows), receipt)
        if self._tender.is_due():
            self._tender.wake()

    def _append(self, batches: Sequence[Batch]) -> None:
        written = [receipt for _, receipt in batches if receipt is not None]
        self._hot.append([rows for rows, _ in batches], lambda cursor: receipts.enter(cursor, written))

    def append_stream(
        self, batches: pa.RecordBatchReader, receipt: Callable[[], Receipt | None] = lambda: None
    ) -> None:
        """Add readings of any number in bounded memory. Durable and visible when it returns, all or none.

        What `batches` raises is raised here, with nothing stored. `receipt` is asked for when they have ended.
        """

        def also(cursor: duckdb.DuckDBPyConnection) -> None:
            written = receipt()
            receipts.enter(cursor, [written] if written else [])

        self._keeper.append_run(as_readings(batches), also)
        self._tender.wake()

    def receipt(self, key: str) -> Receipt | None:
        """Return the receipt of a request with this key, if it was stored within a day; of many, the newest count."""
        return receipts.find(self._hot, key)

    def delete(self, ids: Sequence[str], window: Window) -> None:
        """Delete the readings of `ids` in a window. Durable and visible when it returns, all of them or none.

        What is written later is no part of it, whatever its time. Files hold what was deleted until they are
        compacted, in the background or by `compact`.
        """
        if ids:
            wanted = ids_of(ids)
            self._hot.remove(lambda cursor, seq: delete(cursor, wanted, window, seq, self._settle))
            self._tender.wake(deleted=True)

    def retire(self, ids: Sequence[str], before: datetime) -> int:
        """Let go of the readings that `ids` have from before the day (UTC) of a time; returns of how many series.

        What each hour of them added up to stays, for aggregates by whole hours. Readings from before then that are
        written later are not kept. Durable and visible when it returns, month by month.
        """
        midnight = before.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._keeper.at_rest():
            retired = Retention(self._hot, self._files, self._sources, self._settle).retire(ids, midnight)
        if retired:
            self._tender.wake(deleted=True)
        return retired

    def roll_up(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Write the rollups that segments lack, and merge small ones, until `stop`; returns of how many segments.

        Answers stay as they are.
        """
        return self._keeper.roll_up(stop)

    def _settle(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Enter the newest reading that is left of each series in the table `wanted`, as its latest."""
        with contextlib.closing(Moment(cursor, self._files, 0)) as moment:
            rows = self._sources.newest(moment, Window(), lenient=True)
            cursor.execute(f"INSERT INTO latest SELECT id::UUID, time, value, text, status, 0 FROM ({rows})")

    def seal(self) -> int:
        """Write what is hot to Parquet; returns the rows. Changes nothing that a reader sees."""
        return self._keeper.seal()

    def compact(self) -> int:
        """Make `readings/` complete but for what is hot; returns the runs merged."""
        return self._keeper.compact()

    def tend(self) -> None:
        """Have the background look at once whether there is something to do, such as rollups of new segments."""
        self._tender.wake()

    # Reading

    def select(
        self,
        selection: Selection,
        points: pa.Table | None = None,
        *,
        seconds: float | None = None,
        stop: Stop | None = None,
    ) -> Rows:
        """Return readings of the series in `points`, joined to its other columns, ordered as `points`, then time.

        `points` has a column `id` (UUID text) and any others, which lead each row of the answer, then come
        `time`, `value` and, for raw readings, `text` and `status`. Without `points`: all series, with their id,
        ordered by id. A wide answer has `time` and a column for each row of `points`. `seconds` is a deadline,
        at which the iteration raises DeadlineExceeded; `stop` ends it before, as in `ask`.
        """
        return self._reads.select(selection, points, seconds, stop)

    def ask(self, question: Question, *, seconds: float | None = None, stop: Stop | None = None) -> Rows:
        """Start a question that is no selection. At the deadline of `seconds` iterating raises DeadlineExceeded.

        Where there are `seconds`, `stop` ends it before, with Cancelled.
        """
        return self._reads.ask(question, seconds, stop)

    def _catalog(self) -> list[Segment]:
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            return catalog.segments(cursor)

    def _has_deletions(self) -> bool:
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            return catalog.has_deletions(cursor)

    def count(self, ids: Sequence[str], window: Window, *, seconds: float | None = None) -> int:
        """Return how many readings `ids` have in a window. Raises DeadlineExceeded after `seconds`."""
        return self._reads.count(ids, window, seconds)

    def latest(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Return the newest reading of each series (SCHEMA), of all or of `ids`; never scans readings."""
        return self._hot.latest.read(ids)

    def stats(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Return `id, rows, first, last` of each series that has readings, of all or of `ids`.

        The catalog answers for series whose files do not overlap in time; the others are counted.
        """
        return self._reads.stats(ids)

    def status(self) -> Status:
        """Return what is stored where, and what is being done about it."""
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            tender = self._tender
            return status_of(cursor, hot_rows=self._hot.rows, task=tender.task, error=tender.error)

    def back_up(self, target: Path) -> None:
        """Write a copy of what is committed now to `target`, absent or empty. Durable when it returns.

        What is hot is sealed and compacted first, so that the copy is files alone.
        """
        copies.refuse_full(target)
        self.seal()
        self.compact()
        copies.copy(self._hot, self._files, target)

    def export(self, target: Path) -> None:
        """Write a hive-partitioned Parquet data set of all readings to `target`, which must be absent or empty."""
        copies.refuse_full(target)
        self.seal()
        self.compact()
        copies.export(self._hot, self._files, target)

    def check(self, *, mend: bool = False) -> list[str]:
        """Read every segment and compare it with the catalog, and every rollup; returns what is wrong, a line each.

        With `mend`, what is broken goes to the quarantine, so that the rest is served, and what is whole again there
        comes back; rollups that cannot be read are made anew. Durable and visible when it returns.
        """
        if not mend:
            broken = [f"{file.file_name} cannot be read" for file in copies.broken_rollups(self._hot, self._files)]
            return [f"{segment.file_name} {fault}" for segment, fault in self._faults()] + broken + self._lost()
        with self._keeper.at_rest():
            self._quarantine.take_back()
            self._quarantine.set_apart(self._faults())
            self._forget_rollups()
        self._tender.wake()
        return self._lost()

    def _forget_rollups(self) -> None:
        """Forget the rollups of segments of which some cannot be read."""
        broken = set(copies.broken_rollups(self._hot, self._files))
        with self._hot.transaction() as cursor:
            known = rolled_up.rolled_up(cursor)
            segments = [number for number, files in known.items() if not broken.isdisjoint(files.values())]
            self._files.retire(rolled_up.forget(cursor, segments))

    def _broken(self) -> list[str]:
        return [segment.file_name for segment, _ in self._faults()]

    def _faults(self) -> list[tuple[Segment, str]]:
        return copies.check(self._hot, self._files)

    def _lost(self) -> list[str]:
        return [str(lost) for lost in self._quarantine.held()]

    def give_up(self, number: int) -> bool:
        """Give up the readings of the file with this number for good; returns whether it was in quarantine."""
        with self._keeper.at_rest():
            return self._quarantine.give_up(number, self._settle)

    def finish(self) -> None:
        """Seal and compact, so that `readings/` holds everything, then close.

        Where that fails, what is hot stays hot until the next start, and the log says why.
        """
        try:
            if not self._closed:
                self.seal()
                self.compact()
        except StorageError:
            _LOG.exception("not everything could be sealed and compacted")
        finally:
            self.close()

    def close(self) -> None:
        """Finish what is under way and close; hot readings stay in the hot tier. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._tender.close()
        self._commits.close()
        self._hot.close()


def _require_catalog(directory: Path) -> None:
    """Raise Corrupt where there are segments and no catalog: a new one names none of them, so that all would go."""
    database = directory / "hot.duckdb"
    if not database.exists() and any((directory / "segments").glob("*.parquet")):
        raise Corrupt(f"{database} is missing, the catalog of what is in segments/: put it back, or restore a backup")
