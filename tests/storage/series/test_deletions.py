from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from storage.errors import DiskFailed
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, minute, public_rows, reading, rows_of, series_id, table

DAY = 1440
ROWS = [reading(series, day * DAY, float(day)) for series in (1, 2) for day in range(6)]
MIDDLE = Window(minute(2 * DAY), minute(4 * DAY))
LEFT = [row for row in ROWS if row[0] == series_id(2) or not MIDDLE.meets(row[1], row[1])]

PLACES: dict[str, Callable[[SeriesStore], object]] = {
    "hot": lambda store: store.append(table(ROWS)),
    "run": lambda store: store.append_stream(table(ROWS).to_reader()),
    "segment": lambda store: [store.append_stream(table(ROWS).to_reader()), store.compact()],  # type: ignore[func-returns-value]
}


def deletions(store: SeriesStore) -> int:
    with contextlib.closing(store._hot.cursor()) as cursor:
        return len(cursor.execute("SELECT * FROM deletions").fetchall())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("after", ["at once", "reopened", "sealed", "compacted"])
def test_what_is_deleted_is_gone_wherever_it_lies(tmp_path: Path, place: str, after: str) -> None:
    store = SeriesStore(tmp_path, QUIET)
    PLACES[place](store)
    assert store.count([series_id(1), series_id(9)], MIDDLE) == 2
    store.delete([series_id(1), series_id(9)], MIDDLE)
    if after == "reopened":
        store.close()
        store = SeriesStore(tmp_path, QUIET)
    if after in ("sealed", "compacted"):
        store.seal()
    if after == "compacted":
        store.compact()
        assert public_rows(tmp_path) == LEFT
        assert deletions(store) == 0
    assert everything(store) == LEFT
    assert store.count([series_id(1)], Window()) == 4
    assert rows_of(store.stats())[0][1] == 4
    assert store.check() == []
    store.close()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bulk", [False, True])
def test_what_is_written_after_it_counts_whatever_its_time(store: SeriesStore, place: str, bulk: bool) -> None:
    PLACES[place](store)
    store.delete([series_id(1)], MIDDLE)
    late = reading(1, 2 * DAY, 7.0, "late")
    store.append_stream(table([late]).to_reader()) if bulk else store.append(table([late]))
    expected = sorted([*LEFT, late], key=lambda row: row[:2])
    for step in (lambda: None, store.seal, store.compact):
        step()
        assert everything(store) == expected
    store.delete([series_id(1)], MIDDLE)
    assert everything(store) == LEFT


def test_latest_is_the_newest_that_is_left(store: SeriesStore) -> None:
    old = [reading(series, 0, 0.0) for series in (1, 2, 3)]
    newer = [reading(1, DAY, 1.0), reading(2, DAY, 1.0)]
    newest = [reading(1, 2 * DAY, 2.0), reading(1, 3 * DAY, 3.0)]
    store.append(table(old))
    store.compact()
    store.append_stream(table(newer).to_reader())
    store.append(table(newest))
    expected = [
        (Window(minute(3 * DAY), None), [reading(1, 2 * DAY, 2.0), reading(2, DAY, 1.0), old[2]]),
        (Window(minute(DAY), minute(9 * DAY)), old),
        (Window(None, minute(1)), []),
    ]
    rows = sorted([*old, *newer, *newest], key=lambda row: row[:2])
    for window, left in expected:
        store.delete([series_id(number) for number in range(1, 4)], window)
        rows = [row for row in rows if not window.meets(row[1], row[1])]
        assert rows_of(store.latest()) == left
        assert everything(store) == rows
    store.append(table([reading(2, -5, 5.0)]))
    assert rows_of(store.latest()) == [reading(2, -5, 5.0)]


def test_latest_survives_a_start_between(store: SeriesStore) -> None:
    store.append(table([reading(1, day * DAY, float(day)) for day in range(3)]))
    store.compact()
    store.delete([series_id(1)], Window(minute(2 * DAY), None))
    store.close()
    again = SeriesStore(store.directory, QUIET)
    assert rows_of(again.latest()) == [reading(1, DAY, 1.0)]
    again.close()


