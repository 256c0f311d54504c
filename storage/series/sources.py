"""Which files and hot readings a selection reads: as few as can have an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from storage.series import catalog
from storage.series.catalog import Segment
from storage.series.hot import HotTier
from storage.series.layers import Layers, arrange, days_of, deleted, hot_days, relation
from storage.series.quarantine import refuse, refuse_lost
from storage.series.rolling import grain_of, roll
from storage.series.rollups import HELD, Rolled, lasts
from storage.series.segments import ARCHIVE, SegmentFiles
from storage.series.selection import Selection, Source
from storage.series.spans import Spans
from storage.series.sql import Window, timestamp

_WANTED = "id IN (SELECT id FROM wanted)"
_NEVER = datetime(2000, 1, 1)
# Of each series, the files that may have its last reading before a time: none that ends before the newest time at or
# after which there surely is one: nothing is sure of a series in a file from which some of it was deleted since.
_HOLDING = """
SELECT DISTINCT segment FROM (
    SELECT segment, last,
        coalesce(max(sure) OVER (PARTITION BY id), TIMESTAMP '-infinity') AS surely
    FROM (
        SELECT segment, s.id, s.last, CASE
            WHEN s.lost OR d.id IS NOT NULL THEN NULL WHEN s.last < {time} THEN s.last WHEN level < 2 THEN s.first
            END AS sure
        FROM (
            SELECT segment, id, s.first, s.last, seq, level, false AS lost
            FROM segments JOIN segment_series AS s USING (segment)
            UNION ALL
            SELECT segment, id, s.first, s.last, seq, level, true AS lost
            FROM quarantine JOIN quarantine_series AS s USING (segment)
        ) AS s
        LEFT JOIN deletions AS d ON d.id = s.id AND d.seq > s.seq AND d.first <= s.last AND d.last > s.first
        WHERE s.first < {time} AND {some}
    )
) WHERE last >= surely
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds them, in the transaction of a cursor, for as long as `cleanup` has not run."""

    hot: HotTier
    files: SegmentFiles

    def source(
        self, cursor: duckdb.DuckDBPyConnection, selection: Selection, cleanup: contextlib.ExitStack, *, some: bool
    ) -> Source:
        """Return what a selection reads, of all series or with `some`, of those in `wanted`."""
        window = selection.window
        refuse_lost(cursor, window, some=some)
        first, last = self._extent(cursor)
        source = Source(
            "",
            self.newest(cursor, self._reach(selection), cleanup, some=some) if selection.looks_back else None,
            window.start or first,
            window.end or last,
            datetime.now(UTC).replace(tzinfo=None),
        )
        segments = self._lease(cursor, window, lambda _: True, cleanup)
        grain = grain_of(selection, source.first, source.last)
        rolled = self._rolled(cursor, window, segments, grain, some=some) if grain else None
        rest = _spans(window) - rolled.spans if rolled else _spans(window)
        layers = self._layers(cursor, rest, [s for s in segments if rest.meets(s.first, s.last)], some=some)
        only = _WANTED if some else "true"
        rows = relation(layers, f"{rest.condition()} AND {only}")
        if rolled is None:
            return replace(source, rows=rows)
        if selection.aggregate in HELD:
            return replace(source, rows=rolled.readings(rows, only))
        return replace(source, rows=rows, partials=rolled.partials(rows, only))

    def _rolled(
        self,
        cursor: duckdb.DuckDBPyConnection,
        window: Window,
        segments: Sequence[Segment],
        grain: timedelta,
        *,
        some: bool,
    ) -> Rolled | None:
        known = catalog.rolled_up(cursor)
        above = [hot_days(cursor), *days_of(cursor, [s for s in segments if s.level == 0]).values()]
        return roll(
            grain,
            window,
            [(s, known[s.number]) for s in segments if s.level == 1 and s.number in known],
            Spans.of_days(day for days in above for day in days),
            deleted(cursor, some=some),
            self.files.rollup,
            [(self.files.path(s), s.seq) for s in segments if s.level == ARCHIVE],
        )

    def layers(
        self, cursor: duckdb.DuckDBPyConnection, window: Window, cleanup: contextlib.ExitStack, *, some: bool
    ) -> Layers:
        """Return where the readings of a window lie, of all series or with `some`, of those in `wanted`."""
        return self._layers(cursor, _spans(window), self._lease(cursor, window, lambda _: True, cleanup), some=some)

    def _lease(
        self,
        cursor: duckdb.DuckDBPyConnection,
        window: Window,
        wanted: Callable[[Segment], bool],
        cleanup: contextlib.ExitStack,
    ) -> list[Segment]:
        def choose() -> list[Segment]:
            return [s for s in catalog.segments(cursor) if window.meets(s.first, s.last) and wanted(s)]

        segments = self.files.lease(choose)
        cleanup.callback(self.files.let_go, segments)
        return segments

    def newest(
        self,
        cursor: duckdb.DuckDBPyConnection,
        reach: Window,
        cleanup: contextlib.ExitStack,
        *,
        some: bool,
        lenient: bool = False,
    ) -> str:
        """Return the relation of the last reading of each series in `reach`, of all or of those in `wanted`.

        Raises InQuarantine where it may be in quarantine; with `lenient`, returns the last one that can be read.
        """
        only = f" AND {_WANTED}" if some else ""
        ids = "s.id IN (SELECT id::UUID FROM wanted)" if some else "true"
        end = timestamp(reach.end) if reach.end else "TIMESTAMP 'infinity'"
        found = cursor.execute(_HOLDING.format(time=end, some=ids)).fetchall()
        numbers = {number for (number,) in found}
        if not lenient:
            refuse(cursor, numbers)
        segments = self._lease(cursor, reach, lambda segment: segment.number in numbers, cleanup)
        layers = self._layers(cursor, _spans(reach), segments, some=some)
        newest = "arg_max({time: time, value: value, text: text, status: status}, time)"
        known = relation(layers, reach.condition() + only)
        archives = [(self.files.path(s), s.seq) for s in segments if s.level == ARCHIVE]
        if archives and not lenient:
            known += f" UNION ALL {lasts(archives, reach)}{only}"
        rows = f"SELECT id, {newest} AS newest FROM ({known}) GROUP BY id"
        return f"SELECT id, newest.time, newest.value, newest.text, newest.status FROM ({rows})"

    @staticmethod
    def _reach(selection: Selection) -> Window:
        """Return the time before the window in which a value begins that matters inside."""
        start = selection.window.start or datetime.min
        return Window(start - selection.hold if selection.hold else None, start)

    def _extent(self, cursor: duckdb.DuckDBPyConnection) -> tuple[datetime, datetime]:
        """Return the first and the last time of all readings."""
        spans = [self._hot_extent(cursor), *((s.first, s.last) for s in catalog.segments(cursor))]
        known = [span for span in spans if span[0] is not None]
        return min((first for first, _ in known), default=_NEVER), max((last for _, last in known), default=_NEVER)

    @staticmethod
    def _hot_extent(cursor: duckdb.DuckDBPyConnection) -> tuple[Any, Any]:
        [(first, last)] = cursor.execute("SELECT min(time), max(time) FROM readings").fetchall()
        return first, last

    def _layers(
        self, cursor: duckdb.DuckDBPyConnection, times: Spans, segments: Sequence[Segment], *, some: bool
    ) -> Layers:
        runs = days_of(cursor, [s for s in segments if s.level == 0])
        hot = hot_days(cursor)
        above = [days for days in (hot, *runs.values()) if days.meet(times)]
        return arrange(
            self.files.path,
            [s for s in segments if s.level == 1 or (s.number in runs and runs[s.number].meet(times))],
            lambda segment: any(days.are_in(segment.first_day, segment.last_day) for days in above),
            deleted(cursor, some=some),
            times,
            hot=hot.meet(times),
        )


def _spans(window: Window) -> Spans:
    return Spans.of([(window.start or datetime.min, window.end or datetime.max)])


def overlap(segment: Segment, first: datetime, last: datetime) -> bool:
    """Tell whether a segment and the closed interval [first, last] have a time in common."""
    return segment.first <= last and segment.last >= first
