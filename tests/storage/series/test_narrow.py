"""Narrow reads answer as the engine does, or leave it to the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import Corrupt
from storage.series import narrow, writing
from storage.series.groups import Footers
from storage.series.selection import Rows, Selection, Shape
from storage.series.shapes import Fill
from storage.series.spans import EVER, Spans
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import QUIET, minute, reading, rows_of, series_id, table
from tests.support.waiting import until

DAY = 1440
SERIES = 12


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeriesStore]:
    """Segments of a day or two with many row groups, two runs and hot readings that overlap with some of them."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(writing, "ROW_GROUP", 2048)
        small.setattr(writing, "PAGE", 256)
        small.setattr(narrow, "MOST_ROWS", 5 * 2048)
        store = SeriesStore(tmp_path_factory.mktemp("narrow") / "series", replace(QUIET, target_rows=9000))
        for day in range(4):
            store.append(_rows(day * DAY, DAY, step=4, value=0.5))
        store.compact()
        assert store.roll_up() >= 2
        store.append(_rows(2 * DAY + 600, 200, step=8, value=1.5))
        store.seal()
        store.append(_rows(2 * DAY + 700, 200, step=6, value=2.5))
        store.seal()
        store.append(_rows(2 * DAY + 800, 300, step=10, value=3.5))
        yield store
        store.close()


def _rows(first: int, minutes: int, *, step: int, value: float) -> pa.Table:
    rows = []
    for series in range(1, SERIES + 1):
        for at in range(first, first + minutes, step + series % 3):
            text = series == 5 and at % 7 == 0
            rows.append(reading(series, at, f"text {at}" if text else value + at, "fault" if at % 50 == 0 else None))
    return table(rows)


def by_engine(store: SeriesStore, selection: Selection, points: pa.Table) -> Rows:
    with pytest.MonkeyPatch.context() as without:
        without.setattr(narrow, "MOST_SERIES", 0)
        return store._reads.select(selection, points, None)


TIMES = st.one_of(
    st.none(), st.integers(-100, 4 * DAY + 100).map(minute), st.integers(2 * DAY + 550, 2 * DAY + 1150).map(minute)
)
POINTS = st.lists(st.integers(0, SERIES + 1), min_size=1, max_size=4).map(
    lambda numbers: pa.table(
        {
            "point": [f"urn:{number}" for number in numbers],
            "floor": pa.array(numbers, pa.int64()),
            "id": pa.array([series_id(number) for number in numbers]),
        }
    )
)
AFTER = st.one_of(st.none(), st.tuples(st.integers(0, 3), st.integers(0, 4 * DAY).map(minute)))


@settings(max_examples=60, deadline=None)
@given(
    points=POINTS,
    ends=st.tuples(TIMES, TIMES),
    after=AFTER,
    limit=st.one_of(st.none(), st.integers(0, 40)),
    numbered=st.booleans(),
)
def test_answers_are_those_of_the_engine(
    filled: SeriesStore,
    points: pa.Table,
    ends: tuple[datetime | None, datetime | None],
    after: tuple[int, datetime] | None,
    limit: int | None,
    numbered: bool,
) -> None:
    after = after if after is not None and after[0] < points.num_rows else None
    selection = Selection(Window(*ends), after=after, limit=limit, numbered=numbered)
    expected = by_engine(filled, selection, points)
    wanted = expected.read_all()
    found = filled.select(selection, points).read_all()
    assert found.schema.equals(wanted.schema)
    assert rows_of(found) == rows_of(wanted)


def test_hot_readings_are_in_the_order_of_time_whatever_order_they_came_in(store: SeriesStore) -> None:
    for at in (30, 10, 20, 10):
        store.append(table([reading(1, at + 1, float(at)), reading(1, at, float(at))]))
    points = pa.table({"id": pa.array([series_id(1)])})
    for _ in ("by the engine, since the catalog is not known", "without it"):
        found = store.select(Selection(Window(None, None)), points).read_all()
        assert found.column("time").to_pylist() == [minute(at) for at in (10, 11, 20, 21, 30, 31)]


HOUR_STEP, DAY_STEP = Step(time=timedelta(hours=1)), Step(time=timedelta(days=1))
BERLIN = Step(time=timedelta(days=1), zone="Europe/Berlin")
STEPS = st.sampled_from([HOUR_STEP, DAY_STEP, BERLIN, Step(months=1), Step(time=timedelta(minutes=7)), None])
SHAPES = st.sampled_from(["long", "long", "wide"])


