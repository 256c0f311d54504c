"""The catalog is read again when it has changed, and only then; never taken for another moment's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.series.known import Catalog
from storage.series.sql import Window
from storage.series.store import SeriesStore
from tests.support.series import everything, minute, reading, series_id, table


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The thread, for each time that the catalog is read."""
    found: list[int] = []
    really = Catalog.read.__func__  # type: ignore[attr-defined]

    def counted(cls: type[Catalog], cursor: object) -> Catalog:
        found.append(threading.get_ident())
        known: Catalog = really(cls, cursor)
        return known

    monkeypatch.setattr(Catalog, "read", classmethod(counted))
    return found


def test_it_is_read_once_while_nothing_but_readings_change(store: SeriesStore, reads: list[int]) -> None:
    for number in range(5):
        store.append(table([reading(1, number, float(number))]))
        assert len(everything(store)) == number + 1
    assert reads.count(threading.get_ident()) <= 1  # the thread that has all ready at the start may be the first


def test_it_is_read_again_after_each_change(store: SeriesStore, reads: list[int]) -> None:
    rows = [reading(1, number * 1440, float(number)) for number in range(4)]
    store.append(table(rows))
    assert everything(store) == rows
    store.compact()
    assert everything(store) == rows
    store.delete([series_id(1)], Window(minute(0), minute(1)))
    assert everything(store) == rows[1:]
    store.compact()
    assert everything(store) == rows[1:]
    assert len(reads) >= 4


def test_reads_beside_changes_see_whole_moments(store: SeriesStore) -> None:
    rows = [reading(series, 0, 1.0) for series in range(50)]
    store.append(table(rows))
    ended = threading.Event()

    def change() -> None:
        for number in range(40):
            store.append(table([reading(series, 0, float(number)) for series in range(50)]))
            store.compact()
        ended.set()

    def look() -> None:
        while not ended.is_set():
            values = {row[2] for row in everything(store)}
            assert len(values) == 1

    with ThreadPoolExecutor() as threads:
        changing, looking = threads.submit(change), [threads.submit(look) for _ in range(3)]
        changing.result()
        for done in looking:
            done.result()
