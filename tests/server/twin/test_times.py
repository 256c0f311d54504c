from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.errors import Problem
from server.twin.times import parse_step, parse_time
from storage.series.steps import Step


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("PT15M", Step(time=timedelta(minutes=15))),
        ("P1DT12H", Step(time=timedelta(hours=36))),
        ("PT0.5S", Step(time=timedelta(seconds=0.5))),
        ("P1Y2M", Step(months=14)),
        ("P2W", Step(time=timedelta(weeks=2))),
        ("15m", Step(time=timedelta(minutes=15))),
        (" 2 h ", Step(time=timedelta(hours=2))),
        ("1mo", Step(months=1)),
        ("1y", Step(months=12)),
        ("250ms", Step(time=timedelta(milliseconds=250))),
    ],
)
def test_a_step_is_iso_8601_or_short(text: str, step: Step) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "0h", "P1M1D", "-1h", "1.5h", "h", "9999y", "P400000D"])
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="every"):
        parse_step(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31", datetime(2026, 1, 31)),
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8)),
        ("2026-01-31T08:00:00+02:00", datetime(2026, 1, 31, 6)),
        ("2026-01-31T08:00:00 02:00", datetime(2026, 1, 31, 6)),
        ("2026-01-31 08:00", datetime(2026, 1, 31, 8)),
    ],
)
def test_a_time_is_read_as_utc(text: str, time: datetime) -> None:
    assert parse_time(text, "start") == time


def test_a_relative_time_is_before_now() -> None:
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=7)
    assert timedelta() <= parse_time("-7d", "start") - before < timedelta(minutes=1)
    assert timedelta() <= parse_time("-P1W", "start") - before < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "tomorrow", "-", "2026-02-30", "26-1-1", "0001-01-01T00:00:00+01:00", "-1001y"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="start") as error:
        parse_time(text, "start")
    assert error.value.hint
