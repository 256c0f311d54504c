"""Sets of times, as half-open intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from storage.series.sql import Window, timestamp

Interval = tuple[datetime, datetime]
EVER = (datetime.min, datetime.max)


@dataclass(frozen=True, slots=True)
class Spans:
    """Disjoint intervals [start, end) in order, none of them touching the next."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Spans:
        """Return the times that are in any of the intervals."""
        return cls(tuple(_merged(sorted(span for span in intervals if span[0] < span[1]))))

    @classmethod
    def within(cls, window: Window) -> Spans:
        """Return the times of a window."""
        return cls.of([(window.start or datetime.min, window.end or datetime.max)])

    @classmethod
    def of_days(cls, days: Iterable[date]) -> Spans:
        """Return the times of some days."""
        starts = [datetime(day.year, day.month, day.day) for day in days]
        return cls.of((start, start + timedelta(days=1)) for start in starts)

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __or__(self, other: Spans) -> Spans:
        return Spans.of([*self.intervals, *other.intervals])

    def __and__(self, other: Spans) -> Spans:
        return Spans.of(
            (max(a, c), min(b, d)) for a, b in self.intervals for c, d in other.intervals if a < d and c < b
        )

    def __sub__(self, other: Spans) -> Spans:
        if not self.overlap(other):
            return self
        return self & Spans(tuple(_gaps(other.intervals)))

    def overlap(self, other: Spans) -> bool:
        """Tell whether any time is in both."""
        return any(a < d and c < b for a, b in self.intervals for c, d in other.intervals)

    def meets(self, first: datetime, last: datetime) -> bool:
        """Tell whether one of the times is in the closed interval [first, last]."""
        return any(start <= last and end > first for start, end in self.intervals)

    def condition(self, time: str = "time") -> str:
        """Return the SQL condition on the column `time`."""
        return "(" + (" OR ".join(_condition(time, *span) for span in self.intervals) or "false") + ")"


def _condition(time: str, start: datetime, end: datetime) -> str:
    parts = [f"{time} >= {timestamp(start)}"] if start > datetime.min else []
    parts += [f"{time} < {timestamp(end)}"] if end < datetime.max else []
    return "(" + (" AND ".join(parts) or "true") + ")"


def _merged(intervals: Iterable[Interval]) -> Iterator[Interval]:
    last: Interval | None = None
    for start, end in intervals:
        if last is not None and start <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (start, end)
    if last is not None:
        yield last


def _gaps(intervals: Iterable[Interval]) -> Iterator[Interval]:
    after = datetime.min
    for start, end in intervals:
        if after < start:
            yield (after, start)
        after = end
    if after < datetime.max:
        yield (after, datetime.max)
