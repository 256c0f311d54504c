"""Buckets of time: fixed widths and calendar steps, in UTC or by the clocks of a time zone.

A step of an hour or less is so much time that passes, so that the hour which a clock shows twice in autumn is two
buckets or more. Where the clock is changed by another time than whole steps, the bucket of that moment ends with it.
A longer step follows the clock on the wall: a day is from midnight to midnight, and has 23, 24 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from storage.series.sql import timestamp

_MONDAY, _NEW_YEAR = datetime(2000, 1, 3), datetime(2000, 1, 1)
_HOUR, _DAY, _MICROSECOND = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
_EARLIEST, _LATEST = datetime(1900, 1, 1), datetime(2200, 1, 1)  # beyond them, clocks are taken to stay


@dataclass(frozen=True, slots=True)
class Step:
    """A bucket width: whole months, or a fixed time, counted from `origin` by the clocks of `zone`.

    Without an origin, buckets are counted from Monday 2000-01-03, those of months from 2000-01-01. The origin of
    months is on one of the days that each of them has, 1 to 28. `zone` is a name of the IANA time zone database.
    """

    months: int = 0
    time: timedelta = timedelta()
    zone: str = "UTC"
    origin: datetime | None = None

    @property
    def start(self) -> datetime:
        """From where buckets are counted, on a clock of the zone."""
        return self.origin or (_NEW_YEAR if self.months else _MONDAY)

    @property
    def into_month(self) -> timedelta:
        """How long after the start of a month a bucket of months starts."""
        first = self.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return self.start - first if self.months else timedelta()

    @property
    def is_short(self) -> bool:
        """Whether it is so much time that passes, whatever the clock does."""
        return not self.months and self.time <= _HOUR

    def interval(self) -> str:
        """Return the SQL interval."""
        if self.months:
            return f"INTERVAL {self.months} MONTH"
        return f"to_microseconds({self.time // _MICROSECOND})"


@dataclass(frozen=True, slots=True)
class _Shift:
    """From `since` (UTC) on, clocks show UTC plus `offset`."""

    since: datetime
    offset: timedelta


class Buckets:
    """The SQL for the buckets of a step, right for times (naive UTC) from `first` to `last`.

    A method's `time` is SQL too: a column, or a literal.
    """

    def __init__(self, step: Step, first: datetime, last: datetime) -> None:
        self._step = step
        longest = step.time + 31 * step.months * _DAY
        around = max(first, _EARLIEST + longest) - longest, min(last, _LATEST - longest) + longest
        self._shifts = _shifts(step.zone, *around)
        self._grids = _grids(step, self._shifts) if step.is_short else self._shifts

    def start(self, time: str) -> str:
        """Return the SQL for the start of the bucket that `time` falls in."""
        if self._is_regular:
            return self._counted(time, self._shifts[0].offset)
        if self._step.is_short:
            return _by_shift(self._grids, time, lambda grid: _latest(grid.since, self._counted(time, grid.offset)))
        return self._moment(self._counted(self.clock(time)))

    def end(self, start: str) -> str:
        """Return the SQL for the end of the bucket with this start."""
        if self._is_regular:
            return f"({start} + {self._step.interval()})"
        if self._step.is_short:
            interval = self._step.interval()
            whole = _by_shift(self._grids, start, lambda grid: f"{self._counted(start, grid.offset)} + {interval}")
            turns = (timestamp(grid.since) for grid in self._grids[1:])
            return f"least({whole}, {_case((f'WHEN {start} < {turn} THEN {turn}' for turn in turns), 'NULL')})"
        return self._moment(f"{self._counted(self.clock(start))} + {self._step.interval()}")

    def starts(self, first: str, last: str) -> str:
        """Return a SELECT of the bucket starts from the bucket of `first` to that of `last`, as `start`."""
        interval = self._step.interval()
        if self._is_regular:
            return f"SELECT unnest(generate_series({self.start(first)}, {last}, {interval})) AS start"
        if self._step.is_short:
            return self._starts_about(first, last)
        clock = f"generate_series({self._counted(self.clock(first))}, {self.clock(last)}, {interval})"
        return f"SELECT DISTINCT {self._moment('clock')} AS start FROM (SELECT unnest({clock}) AS clock)"

    def _starts_about(self, first: str, last: str) -> str:
        """Return what `starts` does for short steps: each bucket has a time a step after another, or is at a turn."""
        turns = [turn for grid in self._grids[1:] for turn in (grid.since - _MICROSECOND, grid.since)]
        steps = f"generate_series({first}, {last}, {self._step.interval()})"
        times = f"unnest({steps} || [{', '.join(map(timestamp, turns))}, {last}])"
        within = f"SELECT time FROM (SELECT {times} AS time) WHERE time BETWEEN {first} AND {last}"
        return f"SELECT DISTINCT {self.start('time')} AS start FROM ({within})"

    def starts_of(self, times: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what `start` says of many times (datetime64[us])."""
        if self._is_regular:
            return self._floored(times, self._shifts[0].offset)
        if self._step.is_short:
            return self._starts_by_grid(times)
        since = np.array([shift.since for shift in self._shifts], "datetime64[us]")
        offsets = np.array([shift.offset for shift in self._shifts], "timedelta64[us]")
        clock = self._floored(times + offsets[np.searchsorted(since[1:], times, "right")])
        shift = np.searchsorted(since[1:] + offsets[:-1], clock, "right")
        starts: npt.NDArray[Any] = np.maximum(since[shift], clock - offsets[shift])
        return starts

    def _starts_by_grid(self, times: npt.NDArray[Any]) -> npt.NDArray[Any]:
        starts = np.empty_like(times)
        since = np.array([grid.since for grid in self._grids], "datetime64[us]")
        of = np.searchsorted(since[1:], times, "right")
        for number in np.unique(of):
            floored = self._floored(times[of == number], self._grids[number].offset)
            starts[of == number] = np.maximum(since[number], floored)
        return starts

    def _floored(self, times: npt.NDArray[Any], offset: timedelta = timedelta()) -> npt.NDArray[Any]:
        """Return the starts of the buckets of times that are `offset` behind the clock."""
        starts: npt.NDArray[Any]
        origin = np.datetime64(self._step.start - offset, "us")
        if not self._step.months:
            starts = times - (times - origin) % np.timedelta64(self._step.time, "us")
            return starts
        into = np.timedelta64(self._step.into_month, "us")
        month = (times - into).astype("datetime64[M]")
        over = (month - origin.astype("datetime64[M]")) % np.timedelta64(self._step.months, "M")
        starts = (month - over).astype("datetime64[us]") + into
        return starts

    @property
    def grain(self) -> timedelta | None:
        """The widest of a day and an hour of UTC at whose starts all buckets start and end; None for neither."""
        interval = _DAY if self._step.months else self._step.time
        moments = [self._step.start - _MONDAY, *(shift.offset for shift in self._shifts)]
        if any(time % _HOUR for time in (interval, *moments)) or self._turns_within_hours:
            return None
        return _HOUR if any(time % _DAY for time in (interval, *moments)) else _DAY

    @property
    def _turns_within_hours(self) -> bool:
        return any((shift.since - _MONDAY) % _HOUR for shift in self._shifts[1:])

    @property
    def _is_regular(self) -> bool:
        """Tell whether the buckets are a regular grid in UTC."""
        if self._step.months:
            return len(self._shifts) == 1 and not self._shifts[0].offset
        return len(self._grids) == 1

    def _counted(self, time: str, offset: timedelta = timedelta()) -> str:
        """Return the start of the bucket of a time that is `offset` behind the clock."""
        into = self._step.into_month
        origin = timestamp(self._step.start - offset - into)
        if not into:
            return f"time_bucket({self._step.interval()}, {time}, {origin})"
        # The engine's buckets of months start with a month, whatever the origin.
        return f"(time_bucket({self._step.interval()}, {time} - {_interval(into)}, {origin}) + {_interval(into)})"

    def clock(self, time: str) -> str:
        """Return the SQL for what the clock shows at a moment."""
        return _by_shift(self._shifts, time, lambda shift: f"{time} + {_interval(shift.offset)}")

    def _moment(self, clock: str) -> str:
        """Return the first moment at which the clock shows `clock` or later."""

        def moment(shift: _Shift) -> str:
            return _latest(shift.since, f"shown - {_interval(shift.offset)}")

        cases = (
            f"WHEN shown < {timestamp(later.since + shift.offset)} THEN {moment(shift)}"
            for shift, later in pairwise(self._shifts)
        )
        # A lambda says `clock`, with its case for each shift, once: written out in each it takes minutes to plan.
        return f"list_transform([{clock}], lambda shown: {_case(cases, moment(self._shifts[-1]))})[1]"


