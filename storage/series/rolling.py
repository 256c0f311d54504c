"""Which part of a selection rollups answer: whole hours and days of which nothing has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from storage.series.catalog import Segment
from storage.series.layers import Deleted, Numbered
from storage.series.rolled_up import RollupFile
from storage.series.rollups import DAY, HELD, HOUR, PLAIN, TIERS, Rolled, Taken
from storage.series.selection import Selection
from storage.series.spans import Spans
from storage.series.sql import Window
from storage.series.steps import Buckets

_MOST = 64  # intervals in a statement: beyond, the readings themselves are no slower
_EPOCH = datetime(1970, 1, 1)


def grain_of(selection: Selection, first: datetime, last: datetime) -> timedelta | None:
    """Return the widest of a day and an hour whose rollups give the same answer; None where only readings do.

    Sums and means are equal but for their last digits, since they are added up in another order.
    """
    name = selection.aggregate
    if name not in PLAIN | HELD:
        return None
    if selection.step is None:
        # The one bucket of an open window begins with its first reading, be it a text. Partials only know numbers.
        grain = None if name == "count" and selection.window.start is None else DAY
    else:
        grain = Buckets(selection.step, first, last).grain
    if name in HELD and grain is not None and selection.hold is not None:
        # Inside an hour no value holds for longer than that; what holds shorter may end inside.
        return None if selection.hold < HOUR else HOUR if selection.hold < DAY else grain
    return grain


def roll(
    grain: timedelta,
    window: Window,
    segments: Iterable[tuple[Segment, Mapping[str, RollupFile]]],
    touched: Spans,
    gone: Sequence[Deleted],
    archives: Sequence[Numbered],
) -> Rolled | None:
    """Return what rollups answer of a window; None where that is nothing, or comes in too many parts.

    `segments` are compacted ones with their files, `touched` the days of what lies above them, `gone` the deletions.
    Archives always answer, since nothing else can.
    """
    whole = {tier: Spans.of([_whole(window, width)]) for tier, width in TIERS.items() if width <= grain}
    kept = [(known, Spans((segment.days,)) - touched - _deleted(segment, gone)) for segment, known in segments]
    used: list[Taken] = []
    taken = Spans()
    for tier in sorted(whole, key=lambda tier: TIERS[tier], reverse=True):
        free = whole[tier] - taken
        found = [(known[tier], times & free) for known, times in kept if tier in known and times.overlap(free)]
        used += _taken([(file, times) for file, times in found if times])
        taken |= Spans.of(interval for _, times in found for interval in times.intervals)
    if len(taken.intervals) > _MOST:
        used = []
    if not used and not archives:
        return None
    return Rolled(used, archives, whole["hour"])


def _taken(found: Sequence[tuple[RollupFile, Spans]]) -> list[Taken]:
    """Put files together that can be read at the same times; those that are not whole only at their own."""
    groups: dict[int | None, tuple[set[RollupFile], Spans]] = {}
    for file, times in found:
        files, together = groups.get(key := None if file.whole else file.number, (set(), Spans()))
        groups[key] = files | {file}, together | times
    return [Taken(sorted(files, key=lambda file: file.number), times) for files, times in groups.values()]


def _whole(window: Window, width: timedelta) -> tuple[datetime, datetime]:
    """Return from where to where a window has whole hours or days."""
    start, end = window.start or datetime.min, window.end or datetime.max
    if window.start and (part := (start - _EPOCH) % width):
        start += width - part
    return start, end - (end - _EPOCH) % width if window.end else end


def _deleted(segment: Segment, gone: Sequence[Deleted]) -> Spans:
    """Return the days of a segment of which something was deleted."""
    return Spans.of(
        (_midnight(max(deletion.first, segment.first)), _midnight(min(deletion.last, segment.last)) + DAY)
        for deletion in gone
        if deletion.meets(segment)
    )


def _midnight(time: datetime) -> datetime:
    return time - (time - _EPOCH) % DAY
