"""Compaction: merges runs with the segments whose days they share, and leaves out what was deleted, month by month.

Each month is one transaction, and until the last one is done the runs stay beside the new segments. These hold the
same readings, with a higher `seq`, so readers see no difference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import duckdb

from storage.errors import Corrupt, StorageError
from storage.series import catalog
from storage.series.catalog import Segment, Written
from storage.series.engine import engine_errors
from storage.series.hot import HotTier
from storage.series.layers import Deleted, Layers, archived, deleted, relation
from storage.series.merging import merged
from storage.series.rollup_form import COLUMNS
from storage.series.segments import ARCHIVE, SegmentFiles, digest
from storage.series.sql import Window, parquet

_MANY = 3  # archives of a month, which become one then


class Compaction:
    """One compaction of all that is below `seq`."""

    def __init__(self, hot: HotTier, files: SegmentFiles, seq: int, full: int, between: Callable[[], object]) -> None:
        """A segment of `full` rows is full. What else there is to do is done `between` any two that are written."""
        self._hot = hot
        self._files = files
        self._seq = seq
        self._full = full
        self._between = between

    def run(self) -> int:
        """Compact each month that needs it; returns how many runs went. Raises the error of the first that failed.

        A month that fails holds up no other.
        """
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            runs = [s for s in catalog.segments(cursor) if s.level == 0 and s.seq < self._seq]
            months = _months(cursor, runs)
            failed: dict[date, StorageError] = {}
            for month in sorted({*months, *self._stale_months(cursor)}):
                try:
                    with engine_errors():
                        self._month(cursor, month, [run for run in runs if run.number in months.get(month, ())])
                except StorageError as problem:
                    failed[month] = problem
            kept = {number for month in failed for number in months.get(month, ())}
            gone = [run for run in runs if run.number not in kept]
            if gone or catalog.has_deletions(cursor):
                self._replace(gone, [])
        for error in failed.values():
            raise error
        return len(gone)

    def _stale_months(self, cursor: duckdb.DuckDBPyConnection) -> set[date]:
        """Return the months of files that may hold what was deleted from them, and of many archives."""
        numbers = catalog.stale(cursor)
        stale = {_month_of(s) for s in catalog.segments(cursor) if s.level and s.number in numbers}
        return stale | {month for month, archives in self._archives(cursor).items() if len(archives) >= _MANY}

    @staticmethod
    def _archives(cursor: duckdb.DuckDBPyConnection) -> dict[date, list[Segment]]:
        found: dict[date, list[Segment]] = {}
        for segment in catalog.segments(cursor):
            if segment.level == ARCHIVE:
                found.setdefault(_month_of(segment), []).append(segment)
        return found

    def _month(self, cursor: duckdb.DuckDBPyConnection, month: date, runs: Sequence[Segment]) -> None:
        end = (month + timedelta(days=32)).replace(day=1)
        bases = [s for s in catalog.segments(cursor) if s.level == 1 and month <= s.first_day < end]
        merged: list[Segment] = []
        if runs:
            inside = f"time >= DATE '{month}' AND time < DATE '{end}'"
            first, last = _span(cursor, [self._files.path(run) for run in runs], inside)
            merged = neighbours(bases, first, last, self._full)
            self._merge(cursor, [*merged, *runs], inside, merged)
        numbers = catalog.stale(cursor)
        for base in bases:
            if base.number in numbers and base not in merged:
                self._merge(cursor, [base], "true", [base])
        archives = self._archives(cursor).get(month, [])
        if len(archives) >= _MANY or any(archive.number in numbers for archive in archives):
            self._rewrite(cursor, archives)

    def _rewrite(self, cursor: duckdb.DuckDBPyConnection, archives: Sequence[Segment]) -> None:
        """Write archives anew, as one without the hours of which something was deleted."""
        for archive in archives:
            self._verify(archive)
        rows = archived([(self._files.path(archive), archive.seq) for archive in archives], COLUMNS)
        with new_files(self._hot, self._files) as written:
            number = self._hot.next_segment()
            file = self._files.write(cursor, number, rows, level=ARCHIVE, columns=COLUMNS)
            written += [file] if file else []
            self._replace(archives, written)

    def _merge(
        self, cursor: duckdb.DuckDBPyConnection, sources: Sequence[Segment], condition: str, old: Sequence[Segment]
    ) -> None:
        """Write what counts of the `sources` in new segments, in place of the `old` ones."""
        for source in sources:
            self._verify(source)
        gone = deleted(cursor, some=False)
        with new_files(self._hot, self._files) as written:
            for window in self._pack(cursor, [self._files.path(source) for source in sources], condition):
                inside = sorted((s for s in sources if window.meets(s.first, s.last)), key=lambda s: s.seq)
                segment = self._written(cursor, inside, window, gone)
                written += [segment] if segment else []
                self._between()
            self._replace(old, written)

    def _written(
        self, cursor: duckdb.DuckDBPyConnection, sources: Sequence[Segment], window: Window, gone: Sequence[Deleted]
    ) -> Written | None:
        """Write what counts of the `sources` in a window as one new segment, if anything does."""
        number, files = self._hot.next_segment(), [(self._files.path(source), source.seq) for source in sources]
        if any(deletion.meets(source) for deletion in gone for source in sources):
            layers = Layers(mixed=files, hot=False, deletions=True)
            return self._files.write(cursor, number, relation(layers, window.condition()), level=1)
        return self._files.write_ordered(number, merged([path for path, _ in files], window), level=1)

    def _verify(self, segment: Segment) -> None:
        """Raise Corrupt for a file that is not what was written: nothing may be made of it that looks sound."""
        path = self._files.path(segment)
        if segment.digest and digest(path) != segment.digest:
            raise Corrupt(f"{path} is not what was written")

    def _pack(self, cursor: duckdb.DuckDBPyConnection, files: Sequence[Path], condition: str) -> Iterator[Window]:
        """Yield consecutive ranges of days, each full but the last."""
        days = cursor.execute(
            f"SELECT time::DATE AS day, count(*) FROM {parquet(files)} WHERE {condition} GROUP BY day ORDER BY day"
        ).fetchall()
        first, rows = None, 0
        for day, count in days:
            first, rows = first or day, rows + count
            if rows >= self._full or day == days[-1][0]:
                yield Window(_midnight(first), _midnight(day + timedelta(days=1)))
                first, rows = None, 0

    def _replace(self, old: Sequence[Segment], new: Sequence[Written]) -> None:
        with self._hot.transaction() as cursor:
            orphans = catalog.remove(cursor, old)
            catalog.enter(cursor, new, self._seq)
            catalog.prune(cursor)
            segments = catalog.segments(cursor)
        try:
            self._files.publish(segments)
        finally:
            self._files.retire([*old, *orphans])


@contextlib.contextmanager
def new_files(hot: HotTier, files: SegmentFiles) -> Iterator[list[Written]]:
    """Lend a list for new files; if what follows fails, those of them that the catalog does not name go again."""
    written: list[Written] = []
    try:
        yield written
    except BaseException:
        with contextlib.suppress(StorageError, duckdb.Error), contextlib.closing(hot.cursor()) as cursor:
            known = {segment.number for segment in catalog.segments(cursor)}
            files.discard(file for file in written if file.number not in known)
        raise


def neighbours(bases: Sequence[Segment], first: date, last: date, full: int) -> list[Segment]:
    """Choose from disjoint `bases` in order those to merge with the days from `first` to `last`.

    These are the ones that share days with them, and what is too small to stay alone (fewer than `full` rows) just
    before and just after. No other segment lies between the chosen ones, so what is made of them overlaps none.
    """
    before = [s for s in bases if s.last_day < first]
    after = [s for s in bases if s.first_day > last]
    shared = [s for s in bases if s.first_day <= last and s.last_day >= first]
    small_before = list(takewhile(lambda s: s.rows < full, reversed(before)))
    small_after = list(takewhile(lambda s: s.rows < full, after))
    return [*reversed(small_before), *shared, *small_after]


def _month_of(segment: Segment) -> date:
    return segment.first_day.replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _months(cursor: duckdb.DuckDBPyConnection, runs: Sequence[Segment]) -> dict[date, set[int]]:
    """Return the runs of each month, by number."""
    found = cursor.execute(
        "SELECT date_trunc('month', day)::DATE, list(DISTINCT segment) FROM segment_days"
        " WHERE segment IN (SELECT unnest(?::BIGINT[])) GROUP BY ALL",
        [[run.number for run in runs]],
    )
    return {month: set(numbers) for month, numbers in found.fetchall()}


def _span(cursor: duckdb.DuckDBPyConnection, files: Sequence[Path], condition: str) -> tuple[date, date]:
    [(first, last)] = cursor.execute(
        f"SELECT min(time)::DATE, max(time)::DATE FROM {parquet(files)} WHERE {condition}"
    ).fetchall()
    return first, last
