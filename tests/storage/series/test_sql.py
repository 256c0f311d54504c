"""Each aggregate, step and fill against a computation in plain Python."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.series.aggregates import Aggregate
from storage.series.selection import Selection
from storage.series.sql import Window, name, quote
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import START, Reading, answer_for, minute, reading, rows_of, series_id, table

HOUR = Step(time=timedelta(hours=1))
MONTH = Step(months=1)
ORIGIN = datetime(2000, 1, 3)
Pairs = list[tuple[datetime, float]]

PLAIN: dict[Aggregate, Callable[[Pairs], float]] = {
    "mean": lambda pairs: sum(v for _, v in pairs) / len(pairs),
    "min": lambda pairs: min(v for _, v in pairs),
    "max": lambda pairs: max(v for _, v in pairs),
    "sum": lambda pairs: sum(v for _, v in pairs),
    "count": lambda pairs: len(pairs),
    "first": lambda pairs: pairs[0][1],
    "last": lambda pairs: pairs[-1][1],
}


def bucket_of(step: Step, time: datetime) -> datetime:
    if step.months:
        return time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return time - (time - ORIGIN) % step.time


def buckets(pairs: Pairs, step: Step) -> dict[datetime, Pairs]:
    found: dict[datetime, Pairs] = defaultdict(list)
    for time, value in pairs:
        found[bucket_of(step, time)].append((time, value))
    return found


MINUTES = st.integers(0, 4 * 1440 * 4).map(lambda quarter: quarter * 15)
VALUES = st.integers(-50, 50).map(lambda tenth: tenth / 8)
SERIES = st.dictionaries(MINUTES, VALUES, min_size=1, max_size=12)


def same(found: list[tuple[object, ...]], expected: Pairs) -> bool:
    """Compare times exactly and values but for rounding."""
    times, values = [t for t, _ in expected], [v for _, v in expected]
    return [row[0] for row in found] == times and [row[1] for row in found] == pytest.approx(values, abs=1e-9)


CHECKS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CHECKS
@given(data=SERIES, aggregate=st.sampled_from(sorted(PLAIN)), step=st.sampled_from([HOUR, MONTH]))
def test_plain_aggregates(
    fresh: Callable[[], SeriesStore], data: dict[int, float], aggregate: Aggregate, step: Step
) -> None:
    pairs = sorted((minute(at), value) for at, value in data.items())
    expected = [(start, PLAIN[aggregate](inside)) for start, inside in buckets(pairs, step).items()]
    assert same(answer_for(fresh(), data, Selection(aggregate=aggregate, step=step)), expected)


@CHECKS
@given(data=SERIES, linear=st.booleans())
def test_fills(fresh: Callable[[], SeriesStore], data: dict[int, float], linear: bool) -> None:
    window = Window(minute(60), minute(5 * 1440))
    assert window.start is not None
    assert window.end is not None
    inside = sorted((minute(at), v) for at, v in data.items() if window.start <= minute(at) < window.end)
    known = {start: pairs[-1][1] for start, pairs in buckets(inside, HOUR).items()}
    expected = []
    for number in range(5 * 24 - 1):
        at = window.start + number * HOUR.time
        before, after = [t for t in known if t <= at], [t for t in known if t >= at]
        if not before or (linear and not after):
            continue
        first, last = before[-1], after[0] if linear else before[-1]
        share = (at - first) / (last - first) if last != first else 0.0
        expected.append((at, known[first] + (known[last] - known[first]) * share))
    selection = Selection(window, aggregate="last", step=HOUR, fill="linear" if linear else "previous")
    data = {at: value for at, value in data.items() if minute(at) >= window.start}
    assert same(answer_for(fresh(), data, selection), expected)


def test_without_a_step_there_is_one_bucket(store: SeriesStore) -> None:
    store.append(table([reading(1, 10, 1.0), reading(1, 20, 4.0), reading(2, 30, 7.0), reading(1, 40, "x")]))

    def answer(aggregate: Aggregate, window: Window) -> list[tuple[object, ...]]:
        return rows_of(store.select(Selection(window, aggregate=aggregate)))

    assert answer("mean", Window()) == [(series_id(1), minute(10), 2.5), (series_id(2), minute(30), 7.0)]
    assert answer("sum", Window(START)) == [(series_id(1), START, 5.0), (series_id(2), START, 7.0)]
    assert answer("count", Window(START))[0] == (series_id(1), START, 3.0)
    assert answer("twmean", Window(START, minute(40)))[0] == (series_id(1), START, 3.0)


def test_wide_has_a_column_for_each_row_of_points(store: SeriesStore) -> None:
    store.append(table([reading(1, 0, 1.0), reading(2, 0, 2.0), reading(1, 5, 3.0)]))
    points = pa.table({"id": [series_id(2), series_id(1), series_id(9), series_id(1)]})
    rows = rows_of(store.select(Selection(shape="wide"), points))
    assert rows == [(minute(0), 2.0, 1.0, None, 1.0), (minute(5), None, 3.0, None, 3.0)]
    assert rows_of(store.select(Selection(shape="wide", limit=1), points)) == rows[:1]


def test_points_carry_their_columns_and_order(store: SeriesStore) -> None:
    store.append(table([reading(1, 0, 1.0), reading(2, 0, 2.0)]))
    points = pa.table({"time": ["late", "early"], "id": [series_id(2), series_id(1)], 'od"d': [7, 8]})
    result = store.select(Selection(), points)
    assert result.schema.names == ["time", 'od"d', "time", "value", "text", "status"]
    assert [tuple(c.to_pylist()) for c in result.read_all().columns[:2]] == [("late", "early"), (7, 8)]


def test_quoting(store: SeriesStore) -> None:
    with contextlib.closing(store._hot.cursor()) as cursor:
        cursor.execute(f"SELECT {quote(chr(39) + ' x')} AS {name('a' + chr(34))}")
        assert cursor.description[0][0] == 'a"'
        assert cursor.fetchall() == [("' x",)]


def test_rows_that_are_equal_in_all_but_text(store: SeriesStore) -> None:
    rows: list[Reading] = [reading(1, 0, "on"), reading(1, 1, None), reading(1, 2, 0.0, "alarm")]
    store.append(table(rows))
    one = store.select(Selection(aggregate="last", step=MONTH), pa.table({"id": [series_id(1)]}))
    assert rows_of(one) == [(datetime(2026, 1, 1), 0.0)]
