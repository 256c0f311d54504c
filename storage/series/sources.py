"""Which files and hot readings a selection reads: as few as can have an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from storage.series.aggregates import is_of_text
from storage.series.catalog import Segment
from storage.series.layers import Layers, arrange, relation
from storage.series.moment import Moment
from storage.series.quarantine import refuse
from storage.series.rolling import grain_of, roll
from storage.series.rollups import HELD, TIERS, Rolled, lasts
from storage.series.segments import ARCHIVE, SegmentFiles
from storage.series.selection import Selection, Source
from storage.series.spans import Spans
from storage.series.sql import Window, timestamp

_WANTED = "id IN (SELECT id FROM wanted)"
_NEVER = datetime(2000, 1, 1)
_SMALL = timedelta(days=32)  # of a single series
# Of each series, the files that may have its last reading before a time: none that ends before the newest time at or
# after which there surely is one: nothing is sure of a series in a file from which some of it was deleted since. Of
# numbers nothing is sure where the series has texts as well, which may have taken their places.
_HOLDING = """
SELECT DISTINCT segment FROM (
    SELECT segment, last,
        coalesce(max(sure) OVER (PARTITION BY id), TIMESTAMP '-infinity') AS surely
    FROM (
        SELECT segment, s.id, s.last, CASE
            WHEN s.lost OR d.id IS NOT NULL OR {doubtful} THEN NULL
            WHEN s.last < {time} THEN s.last WHEN level < 2 THEN s.first
            END AS sure
        FROM (
            SELECT segment, id, s.first, s.last, s.rows, s.numbers, seq, level, false AS lost
            FROM segments JOIN segment_series AS s USING (segment)
            UNION ALL
            SELECT segment, id, s.first, s.last, s.rows, s.numbers, seq, level, true AS lost
            FROM quarantine JOIN quarantine_series AS s USING (segment)
        ) AS s
        LEFT JOIN deletions AS d ON d.id = s.id AND d.seq > s.seq AND d.first <= s.last AND d.last > s.first
        WHERE s.first < {time} AND {some} AND {may_have}
    )
) WHERE last >= surely
"""
_ANY = {"doubtful": "false", "may_have": "true"}
_NUMBERS = {  # runs without any may have texts in their places; files of early versions do not say how many they have
    "doubtful": "s.id IN (SELECT id FROM segment_series WHERE numbers < rows UNION ALL"
    " SELECT id FROM readings WHERE value IS NULL)",
    "may_have": "(coalesce(s.numbers > 0, true) OR level = 0)",
}


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds them, for a moment."""

    files: SegmentFiles

    def source(self, moment: Moment, selection: Selection) -> Source:
        """Return what a selection reads."""
        window = selection.window
        moment.refuse_lost(window)
        first, last = moment.extent or (_NEVER, _NEVER)
        source = Source(
            "",
            self._before(moment, selection) if selection.looks_back else None,
            window.start or first,
            window.end or last,
            datetime.now(UTC).replace(tzinfo=None),
        )
        grain = grain_of(selection, source.first, source.last)
        rolled = self._rolled(moment, window, grain) if grain else None
        rest = Spans.within(window) - rolled.spans if rolled else Spans.within(window)
        only = _WANTED if moment.some else "true"
        rows = relation(self._layers(moment, rest, moment.segments), f"{rest.condition()} AND {only}")
        if rolled is None:
            return replace(source, rows=rows)
        if selection.aggregate in HELD:
            return replace(source, rows=rolled.readings(rows, only, self.files.rollup))
        return replace(source, rows=rows, partials=rolled.partials(rows, only, self.files.rollup))

    def rolls_up(self, moment: Moment, window: Window, grain: timedelta) -> bool:
        """Tell whether there are rollups as wide as `grain` of a segment in the window."""
        wanted = {name for name, width in TIERS.items() if width == grain}
        inside = [s for s in moment.segments if s.level == 1 and window.meets(s.first, s.last)]
        return any(wanted & moment.rolled_up.get(s.number, {}).keys() for s in inside)

    def partials(self, moment: Moment, window: Window, grain: timedelta) -> str:
        """Return the partials of all readings in a window, each within an hour or a day; retired ones have none."""
        rolled = self._rolled(moment, window, grain, retired=False) or Rolled((), (), Spans())
        rest = Spans.within(window) - rolled.spans
        layers = self._layers(moment, rest, moment.segments)
        if not layers and rolled.taken:  # the engine takes its time also for what gives nothing
            return rolled.partials(None, _WANTED, self.files.rollup)
        rows = relation(layers, f"{rest.condition()} AND {_WANTED}")
        return rolled.partials(rows, _WANTED, self.files.rollup)

    def _rolled(self, moment: Moment, window: Window, grain: timedelta, *, retired: bool = True) -> Rolled | None:
        inside = [s for s in moment.segments if window.meets(s.first, s.last)]
        archives = [s for s in inside if s.level == ARCHIVE and retired]
        if not archives and moment.series is not None and is_small(moment.series, window):
            return None
        bases = [(s, moment.rolled_up[s.number]) for s in inside if s.level == 1 and s.number in moment.rolled_up]
        numbered = [(self.files.path(s), s.seq) for s in archives]
        rolled = roll(grain, window, bases, moment.touched, moment.gone, numbered)
        if rolled:
            moment.use([*archives, *rolled.files])
        return rolled

    def layers(self, moment: Moment, window: Window) -> Layers:
        """Return where the readings of a window lie."""
        return self._layers(moment, Spans.within(window), moment.segments)

    def _before(self, moment: Moment, selection: Selection) -> str:
        """Return the relation of what each series has last before the window: of what is about numbers, a number."""
        numbers = selection.aggregate is not None and not is_of_text(selection.aggregate)
        return self.newest(moment, self._reach(selection), numbers=numbers)

    def newest(self, moment: Moment, reach: Window, *, numbers: bool = False, lenient: bool = False) -> str:
        """Return the relation of the last reading, or number, of each series in `reach`.

        Raises InQuarantine where it may be in quarantine; with `lenient`, returns the last one that can be read.
        """
        only = f" AND {_WANTED}" if moment.some else ""
        ids = "s.id IN (SELECT id::UUID FROM wanted)" if moment.some else "true"
        end = timestamp(reach.end) if reach.end else "TIMESTAMP 'infinity'"
        holding = _HOLDING.format(time=end, some=ids, **(_NUMBERS if numbers else _ANY))
        files = {number for (number,) in moment.cursor.execute(holding).fetchall()}
        if not lenient:
            refuse(moment.cursor, files)
        segments = [s for s in moment.segments if s.number in files]
        known = relation(self._layers(moment, Spans.within(reach), segments), reach.condition() + only)
        archives = [s for s in segments if s.level == ARCHIVE and reach.meets(s.first, s.last)]
        if archives and not lenient:
            moment.use(archives)
            known += f" UNION ALL {lasts([(self.files.path(s), s.seq) for s in archives], reach)}{only}"
        newest = "arg_max({time: time, value: value, text: text, status: status}, time)"
        only = " WHERE value IS NOT NULL" if numbers else ""  # of what is left, as a text may be newer at its time
        rows = f"SELECT id, {newest} AS newest FROM ({known}){only} GROUP BY id"
        return f"SELECT id, newest.time, newest.value, newest.text, newest.status FROM ({rows})"

    @staticmethod
    def _reach(selection: Selection) -> Window:
        """Return the time before the window in which a value begins that matters inside."""
        start = selection.window.start or datetime.min
        reaches = selection.hold is not None and selection.hold <= start - datetime.min
        return Window(start - selection.hold if selection.hold and reaches else None, start)

    def _layers(self, moment: Moment, times: Spans, segments: Sequence[Segment]) -> Layers:
        inside = [s for s in segments if times.meets(s.first, s.last)]
        runs, hot = moment.run_days, moment.hot_days
        above = [days for days in (hot, *(runs[s.number] for s in inside if s.level == 0)) if days.meet(times)]
        wanted = [s for s in inside if s.level == 1 or (s.level == 0 and runs[s.number].meet(times))]
        moment.use(wanted)
        return arrange(
            self.files.path,
            wanted,
            lambda segment: any(days.are_in(segment.first_day, segment.last_day) for days in above),
            moment.gone,
            times,
            hot=hot.meet(times),
        )


def is_small(series: int, window: Window) -> bool:
    """Tell whether the readings themselves are so few that to plan for rollups takes longer than to read them."""
    if window.start is None or window.end is None:
        return False
    return series * (window.end - window.start) <= _SMALL


def overlap(segment: Segment, first: datetime, last: datetime) -> bool:
    """Tell whether a segment and the closed interval [first, last] have a time in common."""
    return segment.first <= last and segment.last >= first
