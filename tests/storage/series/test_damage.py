"""Files that are lost or damaged, other than segments (see test_quarantine.py)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from storage.errors import Corrupt
from storage.series.selection import Selection
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, reading, rows_of, table

DAILY = Selection(aggregate="mean", step=Step(time=timedelta(days=1)))


def test_without_its_catalog_a_directory_is_left_as_it_is(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "series", QUIET)
    store.append(table([reading(1, at, float(at)) for at in range(100)]))
    readings = everything(store)
    store.finish()
    catalog = tmp_path / "series/hot.duckdb"
    catalog.rename(tmp_path / "elsewhere")
    with pytest.raises(Corrupt, match=r"hot\.duckdb is missing"):
        SeriesStore(tmp_path / "series", QUIET)
    (tmp_path / "elsewhere").rename(catalog)
    store = SeriesStore(tmp_path / "series", QUIET)
    assert everything(store) == readings
    store.close()


def test_a_broken_rollup_is_found_and_made_anew(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "series", QUIET)
    store.append(table([reading(1, at, float(at % 7)) for at in range(0, 10_000, 3)]))
    store.seal()
    store.compact()
    store.roll_up()
    days = rows_of(store.select(DAILY))
    paths = sorted((tmp_path / "series/rollups").glob("*.day.parquet"))
    for path in paths:
        path.write_bytes(path.read_bytes()[:100])
    assert store.check() == [f"{path.name} cannot be read" for path in paths]
    assert store.check(mend=True) == []
    store.roll_up()
    assert store.check() == []
    assert rows_of(store.select(DAILY)) == days
    store.close()


def test_names_that_are_no_text_are_damage(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "series", QUIET)
    store.append(table([reading(1, 0, 1.0)]))
    store.seal()
    store.compact()
    [path] = (tmp_path / "series/segments").iterdir()
    path.write_bytes(path.read_bytes().replace(b"value", b"\x89alue"))
    with pytest.raises(Corrupt, match=path.name):
        everything(store)
    store.close()
