from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pyarrow as pa
import pytest

from storage.errors import Overloaded
from storage.series.segments import ARCHIVE
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import (
    QUIET,
    everything,
    minute,
    public_rows,
    reading,
    rows_of,
    series_id,
    table,
)

DAY = 1440
BERLIN = Step(time=timedelta(days=1), zone="Europe/Berlin")
HOURS, DAYS = Step(time=timedelta(hours=1)), Step(time=timedelta(days=1))
# Ten readings an hour apart each day, for six days; January ends after the second.
ROWS = [
    reading(series, day * DAY + n * 60 + series, float(day * 100 + n))
    for series, day, n in product((1, 2), range(6), range(10))
]
CUT = minute(4 * DAY + 700)  # within the fifth day, which so stays whole
OLD = Window(None, minute(4 * DAY))
ONE = [series_id(1)]
LEFT = [row for row in ROWS if row[0] == series_id(2) or row[1] >= minute(4 * DAY)]

PLACES: dict[str, Callable[[SeriesStore], object]] = {
    "hot": lambda store: store.append(table(ROWS)),
    "run": lambda store: store.append_stream(table(ROWS).to_reader()),
    "segment": lambda store: [store.append(table(ROWS)), store.compact()],  # type: ignore[func-returns-value]
    "rolled up": lambda store: [store.append(table(ROWS)), store.compact(), store.roll_up()],  # type: ignore[func-returns-value]
}
SELECTIONS = [
    Selection(window, aggregate, step)
    for window, aggregate, step in product(
        (Window(), OLD, Window(minute(DAY), minute(5 * DAY))),
        ("count", "mean", "min", "max", "first", "last", "twmean"),
        (HOURS, DAYS, BERLIN, Step(months=1)),
    )
][::5]


def answers(store: SeriesStore) -> list[list[tuple[object, ...]]]:
    found = [rows_of(store.select(selection)) for selection in SELECTIONS]
    return [[tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in rows] for rows in found]


def archives(store: SeriesStore) -> list[int]:
    return [segment.rows for segment in store._catalog() if segment.level == ARCHIVE]


@pytest.mark.parametrize("place", PLACES)
def test_readings_go_and_what_they_add_up_to_stays(store: SeriesStore, place: str) -> None:
    PLACES[place](store)
    before = answers(store)
    assert store.retire([*ONE, series_id(9)], CUT) == 1
    for step in (lambda: None, store.seal, store.compact, store.roll_up):
        step()
        assert everything(store) == LEFT
        assert answers(store) == before
    assert public_rows(store.directory) == LEFT
    assert sum(archives(store)) == 40
    assert [row[1] for row in rows_of(store.stats())] == [20, 60]
    assert store.check() == []
    assert store.retire(ONE, CUT) == 0


def test_step_by_step_is_as_good(store: SeriesStore) -> None:
    PLACES["segment"](store)
    before = answers(store)
    for day in range(1, 7):
        assert store.retire(ONE, minute(day * DAY)) == 1
        store.compact()
    assert answers(store) == before
    assert len(everything(store)) == 60
    assert sum(archives(store)) == 60
    assert len(archives(store)) < 6  # those of a month become one


def test_latest_is_what_can_be_read(store: SeriesStore) -> None:
    store.append(table([reading(1, 0, 1.0), reading(2, 0, 2.0), reading(2, 9 * DAY, 3.0)]))
    store.compact()
    store.retire([series_id(1), series_id(2)], minute(5 * DAY))
    assert rows_of(store.latest()) == [reading(2, 9 * DAY, 3.0)]
    store.close()
    again = SeriesStore(store.directory, QUIET)
    assert rows_of(again.latest()) == [reading(2, 9 * DAY, 3.0)]
    assert everything(again) == [reading(2, 9 * DAY, 3.0)]
    again.close()


