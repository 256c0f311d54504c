"""What is made of rows at last."""

from __future__ import annotations

import math
from datetime import timedelta

import pyarrow as pa
import pytest

from storage.series.selection import Selection
from storage.series.shapes import Fill
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import minute, reading, rows_of, series_id, table

HOUR = Step(time=timedelta(hours=1))
ONE = pa.table({"id": [series_id(1)]})


def hours(store: SeriesStore, fill: Fill, *, aggregate: str = "last", limit: int | None = None) -> list[object]:
    """Return the values of six hours, of which the second and the fifth have readings."""
    window = Window(minute(0), minute(360))
    reach = timedelta(hours=limit) if limit else None
    selection = Selection(window, aggregate, HOUR, fill=fill, fill_limit=reach)
    rows: dict[object, object] = dict(rows_of(store.select(selection, ONE)))  # type: ignore[arg-type] # pairs
    return [rows.get(minute(60 * hour), "no row") for hour in range(6)]


@pytest.fixture
def gaps(store: SeriesStore) -> SeriesStore:
    store.append(table([reading(1, 60, 1.0), reading(1, 240, 4.0)]))
    return store


def test_fills(gaps: SeriesStore) -> None:
    no = "no row"
    assert hours(gaps, "none") == [no, 1.0, no, no, 4.0, no]
    assert hours(gaps, "null") == [None, 1.0, None, None, 4.0, None]
    assert hours(gaps, "previous") == [no, 1.0, 1.0, 1.0, 4.0, 4.0]
    assert hours(gaps, "previous", limit=1) == [no, 1.0, 1.0, no, 4.0, 4.0]
    assert hours(gaps, "linear") == [no, 1.0, 2.0, 3.0, 4.0, no]
    assert hours(gaps, "linear", limit=3) == [no, 1.0, 2.0, 3.0, 4.0, no]
    assert hours(gaps, "linear", limit=2) == [no, 1.0, no, no, 4.0, no]


def test_the_value_before_the_window_fills_as_the_last_one_of_its_bucket(gaps: SeriesStore) -> None:
    gaps.append(table([reading(1, -90, 7.0)]))
    assert hours(gaps, "previous") == [7.0, 1.0, 1.0, 1.0, 4.0, 4.0]
    assert hours(gaps, "previous", limit=1)[0] == "no row"
    assert hours(gaps, "previous", aggregate="mean")[0] == "no row"


def test_a_window_without_readings_is_filled_from_before(gaps: SeriesStore) -> None:
    selection = Selection(Window(minute(600), minute(720)), "last", HOUR, fill="previous")
    assert rows_of(gaps.select(selection, ONE)) == [(minute(600), 4.0), (minute(660), 4.0)]


def test_fewer_points_keep_the_peaks(store: SeriesStore) -> None:
    values = [math.sin(n / 50) for n in range(2_000)]
    values[777] = 50.0
    store.append(table([reading(1, n, value) for n, value in enumerate(values)] + [reading(2, 0, 1.0)]))
    rows = rows_of(store.select(Selection(downsample=100)))
    assert [row[0] for row in rows].count(series_id(1)) == 100
    assert (series_id(1), minute(777), 50.0) in rows
    assert (series_id(2), minute(0), 1.0) in rows
    assert [row[1] for row in rows[:100]] == sorted(row[1] for row in rows[:100])  # type: ignore[type-var]


def test_as_of_the_times_of_the_first_point(store: SeriesStore) -> None:
    store.append(table([reading(1, at, float(at)) for at in (10, 20, 60)]))
    store.append(table([reading(2, at, float(at)) for at in (5, 20, 21)] + [reading(3, 15, 15.0)]))
    points = pa.table({"id": [series_id(1), series_id(2), series_id(3), series_id(9)]})

    def rows(window: Window, tolerance: timedelta | None = None) -> list[tuple[object, ...]]:
        return rows_of(store.select(Selection(window, shape="asof", tolerance=tolerance), points))

    assert rows(Window()) == [
        (minute(10), 10.0, 5.0, None, None),
        (minute(20), 20.0, 20.0, 15.0, None),
        (minute(60), 60.0, 21.0, 15.0, None),
    ]
    assert rows(Window(minute(15)), timedelta(minutes=39)) == [
        (minute(20), 20.0, 20.0, 15.0, None),
        (minute(60), 60.0, 21.0, None, None),
    ]
    assert rows(Window(minute(60)))[0][3] == 15.0, "from before the window"


def test_a_page_goes_on_behind_its_last_row(store: SeriesStore) -> None:
    store.append(table([reading(series, at, float(at)) for series in (1, 2) for at in range(3)]))
    points = pa.table({"id": [series_id(2), series_id(1)]})
    everything = rows_of(store.select(Selection(numbered=True), points))
    assert [row[-1] for row in everything] == [0, 0, 0, 1, 1, 1]
    page = Selection(after=(0, minute(1)), limit=2, numbered=True)
    assert rows_of(store.select(page, points)) == everything[2:4]
    beside = Selection(shape="wide", after=(0, minute(0)), limit=1)
    assert rows_of(store.select(beside, points)) == [(minute(1), 1.0, 1.0)]
