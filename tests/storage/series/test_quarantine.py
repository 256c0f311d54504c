from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from storage.errors import Corrupt
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, minute, public_files, reading, rows_of, series_id, table

DAY = 1440
# January and February in a file each: series 1 and 2 in both, series 3 in February alone.
JANUARY = [reading(series, 0, float(series)) for series in (1, 2)]
FEBRUARY = [reading(series, 5 * DAY, float(series)) for series in (1, 2, 3)]
IN_JANUARY = Window(None, minute(2 * DAY))
IN_FEBRUARY = Window(minute(2 * DAY), None)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


BREAK: dict[str, Callable[[Path], None]] = {"flipped": flip, "cut": cut, "missing": Path.unlink}


@pytest.fixture
def january(store: SeriesStore) -> Path:
    """The file of January, in a store with two."""
    store.append(table([*JANUARY, *FEBRUARY]))
    store.compact()
    return store._files.path(min(store._catalog(), key=lambda segment: segment.first))


def read(store: SeriesStore, window: Window, *series: int) -> list[tuple[object, ...]]:
    points = pa.table({"id": [series_id(number) for number in series]})
    return rows_of(store.select(Selection(window), points))


@pytest.mark.parametrize("how", BREAK)
def test_a_broken_file_is_named_and_set_apart_and_the_rest_is_served(
    store: SeriesStore, january: Path, how: str
) -> None:
    BREAK[how](january)
    [fault] = store.check()
    assert fault.startswith(january.name)
    assert january.exists() is (how != "missing")
    [lost] = store.check(mend=True)
    assert f"{january.name} is in quarantine" in lost
    assert store.check() == [lost]
    assert (store.directory / "quarantine" / january.name).exists() is (how != "missing")
    assert len(public_files(store.directory)) == store.status().segments == 1
    assert len(read(store, IN_FEBRUARY, 1, 2, 3)) == 3
    assert len(read(store, Window(), 3)) == 1
    assert len(rows_of(store.latest())) == 3
    assert rows_of(store.stats([series_id(1)]))[0][1] == 1


def test_what_would_lack_readings_is_an_error_that_names_the_file(store: SeriesStore, january: Path) -> None:
    january.unlink()
    store.check(mend=True)
    held = Selection(Window(minute(DAY), minute(2 * DAY)), "twmean")
    asked: list[Callable[[], object]] = [
        lambda: everything(store),
        lambda: read(store, IN_JANUARY, 2),
        lambda: store.select(held, pa.table({"id": [series_id(1)]})),
        lambda: store.count([series_id(1)], Window()),
        lambda: store.export(store.directory / "exported"),
    ]
    for ask in asked:
        with pytest.raises(Corrupt, match=january.name):
            ask()
    later = Selection(Window(minute(6 * DAY), minute(7 * DAY)), "twmean")
    assert len(rows_of(store.select(later, pa.table({"id": [series_id(1)]})))) == 1


def test_until_then_a_read_that_meets_it_names_it(store: SeriesStore) -> None:
    store.append(table([reading(1, n / 10, random.random()) for n in range(5000)]))
    store.compact()
    [segment] = store._catalog()
    path = store._files.path(segment)
    content = bytearray(path.read_bytes())
    for place in range(100, len(content) - 3000, 97):
        content[place] ^= 255
    path.write_bytes(content)
    with pytest.raises(Corrupt, match=path.name):
        everything(store)
    path.unlink()
    with pytest.raises(Corrupt, match=path.name):
        everything(store)


def test_an_intact_copy_comes_back(store: SeriesStore, january: Path, tmp_path: Path) -> None:
    before = everything(store)
    shutil.copy(january, tmp_path / "copy")
    flip(january)
    store.check(mend=True)
    later = [reading(1, 0, 7.0), reading(2, 1, 8.0)]
    store.append(table(later))
    store.compact()  # makes another file of that day
    store.delete([series_id(2)], Window(minute(0), minute(1)))
    assert len(store.check(mend=True)) == 1  # it is as it was
    shutil.copy(tmp_path / "copy", store.directory / "quarantine" / january.name)
    assert store.check(mend=True) == []
    expected = [later[0], before[1], later[1], *before[3:]]
    for step in (lambda: None, store.compact):
        step()
        assert everything(store) == expected
    assert store.check() == []
    assert list((store.directory / "quarantine").iterdir()) == []


def test_what_came_back_counts_for_the_latest(store: SeriesStore, january: Path) -> None:
    intact = january.read_bytes()
    flip(january)
    store.check(mend=True)
    store.delete([series_id(1)], IN_FEBRUARY)
    assert [row[0] for row in rows_of(store.latest())] == [series_id(2), series_id(3)]
    (store.directory / "quarantine" / january.name).write_bytes(intact)
    store.check(mend=True)
    assert rows_of(store.latest()) == [JANUARY[0], *FEBRUARY[1:]]


def test_readings_that_are_given_up_are_missed_no_more(store: SeriesStore, january: Path) -> None:
    flip(january)
    number = int(january.stem)
    assert not store.give_up(number)
    store.check(mend=True)
    store.delete([series_id(1)], IN_FEBRUARY)
    assert store.give_up(number)
    assert not store.give_up(number)
    assert everything(store) == FEBRUARY[1:]
    assert rows_of(store.latest()) == FEBRUARY[1:]
    assert store.check() == []
    assert list((store.directory / "quarantine").iterdir()) == []


def test_deleting_is_giving_up_too(store: SeriesStore, january: Path) -> None:
    january.unlink()
    store.check(mend=True)
    store.delete([series_id(1)], IN_JANUARY)
    store.compact()
    assert read(store, Window(), 1) == [FEBRUARY[0][1:]]
    with pytest.raises(Corrupt):
        read(store, Window(), 1, 2)


@pytest.mark.parametrize("moved", [False, True])
def test_it_survives_a_start(store: SeriesStore, january: Path, moved: bool) -> None:
    flip(january)
    store.check(mend=True)
    apart = store.directory / "quarantine" / january.name
    if not moved:  # a crash came between the catalog and the file
        apart.rename(january)
    store.close()
    again = SeriesStore(store.directory, QUIET)
    assert (apart.exists(), january.exists()) == (True, False)
    assert len(again.check()) == 1
    again.append(table([reading(1, 9 * DAY, 1.0)]))
    again.compact()
    assert len(read(again, IN_FEBRUARY, 1)) == 2
    again.close()


def test_compaction_makes_nothing_of_a_broken_file_and_goes_on_with_the_others(
    store: SeriesStore, january: Path
) -> None:
    flip(january)
    store.append(table([reading(1, 1, 1.0), reading(1, 6 * DAY, 1.0)]))
    with pytest.raises(Corrupt, match=january.name):
        store.compact()
    assert january.exists()
    assert max(segment.rows for segment in store._catalog() if segment.level == 1) == 4
    store.check(mend=True)
    store.compact()
    assert store.status().runs == 0
    assert len(read(store, IN_FEBRUARY, 1, 2, 3)) == 4


def test_a_backup_says_what_is_missing(store: SeriesStore, january: Path, tmp_path: Path) -> None:
    flip(january)
    store.check(mend=True)
    store.back_up(tmp_path / "copy")
    copied = SeriesStore(tmp_path / "copy", QUIET)
    assert len(copied.check()) == 1
    assert len(read(copied, IN_FEBRUARY, 1, 2, 3)) == 3
    copied.close()