@settings(max_examples=150, deadline=None)
@given(
    points=POINTS,
    ends=st.tuples(TIMES, TIMES),
    aggregate=st.sampled_from(["mean", "count", "min", "max", "sum", "first", "last", "p50", "twmean"]),
    step=STEPS,
    shape=SHAPES,
    fill=st.sampled_from(["none", "none", "none", "null", "linear"]),
    after=AFTER,
    limit=st.one_of(st.none(), st.integers(0, 40)),
)
def test_aggregates_are_those_of_the_engine(
    filled: SeriesStore,
    points: pa.Table,
    ends: tuple[datetime | None, datetime | None],
    aggregate: str,
    step: Step | None,
    shape: Shape,
    fill: Fill,
    after: tuple[int, datetime] | None,
    limit: int | None,
) -> None:
    """Of rollups and of readings, where their sums are exact."""
    after = after if after is not None and after[0] < points.num_rows and shape == "long" else None
    selection = Selection(
        Window(*ends), aggregate, step, fill=fill if step else "none", shape=shape, after=after, limit=limit
    )
    expected = by_engine(filled, selection, points)
    found = filled.select(selection, points)
    assert found.schema.equals(expected.schema)
    assert rows_of(found) == rows_of(expected)


ONE = pa.table({"id": [series_id(2)]})


def _hour(first: int) -> Window:
    return Window(minute(first), minute(first + 60))


@pytest.mark.parametrize(
    "selection",
    [
        Selection(_hour(0)),
        Selection(_hour(2 * DAY + 650)),
        Selection(_hour(2 * DAY + 900)),
        Selection(Window(minute(0), minute(DAY)), "mean", HOUR_STEP),
        Selection(Window(minute(DAY), None), "max", HOUR_STEP),
        Selection(Window(None, minute(2 * DAY + 600)), "first", Step(time=timedelta(minutes=90))),
    ],
)
def test_narrow_windows_need_no_engine(filled: SeriesStore, selection: Selection) -> None:
    """Of segments alone, with runs that overlap them, with hot readings too; of rollups, and of none."""
    found = list[Rows | None]()

    def asked() -> Rows | None:
        filled.select(selection, ONE).read_all()
        found.append(filled._reads.narrow.select(selection, ONE))
        return found[-1]

    until(asked)  # once what goes on by itself has settled
    assert found[-1] is not None
    assert found[-1].read_all().num_rows >= 10


@pytest.mark.parametrize(
    "selection",
    [
        Selection(Window(), "mean"),
        Selection(Window(), downsample=10),
        Selection(Window(), shape="wide"),
        Selection(Window()),  # of more rows than are read so
    ],
)
def test_the_rest_is_left_to_the_engine(filled: SeriesStore, selection: Selection) -> None:
    points = pa.table({"id": [series_id(number) for number in range(1, SERIES + 1)]})
    assert filled._reads.narrow.select(selection, points) is None
    assert filled.select(selection, points).read_all().num_rows > 0


def test_what_was_deleted_or_has_had_its_time_is_in_no_answer(store: SeriesStore) -> None:
    store.append(_rows(0, 3 * DAY, step=30, value=0.5))
    store.compact()
    day, later = (Selection(Window(minute(first * DAY), minute((first + 1) * DAY))) for first in (0, 2))
    narrow_rows = store._reads.narrow.select

    def both(selection: Selection) -> tuple[int, bool]:
        return store.select(selection, ONE).read_all().num_rows, narrow_rows(selection, ONE) is not None

    whole, _ = both(day)
    until(lambda: both(day) == (whole, True))  # once what goes on by itself has settled
    store.delete([series_id(2)], Window(minute(0), minute(600)))
    assert both(day) == (whole - 19, False)
    store.compact()
    until(lambda: both(day) == (whole - 19, True))
    store.retire([series_id(2)], minute(2 * DAY))
    assert both(day) == (0, False)
    store.compact()
    until(lambda: both(later) == (45, True))


def test_a_file_that_has_gone_is_named_by_the_engine(store: SeriesStore) -> None:
    store.append(_rows(0, DAY, step=30, value=0.5))
    store.compact()
    selection = Selection(Window(minute(0), minute(DAY)))
    store.select(selection, ONE).read_all()
    (path,) = (store.directory / "segments").iterdir()
    path.unlink()
    with pytest.raises(Corrupt, match=path.name):
        store.select(selection, ONE).read_all()


def test_ends_of_files_are_read_before_they_are_asked_for(store: SeriesStore) -> None:
    store.append(_rows(0, 2 * DAY, step=4, value=0.5))
    store.compact()
    store.roll_up()
    store.close()
    again = SeriesStore(store.directory, QUIET)
    files = {path for folder in ("segments", "rollups") for path in (store.directory / folder).iterdir()}
    until(lambda: all(file in again._reads.narrow.footers for file in files))
    assert len(files) == 3 * len(again._catalog())
    again.close()


def test_few_footers_are_kept(tmp_path: Path) -> None:
    rows = table([reading(1, at, float(at)) for at in range(100)])
    for number in range(3):
        pq.write_table(rows, tmp_path / f"{number}.parquet", row_group_size=10)
    footers = Footers(most=20)
    found = [footers.of(tmp_path / f"{number}.parquet") for number in (0, 1, 2, 1, 0)]
    assert found[1] is found[3]
    assert found[0] is not found[4]
    assert list(found[0].groups(series_id(1), Spans(((minute(15), minute(31)),)))) == [1, 2, 3]
    assert list(found[0].groups(series_id(2), Spans((EVER,)))) == []
