"""With rollups, each answer is what it is without them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.series import narrow, rolled_up, rolling, rollups, sources
from storage.series.aggregates import MERGED
from storage.series.questions import Question
from storage.series.rolled_up import files_of
from storage.series.rollup_form import restored
from storage.series.rollups import HELD, PLAIN
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import QUIET, Reading, minute, reading, rows_of, series_id, table
from tests.support.waiting import until

HOUR, DAY = 60, 1440
EXACT = {"count", "min", "max", "first", "last"}
STEPS = {
    "hour": Step(time=timedelta(hours=1)),
    "6 hours": Step(time=timedelta(hours=6)),
    "day": Step(time=timedelta(days=1)),
    "week": Step(time=timedelta(days=7)),
    "month": Step(months=1),
    "day from six": Step(time=timedelta(days=1), origin=datetime(2026, 1, 1, 6)),
    "day in Berlin": Step(time=timedelta(days=1), zone="Europe/Berlin"),
    "month in Sydney": Step(months=1, zone="Australia/Sydney"),
    "day in India": Step(time=timedelta(days=1), zone="Asia/Kolkata"),
    "half an hour": Step(time=timedelta(minutes=30)),
    "none": None,
}
READINGS_ONLY = {"day in India", "half an hour"}
WINDOWS = [
    Window(),
    Window(minute(DAY), minute(4 * DAY)),
    Window(minute(DAY + 17.3), minute(3 * DAY + 5 * HOUR + 41.7)),
    Window(minute(2 * DAY + 5), None),
    Window(minute(30), minute(45)),
]
Rows = list[tuple[object, ...]]


def some_readings(seed: int) -> list[Reading]:
    """Return five days of three series, with gaps, texts, nulls and days without any; January ends inside."""
    chance = random.Random(seed)
    found = []
    for series, day in product((1, 2, 3), range(5)):
        if chance.random() < 0.2:
            continue
        times = chance.sample(range(DAY * 4), chance.choice([3, 60, 600]))
        for quarter in times:
            at = day * DAY + quarter / 4
            value = chance.choice(["on", None]) if chance.random() < 0.05 else round(chance.gauss(20, 5), 1)
            found.append(reading(series, at, value))
    return found


@pytest.fixture(autouse=True)
def _rollups_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "WORTH", 1)
    monkeypatch.setattr(sources, "_SMALL", timedelta())
    monkeypatch.setattr(narrow, "MOST_SERIES", 0)  # test_narrow compares that with the engine


@contextmanager
def without_rollups() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources, "grain_of", lambda *_: None)
        yield


@contextmanager
def counting() -> Iterator[list[bool]]:
    """Note of each selection whether rollups answered a part of it."""
    used: list[bool] = []
    roll = rolling.roll

    def noted(*arguments: object) -> object:
        found = roll(*arguments)  # type: ignore[arg-type]
        used.append(found is not None)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sources, "roll", noted)
        yield used


def same(store: SeriesStore, selection: Selection, points: pa.Table | None = None) -> None:
    with without_rollups():
        expected = rows_of(store.select(selection, points))
    found = rows_of(store.select(selection, points))
    if selection.aggregate in EXACT:
        assert found == expected
        return
    for mine, theirs in zip(found, expected, strict=True):
        assert all(map(alike, mine, theirs)), (mine, theirs)


def alike(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=1e-12, abs_tol=1e-9)
    return mine == theirs


STATES: dict[str, Callable[[SeriesStore], object]] = {
    "as compacted": lambda _: None,
    "late": lambda store: store.append(table([reading(1, 2 * DAY + 90, 99.0), reading(2, 9 * DAY, 1.0)])),
    "late run": lambda store: store.append_stream(table([reading(1, DAY, 77.0), reading(3, 2, 1.0)]).to_reader()),
    "deleted": lambda store: store.delete([series_id(1)], Window(minute(2 * DAY + 100), minute(3 * DAY + 1))),
    "all deleted of one": lambda store: store.delete([series_id(2)], Window()),
    "late and deleted": lambda store: [
        store.append(table([reading(1, DAY + 1, 99.0)])),  # type: ignore[func-returns-value]
        store.delete([series_id(1)], Window(minute(DAY), minute(DAY + 10))),  # type: ignore[func-returns-value]
    ],
}


CASES = list(product(STATES, (False, True)))
QUESTIONS = list(product(STEPS, WINDOWS, sorted(PLAIN | HELD)))


@pytest.mark.parametrize(("state", "compacted"), CASES)
def test_every_aggregate_step_and_window(store: SeriesStore, state: str, compacted: bool) -> None:
    """Each case takes its share of the questions."""
    store.append(table(some_readings(len(state))))
    store.compact()
    assert store.roll_up() == 2
    STATES[state](store)
    if compacted:
        store.compact()
        store.roll_up()
    for name, window, aggregate in QUESTIONS[CASES.index((state, compacted)) :: len(CASES)]:
        with counting() as used:
            same(store, Selection(window, aggregate, STEPS[name]))
        if name in READINGS_ONLY:
            assert used == []
        elif window == Window() and name != "none" and (state == "as compacted" or compacted):
            assert used == [True]


@pytest.mark.parametrize("seed", range(6))
def test_some_points_with_holds_and_fills(store: SeriesStore, seed: int) -> None:
    chance = random.Random(seed)
    readings = some_readings(seed)
    store.append(table(readings))
    store.compact()
    store.roll_up()
    store.append(table(chance.sample(readings, 3)))
    points = pa.table({"name": ["a", "b"], "id": [series_id(2), series_id(1)]})
    for minutes in (10, 60, 90, 1440, 3000):
        window = chance.choice(WINDOWS)
        same(store, Selection(window, "twmean", STEPS["day"], hold=timedelta(minutes=minutes)), points)
        same(store, Selection(window, "integral", STEPS["6 hours"], hold=timedelta(minutes=minutes)), points)
    for window in chance.sample(WINDOWS, 2):
        same(store, Selection(window, "last", STEPS["hour"], fill="previous"), points)
        same(store, Selection(window, "mean", STEPS["day"], shape="wide", fill="null"), points)


def test_other_aggregates_read_readings(store: SeriesStore) -> None:
    store.append(table(some_readings(1)))
    store.compact()
    store.roll_up()
    with counting() as used:
        for aggregate in ("median", "p90", "stddev", "duration", "increase", "rate", "difference"):
            same(store, Selection(Window(), aggregate, STEPS["day"]))
    assert used == []
    assert set(MERGED) == PLAIN


def test_what_is_no_number(store: SeriesStore) -> None:
    odd = [math.inf, -math.inf, math.nan, 0.0, -0.0]
    store.append(table([reading(s, n + 20 * s, value) for s in (1, 2) for n, value in enumerate(odd[s:])]))
    store.append(table([reading(3, n, text) for n, text in enumerate(["on", None, "off"])]))
    store.compact()
    store.roll_up()
    for aggregate in ("count", "min", "max", "first", "last", "mean", "sum"):
        selection = Selection(Window(), aggregate, STEPS["day"])
        with without_rollups():
            expected = repr(rows_of(store.select(selection)))
        assert repr(rows_of(store.select(selection))) == expected


def test_rollups_come_and_go_with_their_segments(store: SeriesStore) -> None:
    def files() -> set[str]:
        return {path.name.partition(".")[0] for path in (store.directory / "rollups").iterdir()}

    def segments() -> set[str]:
        return {f"{segment.number:010d}" for segment in store._catalog()}

    store.append(table(some_readings(2)))
    store.compact()
    assert (files(), store.roll_up(), store.roll_up()) == (set(), 2, 0)
    assert files() == segments()
    store.append(table([reading(1, 5, 1.0)]))
    store.compact()
    assert len(files()) == 1
    store.roll_up()
    assert files() == segments()
    store.delete([series_id(n) for n in (1, 2, 3)], Window())
    store.compact()
    assert files() == segments() == set()


def test_small_files_of_rollups_are_merged(store: SeriesStore) -> None:
    """Of a segment a day: all but those of the newest, and again once late readings have come to one of them."""
    store.close()
    store = SeriesStore(store.directory, replace(QUIET, target_rows=100))
    readings = some_readings(5)

    def files() -> dict[str, int]:
        rows = {
            path.name: pq.read_metadata(path).num_rows for path in sorted((store.directory / "rollups").iterdir())
        }
        assert rows.keys() == {file.file_name for file in files_of(store._reads.known.settled().rolled_up)}  # type: ignore[union-attr]
        return rows

    def ask() -> None:
        for name, window, aggregate in QUESTIONS[::7]:
            with counting() as used:
                same(store, Selection(window, aggregate, STEPS[name]))
            assert window != Window() or name in READINGS_ONLY or name == "none" or used == [True]

    for number in range(0, len(readings), 100):
        store.append(table(readings[number : number + 100]))
    store.compact()
    segments = store.status().segments
    assert store.roll_up() == segments >= 4
    ask()
    before = files()
    assert len(before) == 2 + 2 * (store._catalog()[-1].rows < 100)
    store.append(table([reading(1, DAY + 7, 99.0)]))
    store.compact()
    ask()
    assert set(before) <= set(files())
    assert store.roll_up() >= 1
    ask()
    assert len(files()) == len(before)
    assert not set(before) <= set(files())
    store.close()
    store = SeriesStore(store.directory, QUIET)
    assert store.roll_up() == 0
    ask()
    store.close()


def test_a_start_removes_what_is_foreign_and_makes_up_for_what_is_missing(store: SeriesStore) -> None:
    store.append(table(some_readings(3)))
    store.compact()
    store.roll_up()
    folder = store.directory / "rollups"
    kept = sorted(path.name for path in folder.iterdir())
    store.close()
    (folder / "0000000099.day.parquet").touch()
    (folder / "0000000001.day.tmp").touch()
    (folder / kept[0]).unlink()
    again = SeriesStore(store.directory, QUIET)
    same(again, Selection(Window(), "mean", STEPS["day"]))
    until(lambda: sorted(path.name for path in folder.iterdir()) == kept)
    assert again.roll_up() == 0
    again.close()


def made(store: SeriesStore) -> dict[str, int]:
    """Return when each file of rollups was made, in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in (store.directory / "rollups").iterdir()}


