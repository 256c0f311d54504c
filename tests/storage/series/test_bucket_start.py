"""Buckets reckoned in Python and in numpy are those that the SQL finds."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from storage.series.durations import read_step
from storage.series.steps import Buckets, Step, bucket_start

_ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")
_STEPS = ("PT7M", "PT40M", "PT1H", "PT7H", "P1D", "P1W", "P5M", "P30Y", "P9000D")
_ORIGINS = (None, datetime(2024, 2, 29, 6, 30), datetime(2030, 1, 28))


def _times() -> list[datetime]:
    chance = random.Random(1)
    around = [
        datetime(2026, 3, 29, 1),
        datetime(2026, 10, 25, 1),
        datetime(2026, 4, 4, 15),
        datetime(2026, 10, 3, 15),
    ]
    near = [turn + timedelta(minutes=chance.uniform(-200, 200)) for turn in around for _ in range(60)]
    far = [datetime(2025, 1, 1) + timedelta(seconds=chance.uniform(0, 6e7)) for _ in range(60)]
    past = [datetime(1985, 1, 1) + timedelta(seconds=chance.uniform(0, 5e8)) for _ in range(20)]
    long_past = [datetime(1700, 1, 1) + timedelta(days=chance.uniform(0, 8e4)) for _ in range(10)]
    past += [*long_past, datetime(2300, 7, 1)]
    return [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in near + far + past]


@pytest.mark.parametrize("zone", _ZONES)
@pytest.mark.parametrize("width", _STEPS)
def test_python_numpy_and_sql_agree(zone: str, width: str) -> None:
    times = _times()
    read = read_step(width)
    assert read is not None
    for origin in _ORIGINS:
        step = Step(read.months, read.time, zone, origin)
        buckets = Buckets(step, min(times), max(times))
        with duckdb.connect() as connection:
            connection.register(
                "given", pa.table({"n": range(len(times)), "time": pa.array(times, pa.timestamp("us"))})
            )
            found = connection.execute(f"SELECT {buckets.start('time')} FROM given ORDER BY n").fetchall()
        assert [bucket_start(step, time) for time in times] == [start for (start,) in found]
        assert buckets.starts_of(np.array(times, "datetime64[us]")).tolist() == [start for (start,) in found]
