"""Buckets against a computation with Python's own clocks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from storage.series.sql import timestamp
from storage.series.steps import Buckets, Step

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WIDTHS = {
    "7 minutes": Step(time=timedelta(minutes=7)),
    "25 minutes": Step(time=timedelta(minutes=25)),
    "40 minutes": Step(time=timedelta(minutes=40)),
    "15 minutes": Step(time=HOUR / 4),
    "hour": Step(time=HOUR),
    "2 hours": Step(time=2 * HOUR),
    "6 hours": Step(time=6 * HOUR),
    "day": Step(time=DAY),
    "week": Step(time=7 * DAY),
    "month": Step(months=1),
    "year from April": Step(months=12, origin=datetime(2020, 4, 1)),
    "month from the 15th": Step(months=1, origin=datetime(2025, 1, 15)),
    "quarter from the 28th at 6:30": Step(months=3, origin=datetime(2026, 2, 28, 6, 30)),
    "day from six": Step(time=DAY, origin=datetime(2020, 1, 1, 6)),
}


def clock(zone: str, time: datetime) -> datetime:
    return time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def counted(step: Step, time: datetime) -> datetime:
    """Return the start of the bucket that a time on the clock falls in."""
    if not step.months:
        return time - (time - step.start) % step.time
    months = (time.year - step.start.year) * 12 + time.month - step.start.month
    months -= time < step.start.replace(year=time.year, month=time.month)  # it began in the month before
    turn = step.start.month - 1 + months // step.months * step.months
    return step.start.replace(year=step.start.year + turn // 12, month=turn % 12 + 1)


def expected(step: Step, time: datetime) -> datetime:
    shown = clock(step.zone, time)
    start = counted(step, shown)
    if step.time and step.time <= HOUR:
        ahead = shown - time
        moment = start - ahead  # both of the hours that a clock shows twice
        while (clock(step.zone, moment) - moment - ahead) % step.time:  # by another clock, whose buckets are others
            moment += timedelta(minutes=1)
        return moment
    moment = start - timedelta(hours=15)  # no clock is that far ahead
    while clock(step.zone, moment) < start:
        moment += timedelta(minutes=15)
    return moment


def moments() -> list[datetime]:
    turns = (datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 4, 4, 12), datetime(2026, 10, 3, 12))
    near = [turn + timedelta(minutes=15 * n) for turn in turns for n in range(40)]
    rng = random.Random(1)
    return near + [datetime(2025, 1, 1) + timedelta(minutes=rng.randrange(60 * 24 * 700)) for _ in range(100)]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE moments (time TIMESTAMP)")
        connection.executemany("INSERT INTO moments VALUES (?)", [[time] for time in moments()])
        yield connection


def steps() -> Iterator[Step]:
    for zone in ZONES:
        for step in WIDTHS.values():
            yield Step(step.months, step.time, zone, step.origin)


@pytest.mark.parametrize("step", list(steps()), ids=lambda step: f"{step.zone} {step.interval()}")
def test_buckets(engine: duckdb.DuckDBPyConnection, step: Step) -> None:
    times = moments()
    buckets = Buckets(step, min(times), max(times))
    found = dict(engine.execute(f"SELECT time, {buckets.start('time')} FROM moments").fetchall())
    assert found == {time: expected(step, time) for time in times}
    grid = buckets.starts(timestamp(min(times)), timestamp(max(times)))
    rows = engine.execute(f"SELECT start, {buckets.end('start')} FROM ({grid}) ORDER BY start").fetchall()
    assert set(found.values()) <= {start for start, _ in rows}
    assert [end for _, end in rows[:-1]] == [start for start, _ in rows[1:]]  # no gap, no overlap


def test_a_bucket_ends_by_the_clock_of_its_end(engine: duckdb.DuckDBPyConnection) -> None:
    autumn = datetime(2026, 10, 2)
    end = Buckets(Step(months=1, zone="Europe/Berlin"), autumn, autumn).end(timestamp(datetime(2026, 9, 30, 22)))
    assert engine.execute(f"SELECT {end}").fetchone() == (datetime(2026, 10, 31, 23),)


def test_many_shifts_make_no_long_statement() -> None:
    buckets = Buckets(Step(time=DAY, zone="Europe/Berlin"), datetime(1900, 1, 1), datetime(2200, 1, 1))
    assert len(buckets.end("time")) < 200_000


def test_the_hour_that_a_clock_shows_twice_is_two_hours_of_buckets(engine: duckdb.DuckDBPyConnection) -> None:
    turn = datetime(2026, 10, 25, 1)
    buckets = Buckets(Step(time=timedelta(minutes=40), zone="Europe/Berlin"), turn, turn)
    grid = buckets.starts(timestamp(turn - HOUR), timestamp(turn + HOUR))
    rows = engine.execute(f"SELECT start, {buckets.end('start')} - start FROM ({grid}) ORDER BY start").fetchall()
    begins = [
        (clock("Europe/Berlin", start).strftime("%H:%M"), length // timedelta(minutes=1)) for start, length in rows
    ]
    assert begins == [("02:00", 40), ("02:40", 20), ("02:00", 40), ("02:40", 40)]


def test_days_have_23_24_and_25_hours(engine: duckdb.DuckDBPyConnection) -> None:
    step = Step(time=DAY, zone="Europe/Berlin")
    buckets = Buckets(step, datetime(2026, 3, 1), datetime(2026, 11, 1))
    grid = buckets.starts(timestamp(datetime(2026, 3, 1)), timestamp(datetime(2026, 11, 1)))
    rows = engine.execute(f"SELECT start, {buckets.end('start')} - start FROM ({grid})").fetchall()
    odd = {clock(step.zone, start): length / HOUR for start, length in rows if length != DAY}
    assert odd == {datetime(2026, 3, 29): 23.0, datetime(2026, 10, 25): 25.0}