@pytest.mark.parametrize("bulk", [False, True])
def test_what_comes_later_from_then_is_not_kept(store: SeriesStore, bulk: bool) -> None:
    PLACES["segment"](store)
    before = answers(store)
    store.retire(ONE, CUT)
    late = [reading(1, 2 * DAY + 7, 99.0)]
    store.append_stream(table(late).to_reader()) if bulk else store.append(table(late))
    for step in (lambda: None, store.seal, store.compact):
        step()
        assert (everything(store), answers(store)) == (LEFT, before)
    assert rows_of(store.latest())[0] == ROWS[59]
    assert store.count(ONE, OLD) == 0


def test_a_series_that_was_not_retired_yet_may_have_late_readings(store: SeriesStore) -> None:
    store.retire(ONE, CUT)
    store.append(table([reading(1, 0, 5.0)]))
    assert everything(store) == [reading(1, 0, 5.0)]
    assert store.retire(ONE, CUT) == 1
    assert (everything(store), archives(store)) == ([], [1])


def test_deleting_takes_hours_of_which_there_are_no_readings_any_more(store: SeriesStore) -> None:
    PLACES["segment"](store)
    store.retire([series_id(1), series_id(2)], CUT)
    store.delete(ONE, Window(minute(DAY + 90), minute(DAY + 150)))
    counted = Selection(Window(minute(DAY), minute(DAY + 300)), "count", HOURS)
    for step in (lambda: None, store.compact):
        step()
        found = rows_of(store.select(counted, pa.table({"id": ONE})))
        assert [row[0] for row in found] == [minute(DAY), minute(DAY + 180), minute(DAY + 240)]
        assert len(rows_of(store.select(counted, pa.table({"id": [series_id(2)]})))) == 5
    assert sum(archives(store)) == 78
    store.delete(ONE, Window())
    store.compact()
    assert sum(archives(store)) == 40


def test_what_changes_meanwhile_is_not_lost(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    PLACES["segment"](store)
    write, changes = store._files.write, iter(range(3))

    def write_while_others_do(*arguments: object, **options: object) -> object:
        number = next(changes, None)
        if number == 0:
            store.append(table([reading(1, 5, 1000.0)]))
        if number == 1:
            store.append_stream(table([reading(1, 6, 1000.0)]).to_reader())
        if number == 2:
            store.delete(ONE, Window(minute(0), minute(2)))
        return write(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store._files, "write", write_while_others_do)
    assert store.retire(ONE, minute(DAY)) == 1
    counted = Selection(Window(None, minute(DAY)), "count", DAYS)
    assert rows_of(store.select(counted, pa.table({"id": ONE}))) == [(minute(0), 11.0)]
    assert len(list((store.directory / "segments").iterdir())) == len(store._catalog())


def test_it_gives_up_where_there_is_always_something(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    PLACES["hot"](store)
    write = store._files.write
    done = threading.Event()

    def write_while_others_do(*arguments: object, **options: object) -> object:
        if not done.is_set():
            store.append(table([reading(1, 5, 1000.0)]))
        return write(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store._files, "write", write_while_others_do)
    with pytest.raises(Overloaded):
        store.retire(ONE, CUT)
    assert len(everything(store)) == 121
    done.set()
    assert store.retire(ONE, CUT) == 1


def test_a_backup_and_a_start_keep_archives(store: SeriesStore) -> None:
    PLACES["segment"](store)
    before = answers(store)
    store.retire(ONE, CUT)
    target = store.directory.parent / "copy"
    store.back_up(target)
    copied = SeriesStore(target, QUIET)
    assert (answers(copied), everything(copied)) == (before, LEFT)
    copied.close()


def test_a_broken_archive_is_set_apart_and_comes_back(store: SeriesStore) -> None:
    PLACES["segment"](store)
    before = answers(store)
    store.retire(ONE, CUT)
    store.compact()
    path = next(store._files.path(s) for s in store._catalog() if s.level == ARCHIVE)
    intact = path.read_bytes()
    path.write_bytes(intact[:-1])
    assert len(store.check(mend=True)) == 1
    (store.directory / "quarantine" / path.name).write_bytes(intact)
    assert store.check(mend=True) == []
    assert answers(store) == before