def test_deleting_again_leaves_nothing_to_do(store: SeriesStore) -> None:
    store.append(table(ROWS))
    store.compact()
    for _ in range(2):
        store.delete([series_id(1)], MIDDLE)
        store.compact()
        assert everything(store) == LEFT
    store.delete([series_id(1)], Window(minute(9 * DAY), None))
    assert deletions(store) == 0
    segments = list((store.directory / "segments").iterdir())
    store.compact()
    assert list((store.directory / "segments").iterdir()) == segments


def test_a_month_that_is_deleted_whole_leaves_no_file(store: SeriesStore) -> None:
    store.append(table([reading(1, day * DAY, 1.0) for day in (0, 2, 40)]))
    store.compact()
    assert store.status().segments == 3  # January, February, March
    store.delete([series_id(1)], Window(minute(2 * DAY), None))
    store.compact()
    assert store.status().segments == 1
    store.delete([series_id(1)], Window())
    store.compact()
    assert (store.status().segments, list((store.directory / "segments").iterdir())) == (0, [])
    assert public_rows(store.directory) == rows_of(store.latest()) == everything(store) == []


def test_only_files_that_have_what_was_deleted_are_written_anew(store: SeriesStore) -> None:
    store.append(table([reading(series, day * DAY, 1.0) for series in (1, 2) for day in (0, 40, 80)]))
    store.compact()
    before = {segment.first_day: segment.number for segment in store._catalog()}
    store.delete([series_id(1)], Window(minute(40 * DAY), minute(41 * DAY)))
    store.compact()
    after = {segment.first_day: segment.number for segment in store._catalog()}
    assert [after[day] == before[day] for day in sorted(before)] == [True, False, True]


def test_a_delete_while_a_seal_is_under_way(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(table(ROWS))
    written, go_on = threading.Event(), threading.Event()
    write = store._files.write_ordered

    def write_slowly(*arguments: object, **options: object) -> object:
        try:
            return write(*arguments, **options)  # type: ignore[arg-type]
        finally:
            written.set()
            assert go_on.wait(30)

    monkeypatch.setattr(store._files, "write_ordered", write_slowly)
    with ThreadPoolExecutor(1) as thread:
        sealing = thread.submit(store.seal)
        assert written.wait(30)
        store.delete([series_id(1)], MIDDLE)
        assert everything(store) == LEFT
        go_on.set()
        sealing.result()
    assert store.status().hot_rows == 0
    assert everything(store) == LEFT
    store.compact()
    assert public_rows(store.directory) == everything(store) == LEFT


def test_files_are_free_of_it_after_a_while(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, replace(QUIET, delete_seconds=0.01))
    store.append(table(ROWS))
    store.compact()
    compacted = threading.Event()
    compact = store._tender._compact

    def tell() -> object:
        try:
            return compact()
        finally:
            compacted.set()

    store._tender._compact = tell
    store.delete([series_id(1)], MIDDLE)
    assert compacted.wait(30)
    assert public_rows(tmp_path) == LEFT
    store.close()
    assert store._tender.error is None


def test_deletions_are_carried_out_after_a_start(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, QUIET)
    store.append(table(ROWS))
    store.compact()
    store.delete([series_id(1)], MIDDLE)
    store.close()
    again = SeriesStore(tmp_path, replace(QUIET, delete_seconds=0.01))
    assert everything(again) == LEFT
    again.finish()
    assert public_rows(tmp_path) == LEFT


def test_a_delete_that_fails_deletes_nothing(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(table(ROWS[:6]))
    store.compact()
    store.append(table(ROWS[6:]))
    before = (everything(store), rows_of(store.latest()), store.status())

    def fail(*_: object) -> None:
        raise DiskFailed("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store, "_settle", fail)
        with pytest.raises(DiskFailed):
            store.delete([series_id(1), series_id(2)], Window())
    assert (everything(store), rows_of(store.latest()), store.status()) == before
    store.delete([series_id(1), series_id(2)], Window())
    assert everything(store) == []


def test_selections_beside_what_was_deleted(store: SeriesStore) -> None:
    """Before a window, the last value that is left counts."""
    store.append(table([reading(1, n, float(n)) for n in range(10)]))
    store.compact()
    store.append_stream(table([reading(1, 20, 20.0)]).to_reader())
    store.compact()
    store.delete([series_id(1)], Window(minute(7), minute(19)))
    points = pa.table({"id": [series_id(1)]})
    held = Selection(Window(minute(15), minute(25)), "twmean")
    assert rows_of(store.select(held, points)) == [(minute(15), (5 * 6 + 5 * 20) / 10)]