def test_rollups_of_an_early_version_are_made_anew(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(table(some_readings(3)))
    store.compact()
    with monkeypatch.context() as early:
        early.setattr(rolled_up, "FORM", 0)
        assert store.roll_up() == 2
    store.close()
    old = made(store)
    again = SeriesStore(store.directory, QUIET)
    until(lambda: again.roll_up() == 0)
    assert made(again).keys() == old.keys()
    assert made(again).items().isdisjoint(old.items())
    same(again, Selection(Window(), "mean", STEPS["day"]))
    again.close()


@pytest.mark.parametrize("state", STATES)
def test_questions_over_partials(store: SeriesStore, state: str) -> None:
    store.append(table(some_readings(7)))
    store.compact()
    store.roll_up()
    STATES[state](store)
    window, ids = Window(minute(0), minute(3 * DAY)), [series_id(number) for number in (1, 2, 3)]
    sql = "SELECT id, sum(rows)::DOUBLE, max(max), min(min), arg_max(last, last_time) FROM p GROUP BY id ORDER BY id"
    wanted = pa.table({"id": ids})
    found = rows_of(store.ask(Question(lambda _: sql, wanted, partials={"p": (window, timedelta(hours=1))})))
    points, expected = wanted.append_column("series", wanted["id"]), dict[object, list[object]]()
    with without_rollups():
        for aggregate in ("count", "max", "min", "last"):
            for series, _, value in rows_of(store.select(Selection(window, aggregate), points)):
                expected.setdefault(series, []).append(value)
    assert found == [(series, *expected[series]) for series in ids if series in expected]


def test_hours_are_left_out_where_they_would_only_cost(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "WORTH", 10)
    store.append(table([reading(1, n * 15, float(n)) for n in range(90)]))
    store.compact()
    store.roll_up()
    assert [path.name.split(".")[1] for path in (store.directory / "rollups").iterdir()] == ["day"]
    with counting() as used:
        same(store, Selection(Window(), "mean", STEPS["hour"]))
        same(store, Selection(Window(), "mean", STEPS["day"]))
    assert used == [False, True]


def test_few_readings_are_read_themselves(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_SMALL", timedelta(days=6))
    store.append(table(some_readings(4)))
    store.compact()
    store.roll_up()
    for series, days, expected in ((1, 5, []), (2, 3, []), (2, 4, [True]), (3, 5, [True])):
        points = pa.table({"id": [series_id(number + 1) for number in range(series)]})
        with counting() as used:
            same(store, Selection(Window(minute(0), minute(days * DAY)), "mean", STEPS["day"]), points)
        assert used == expected


def test_what_is_in_a_rollup(store: SeriesStore) -> None:
    store.append(table([reading(1, 0, 10.0), reading(1, 15, 20.0), reading(1, 45, 0.0), reading(1, 50, "off")]))
    store.compact()
    store.roll_up()
    [day] = (store.directory / "rollups").glob("*.day.parquet")
    with duckdb.connect() as connection:
        rows = connection.sql(f"SELECT * FROM {restored([day])}").to_arrow_reader().read_all().to_pylist()
    assert {row["rows"]: row["sum"] for row in rows} == {3: 30.0, 1: None}
    [numbers] = [row for row in rows if row["count"]]
    area = (10.0 * 15 + 20.0 * 30) * 60e6
    expected = (minute(0), 0.0, 20.0, 10.0, 0.0, minute(0), minute(45), area)
    assert (
        tuple(numbers[n] for n in ("time", "min", "max", "first", "last", "first_time", "last_time", "area"))
        == expected
    )
