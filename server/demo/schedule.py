"""Time as the building knows it: local hours, working days, and when the plant has to start."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from server.demo.layout import STEP_SECONDS, STEPS_PER_DAY, TIME_ZONE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Times = NDArray[np.datetime64]

OPEN: Final = ((7.0, 18.5), (7.0, 19.0))
"""Local hours in which each air handler keeps the comfort setpoints, on working days."""


@dataclass(frozen=True)
class Clock:
    """One entry a step: UTC time, local hour of the day (0-24), local day, working day or not."""

    utc: Times
    hour: Floats
    day: Times
    workday: Bools

    @property
    def day_number(self) -> NDArray[np.int64]:
        """Days since the first local day, to look up what is drawn once a day."""
        return np.asarray((self.day - self.day[0]).astype(np.int64))

    @property
    def year_fraction(self) -> Floats:
        """Time since 1 January, 0-1."""
        year = self.utc.astype("datetime64[Y]")
        since = self.utc - year.astype("datetime64[us]")
        return np.asarray(since / np.timedelta64(365 * 86400 + 21600, "s"))


def clock(start: date, days: int) -> Clock:
    """Return the clock of `days` UTC days from midnight UTC of `start`."""
    utc = np.datetime64(start, "us") + np.arange(days * STEPS_PER_DAY) * np.timedelta64(STEP_SECONDS, "s")
    local = utc + _offsets(start, days)
    day = local.astype("datetime64[D]")
    hour = (local - day) / np.timedelta64(3600, "s")
    closed = np.array(sorted(holidays(start, days)), dtype="datetime64[D]")
    return Clock(utc, hour, day, np.is_busday(day, holidays=closed))


def _offsets(start: date, days: int) -> NDArray[np.timedelta64]:
    """Return the local offset from UTC of each step; it can only change on a full hour."""
    zone, first = ZoneInfo(TIME_ZONE), datetime(start.year, start.month, start.day, tzinfo=UTC)
    hours = [(first + timedelta(hours=h)).astimezone(zone).utcoffset() for h in range(days * 24)]
    seconds = np.array([offset.total_seconds() for offset in hours if offset is not None], dtype="int64")
    return np.repeat(seconds.astype("timedelta64[s]"), STEPS_PER_DAY // 24)


def holidays(start: date, days: int) -> set[date]:
    """Return the days the office is closed: German national holidays, 24 and 31 December."""
    years = range(start.year, (start + timedelta(days=days)).year + 1)
    fixed = ((1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31))
    movable = (-2, 1, 39, 50)  # Good Friday, Easter Monday, Ascension, Whit Monday
    return {date(year, *day) for year in years for day in fixed} | {
        easter(year) + timedelta(days=n) for year in years for n in movable
    }


def easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian algorithm, Nature 1876)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    m = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def occupied(time: Clock) -> Bools:
    """Return, per step and air handler, whether the comfort setpoints hold."""
    return np.stack([time.workday & (time.hour >= first) & (time.hour < last) for first, last in OPEN], axis=1)


def scheduled(time: Clock, outdoor: Floats) -> Bools:
    """Return, per step and air handler, whether it runs: `occupied` and the optimal start before it.

    The lead is half an hour, and 8 min more for each kelvin that it is colder than 15 degC outside,
    up to 4 h: what a controller with outdoor temperature compensation would have learned. After two
    closed days (Monday) it is an hour longer.
    """
    monday = (time.day.astype("int64") + 3) % 7 == 0
    lead = np.clip(0.5 + (15.0 - outdoor) * 8 / 60 + monday * (outdoor < 12), 0.5, 4.0)
    early = [time.workday & (time.hour >= first - lead) & (time.hour < first) for first, _ in OPEN]
    return np.asarray(occupied(time) | np.stack(early, axis=1))
