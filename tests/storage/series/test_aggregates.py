"""Aggregates that look beyond their bucket, against a computation in plain Python."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.series.aggregates import is_aggregate
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import answer_for, minute, reading, rows_of, series_id, table

HOUR = Step(time=timedelta(hours=1))
HOURS = 3_600.0
Values = dict[int, float]  # minutes after the start -> value
Row = tuple[datetime, float]
ONE = pa.table({"id": [series_id(1)]})


VALUES = st.dictionaries(st.integers(0, 8 * 60), st.integers(-6, 6).map(lambda n: n / 2), min_size=1, max_size=10)
WINDOWS = st.tuples(st.integers(0, 5), st.integers(1, 4)).map(lambda w: (w[0] * 60, (w[0] + w[1]) * 60))
CHECKS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(store: SeriesStore, data: Values, selection: Selection) -> list[Row]:
    return [(row[0], pytest.approx(row[1], abs=1e-9)) for row in answer_for(store, data, selection)]  # type: ignore[misc]


def spans(data: Values, start: int, end: int, hold: int | None) -> dict[int, list[tuple[float, float]]]:
    """Return for each hour (by its first minute) the values that hold in it, each with its minutes."""
    times = sorted(data)
    found: dict[int, list[tuple[float, float]]] = {}
    for at, following in pairwise([*times, end]):
        until = min(following, end, at + hold if hold else end)
        for hour in range(start, end, 60):
            held = min(until, hour + 60) - max(at, hour, start)
            if held > 0:
                found.setdefault(hour, []).append((data[at], held))
    return found


HELD: dict[str, Callable[[list[tuple[float, float]]], float]] = {
    "twmean": lambda held: sum(v * m for v, m in held) / sum(m for _, m in held),
    "integral": lambda held: sum(v * m for v, m in held) / 60,
    "duration": lambda held: sum(m for v, m in held if v) * 60,
    "duration:1.5": lambda held: sum(m for v, m in held if v == 1.5) * 60,
}


@CHECKS
@given(data=VALUES, window=WINDOWS, name=st.sampled_from(sorted(HELD)), hold=st.sampled_from([None, 45, 150]))
@example(data={5: 1.0}, window=(120, 300), name="duration", hold=None)
def test_values_hold_until_the_next(
    fresh: Callable[[], SeriesStore], data: Values, window: tuple[int, int], name: str, hold: int | None
) -> None:
    start, end = window
    selection = Selection(Window(minute(start), minute(end)), name, HOUR, timedelta(minutes=hold) if hold else None)
    held = spans({at: v for at, v in data.items() if at < end}, start, end, hold)
    assert read(fresh(), data, selection) == [(minute(hour), HELD[name](held[hour])) for hour in sorted(held)]


def steps(data: Values, start: int, end: int) -> dict[int, list[tuple[float, float, int]]]:
    """Return for each hour the steps that end in it: the value before, the value, the minutes between."""
    found: dict[int, list[tuple[float, float, int]]] = {}
    times = sorted(at for at in data if at < end)
    for before, at in pairwise(times):
        if at >= start:
            found.setdefault(at // 60 * 60, []).append((data[before], data[at], at - before))
    return found


def grown(steps: list[tuple[float, float, int]]) -> float:
    return sum(now if now < before else now - before for before, now, _ in steps)


STEPPED: dict[str, Callable[[list[tuple[float, float, int]]], float]] = {
    "difference": lambda steps: sum(now - before for before, now, _ in steps),
    "increase": grown,
    "rate": lambda steps: grown(steps) / (sum(m for _, _, m in steps) / 60),
}


@CHECKS
@given(data=VALUES, window=WINDOWS, name=st.sampled_from(sorted(STEPPED)))
@example(data={0: 5.0, 30: 1.0, 90: 2.0}, window=(60, 120), name="increase")
def test_steps_from_reading_to_reading(
    fresh: Callable[[], SeriesStore], data: Values, window: tuple[int, int], name: str
) -> None:
    start, end = window
    found = steps(data, start, end)
    selection = Selection(Window(minute(start), minute(end)), name, HOUR)
    assert read(fresh(), data, selection) == [(minute(hour), STEPPED[name](found[hour])) for hour in sorted(found)]


@CHECKS
@given(data=VALUES, name=st.sampled_from(["median", "p0", "p25", "p99.5", "p100", "stddev"]))
def test_order_and_spread(fresh: Callable[[], SeriesStore], data: Values, name: str) -> None:
    hours: dict[int, list[float]] = {}
    for at in sorted(data):
        hours.setdefault(at // 60 * 60, []).append(data[at])

    def of(values: list[float]) -> float:
        if name == "stddev":
            return statistics.stdev(values)
        ranked = sorted(values)
        place = (len(ranked) - 1) * (0.5 if name == "median" else float(name[1:]) / 100)
        low = int(place)
        high = min(low + 1, len(ranked) - 1)
        return ranked[low] + (ranked[high] - ranked[low]) * (place - low)

    known = {hour: values for hour, values in hours.items() if name != "stddev" or len(values) > 1}
    found = read(fresh(), data, Selection(aggregate=name, step=HOUR))
    assert found == [(minute(hour), of(values)) for hour, values in known.items()]


def test_days_of_the_clock_weigh_23_and_25_hours(fresh: Callable[[], SeriesStore]) -> None:
    store, step = fresh(), Step(time=timedelta(days=1), zone="Europe/Berlin")
    store.append(table([reading(1, 0, 1.0)]))
    window = Window(datetime(2026, 3, 27, 23), datetime(2026, 3, 30, 22))
    rows = rows_of(store.select(Selection(window, "integral", step), ONE))
    assert rows == [
        (datetime(2026, 3, 27, 23), 24.0),
        (datetime(2026, 3, 28, 23), 23.0),
        (datetime(2026, 3, 29, 22), 24.0),
    ]


def test_text_has_durations_of_its_own(fresh: Callable[[], SeriesStore]) -> None:
    store, window = fresh(), Window(minute(0), minute(60))
    store.append(table([reading(1, 10, "heating"), reading(1, 30, "o'ff"), reading(1, 50, "heating")]))

    def seconds(state: str) -> list[object]:
        return [row[1] for row in rows_of(store.select(Selection(window, f"duration:{state}"), ONE))]

    assert seconds("heating") == [1800.0]
    assert seconds("o'ff") == [1200.0]
    assert seconds("off") == [0.0]


def test_where_the_window_is_open_the_last_value_holds_to_the_end_of_its_bucket(
    fresh: Callable[[], SeriesStore],
) -> None:
    selection = Selection(aggregate="integral", step=HOUR)
    assert read(fresh(), {30: 2.0, 90: 4.0}, selection) == [(minute(0), 1.0), (minute(60), 3.0)]


def test_a_value_does_not_hold_beyond_now(fresh: Callable[[], SeriesStore]) -> None:
    store = fresh()
    store.append(table([reading(1, 0, 1.0)]))
    [(_, hours)] = rows_of(store.select(Selection(Window(minute(0), datetime(2100, 1, 1)), "integral"), ONE))
    assert 0 < hours < 50 * 365 * 24  # type: ignore[operator]


def test_the_last_reading_before_a_window_is_found_wherever_it_lies(fresh: Callable[[], SeriesStore]) -> None:
    store = fresh()
    store.append_stream(table([reading(1, 0, 1.0), reading(2, 0, 2.0), reading(2, 500, 9.0)]).to_reader())
    store.append_stream(table([reading(1, 100, 3.0), reading(1, 600, 9.0)]).to_reader())
    store.append(table([reading(3, 200, 4.0)]))
    selection = Selection(Window(minute(300), minute(301)), "twmean")
    assert [row[2] for row in rows_of(store.select(selection))] == [3.0, 2.0, 4.0]
    store.compact()
    assert [row[2] for row in rows_of(store.select(selection))] == [3.0, 2.0, 4.0]


@pytest.mark.parametrize("texts", ["hot", "sealed", "compacted"])
def test_texts_between_do_not_hide_the_last_number_before_a_window(
    fresh: Callable[[], SeriesStore], texts: str
) -> None:
    store = fresh()
    store.append_stream(table([reading(1, 0, 2.0), reading(1, 10, 3.0), reading(2, 0, 5.0)]).to_reader())
    store.compact()
    # One text takes the place of a number; of the second series there are texts alone in its file.
    store.append(table([reading(1, 10, "fault"), reading(1, 3000, "fault"), reading(2, 3000, "off")]))
    if texts != "hot":
        store.seal()
    if texts == "compacted":
        store.compact()
    window = Window(minute(6000), minute(6060))
    for aggregate, values in (("twmean", [2.0, 5.0]), ("integral", [2.0, 5.0]), ("duration:off", [0.0, 3600.0])):
        assert [row[2] for row in rows_of(store.select(Selection(window, aggregate, HOUR)))] == values
    store.append(table([reading(1, 6030, 7.0)]))
    assert [row[2] for row in rows_of(store.select(Selection(window, "difference", HOUR)))] == [5.0]


def test_of_series_of_numbers_few_files_are_looked_at(fresh: Callable[[], SeriesStore]) -> None:
    store = fresh()
    for day in range(3):
        store.append_stream(table([reading(1, 1440 * day, day), reading(2, 1440 * day, "on")]).to_reader())
        store.compact()
    for path in sorted((store.directory / "segments").iterdir())[:-1]:
        path.unlink()  # nobody looks there, also not for numbers of the series that has texts alone
    selection = Selection(Window(minute(6000), minute(6060)), "integral", HOUR)
    assert rows_of(store.select(selection)) == [(series_id(1), minute(6000), 2.0)]


@pytest.mark.parametrize(("start", "hours"), [(0, [1.0]), (45, [0.5]), (60, [])])
def test_a_value_from_before_an_open_window_holds_to_the_end_of_its_bucket(
    fresh: Callable[[], SeriesStore], start: int, hours: list[float]
) -> None:
    found = read(fresh(), {30: 2.0}, Selection(Window(minute(start)), "integral", HOUR))
    assert [value for _, value in found] == hours


@pytest.mark.parametrize("name", ["", "avg", "p", "p101", "p1000", "p-1", "duration:", "twmean:1", "mean;"])
def test_names_that_are_none(name: str) -> None:
    assert not is_aggregate(name)
