from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from storage.errors import DiskFailed, Overloaded
from storage.series import tender
from storage.series.catalog import Written
from storage.series.known import Catalog
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, reading, table
from tests.support.waiting import until

DAY = 1440
SOON = replace(QUIET, seal_rows=10, target_rows=2)


def rows(first: int, count: int) -> pa.Table:
    return table([reading(1, first + number, 0.0) for number in range(count)])


def test_writers_wait_for_sealing_and_go_on_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealing, go_on = threading.Event(), threading.Event()
    store = SeriesStore(tmp_path, SOON)
    seal = store.seal

    def late() -> int:
        sealing.set()
        assert go_on.wait(30)
        return seal()

    monkeypatch.setattr(store._tender, "_seal", late)
    store.append(rows(0, 80))
    assert sealing.wait(30)
    writer = threading.Thread(target=store.append, args=(rows(80, 1),))
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()
    assert store.status().hot_rows == 80
    go_on.set()
    writer.join(30)
    assert not writer.is_alive()
    assert len(everything(store)) == 81
    store.close()


def test_writers_are_refused_where_sealing_does_not_catch_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> int:
        raise DiskFailed("no space left")

    monkeypatch.setattr(tender, "HELD_BACK", 0.3)
    store = SeriesStore(tmp_path, SOON)
    monkeypatch.setattr(store._tender, "_seal", failing)
    store.append(rows(0, 80))
    with pytest.raises(Overloaded, match=r"80 readings wait to be written to Parquet \(DiskFailed: no space left\)"):
        store.append(rows(80, 1))
    assert len(everything(store)) == 80
    store.close()
    store = SeriesStore(tmp_path, SOON)
    store.append(rows(80, 1))
    assert len(everything(store)) == 81
    store.close()


def test_what_becomes_hot_during_a_compaction_is_sealed_during_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SeriesStore(tmp_path, SOON)
    store._tender.close()
    for day in range(4):
        store.append_stream(table([reading(s, day * DAY, 1.0) for s in (1, 2)]).to_reader())
    hot: list[int] = []
    write = store._files.write_ordered

    def meanwhile(number: int, batches: Iterable[pa.Table], *, level: int) -> Written | None:
        if level == 1:
            hot.append(store.status().hot_rows)
            store.append(table([reading(s, len(hot) * DAY, 2.0) for s in range(1, 11)]))
        return write(number, batches, level=level)

    monkeypatch.setattr(store._files, "write_ordered", meanwhile)
    assert store.compact() == 4
    assert hot == [0, 0, 0, 0]
    assert store.status().hot_rows == 0
    assert store.status().runs == 4
    expected = [(s, day) for s in range(1, 11) for day in range(5) if day or s < 3]
    found = everything(store)
    assert [row[:2] for row in found] == [reading(s, day * DAY, 0.0)[:2] for s, day in sorted(expected)]
    assert [row[2] for row in found] == [1.0 if day == 0 else 2.0 for s, day in sorted(expected)]
    monkeypatch.undo()
    store.compact()
    assert everything(store) == found
    assert store.check() == []
    store.close()


def rolled_up(store: SeriesStore) -> bool:
    """Tell whether each segment has its rollups."""
    with closing(store._hot.cursor()) as cursor:
        catalog = Catalog.read(cursor)
    return bool(catalog.segments) and {segment.number for segment in catalog.segments} <= catalog.rolled_up.keys()


def test_rollups_that_sealing_held_up_are_made_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SeriesStore(tmp_path, SOON)
    merge, met = store._keeper.roll_up, list[bool]()

    def held(stop: Callable[[], bool]) -> int:
        if not met:
            store.append(rows(2 * DAY, 10))  # sealing is due now, but somebody else does it
            met.append(stop())
            store.seal()
            store.compact()
            return 0
        return merge(stop)

    for day in range(2):
        store.append(rows(day * DAY, 1))
    store.seal()
    store.compact()
    monkeypatch.setattr(store._keeper, "roll_up", held)
    store.tend()
    until(lambda: rolled_up(store))
    assert met == [True]
    store.close()


def test_rollups_that_are_lacking_are_made_at_the_start(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, QUIET)
    store._tender.close()
    store.append(rows(0, 3))
    store.seal()
    store.compact()
    assert not rolled_up(store)
    store.close()
    store = SeriesStore(tmp_path, QUIET)
    until(lambda: rolled_up(store))
    store.close()
