"""Which part of a selection rollups answer: whole hours and days of which nothing has changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from storage.series.catalog import Segment
from storage.series.layers import Deleted, Numbered
from storage.series.rollups import DAY, HELD, HOUR, PLAIN, TIERS, Rolled
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
    segments: Iterable[tuple[Segment, set[str]]],
    touched: Spans,
    gone: Sequence[Deleted],
    path: Callable[[Segment, str], Path],
    archives: Sequence[Numbered],
) -> Rolled | None:
    """Return what rollups answer of a window; None where that is nothing, or comes in too many parts.

    `segments` are compacted ones with their tiers, `touched` the days of what lies above them, `gone` the deletions.
    Archives always answer, since nothing else can.
    """
    whole = {tier: Spans.of([_whole(window, width)]) for tier, width in TIERS.items() if width <= grain}
    kept = [(segment, known, _times(segment) - touched - _deleted(segment, gone)) for segment, known in segments]
    tiers: dict[str, tuple[list[Path], Spans]] = {}
    taken = Spans()
    for tier in sorted(whole, key=lambda tier: TIERS[tier], reverse=True):
        free = whole[tier] - taken
        used = [(segment, times & free) for segment, known, times in kept if tier in known and times.overlap(free)]
        files = [path(segment, tier) for segment, times in used if times]
        tiers[tier] = (files, Spans.of(interval for _, times in used for interval in times.intervals))
        taken |= tiers[tier][1]
    if len(taken.intervals) > _MOST:
        tiers = {}
    if not (tiers and taken) and not archives:
        return None
    return Rolled(tiers, archives, whole["hour"])


def _whole(window: Window, width: timedelta) -> tuple[datetime, datetime]:
    """Return from where to where a window has whole hours or days."""
    start, end = window.start or datetime.min, window.end or datetime.max
    if window.start and (part := (start - _EPOCH) % width):
        start += width - part
    return start, end - (end - _EPOCH) % width if window.end else end


def _times(segment: Segment) -> Spans:
    return Spans(((_midnight(segment.first), _midnight(segment.last) + DAY),))


def _deleted(segment: Segment, gone: Sequence[Deleted]) -> Spans:
    """Return the days of a segment of which something was deleted."""
    return Spans.of(
        (_midnight(max(deletion.first, segment.first)), _midnight(min(deletion.last, segment.last)) + DAY)
        for deletion in gone
        if deletion.meets(segment)
    )


def _midnight(time: datetime) -> datetime:
    return time - (time - _EPOCH) % DAY