def bucket_start(step: Step, time: datetime) -> datetime:
    """Return the start of the bucket of a step that a time (naive UTC) falls in, as Buckets finds it.

    Raises OverflowError or ValueError where it is none that a datetime can have.
    """
    shifts = _shifts_near(step.zone, time)
    if step.is_short:
        grid = _shift_at(_grids(step, shifts), time)
        return max(grid.since, _counted(step, time, step.start - grid.offset))
    clock = _counted(step, time + _shift_at(shifts, time).offset, step.start)
    shifts = _shifts_near(step.zone, clock)
    for shift, later in pairwise(shifts):
        if clock < later.since + shift.offset:
            return max(shift.since, clock - shift.offset)
    return max(shifts[-1].since, clock - shifts[-1].offset)


def _counted(step: Step, time: datetime, origin: datetime) -> datetime:
    if not step.months:
        return time - (time - origin) % step.time
    month = time - step.into_month
    months = 12 * month.year + month.month - 1
    months -= (months - 12 * origin.year - origin.month + 1) % step.months
    return datetime(months // 12, months % 12 + 1, 1) + step.into_month


def _shift_at(shifts: Sequence[_Shift], time: datetime) -> _Shift:
    return next(shift for shift in reversed(shifts) if time >= shift.since)


def _shifts_near(zone: str, time: datetime) -> tuple[_Shift, ...]:
    """Return the offsets of the years around, whatever the time in its year, so that few are looked for."""
    year = min(max(time.year, _EARLIEST.year), _LATEST.year)
    return _shifts(zone, datetime(year - 1, 1, 1), datetime(year + 2, 1, 1))


def _grids(step: Step, shifts: Sequence[_Shift]) -> tuple[_Shift, ...]:
    """Return the shifts with which the buckets of a short step are counted anew: not by whole steps."""
    anew = (later for shift, later in pairwise(shifts) if (later.offset - shift.offset) % step.time)
    return (shifts[0], *anew)


def _by_shift(shifts: Sequence[_Shift], time: str, sql: Callable[[_Shift], str]) -> str:
    cases = (f"WHEN {time} < {timestamp(later.since)} THEN {sql(shift)}" for shift, later in pairwise(shifts))
    return _case(cases, sql(shifts[-1]))


def _latest(since: datetime, time: str) -> str:
    return f"greatest({timestamp(since)}, {time})"


def _case(cases: Iterable[str], otherwise: str) -> str:
    known = " ".join(cases)
    return f"(CASE {known} ELSE {otherwise} END)" if known else f"({otherwise})"


def _interval(time: timedelta) -> str:
    return f"to_microseconds({time // _MICROSECOND})"


@lru_cache(maxsize=256)
def _shifts(zone: str, first: datetime, last: datetime) -> tuple[_Shift, ...]:
    """Return the offsets that clocks have from `first` to `last`, and a day around."""
    if zone == "UTC":
        return (_Shift(datetime.min, timedelta()),)
    first, last = (min(max(time, _EARLIEST), _LATEST) for time in (first, last))
    return tuple(_found(ZoneInfo(zone), first - 2 * _DAY, last + 2 * _DAY))


def _found(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[_Shift]:
    offset = _offset(zone, first)
    yield _Shift(datetime.min, offset)
    day = first
    while day < last:
        following = day + _DAY
        if (other := _offset(zone, following)) != offset:
            yield _Shift(_turn(zone, day, following), other)
            offset = other
        day = following


def _turn(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the moment between two at which the offset changes, to the second."""
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0) if middle.replace(microsecond=0) > before else middle
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _offset(zone: ZoneInfo, time: datetime) -> timedelta:
    return time.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()
