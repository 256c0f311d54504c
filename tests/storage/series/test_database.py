from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from storage.errors import Closed, DiskFailed
from storage.series import database
from storage.series.database import Database
from storage.series.store import SCHEMA, SeriesStore
from tests.support.series import QUIET, everything, minute, reading, series_id, table


def opened(directory: Path) -> contextlib.closing[Database]:
    return contextlib.closing(Database(directory / "x.duckdb", directory / "tmp", memory=1 << 28, threads=1))


def test_after_the_engine_has_given_up_the_file_is_opened_again(store: SeriesStore) -> None:
    def give_up(cursor: duckdb.DuckDBPyConnection, _: int) -> int:
        cursor.execute("DELETE FROM readings")
        raise duckdb.FatalException("FATAL Error: database has been invalidated")

    store.append(table([reading(1, 0, 1.0)]))
    with pytest.raises(DiskFailed):
        store._hot.remove(give_up)
    assert everything(store) == [reading(1, 0, 1.0)]
    store.append(table([reading(1, 1, 2.0)]))
    assert len(everything(store)) == 2
    assert store.latest().num_rows == 1


def test_the_log_is_taken_in_once_it_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOG_BYTES", 100_000)
    log = tmp_path / "x.duckdb.wal"
    with opened(tmp_path) as file:
        with file.cursor() as cursor:
            cursor.execute("CREATE TABLE t (a DOUBLE)")
            sizes = []
            for _ in range(20):
                cursor.execute("INSERT INTO t SELECT random() FROM range(1000)")
                file.committed()
                sizes.append(log.stat().st_size if log.exists() else 0)
        assert max(sizes) < 120_000
        assert sorted(sizes) != sizes


@pytest.mark.parametrize(("size", "is_left"), [(1, False), (1 << 30, True)])
def test_the_log_is_taken_in_once_what_it_has_is_sealed(
    store: SeriesStore, monkeypatch: pytest.MonkeyPatch, size: int, is_left: bool
) -> None:
    monkeypatch.setattr(database, "PASSED_BYTES", size)
    log = store.directory / "hot.duckdb.wal"
    store.append(table([reading(1, 0, 1.0)]))
    before = log.stat().st_size
    assert before > 0
    store.seal()
    assert (log.exists() and log.stat().st_size > before) == is_left
    assert everything(store) == [reading(1, 0, 1.0)]


def test_without_room_the_log_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as file:
        with file.cursor() as cursor:
            cursor.execute("CREATE TABLE t (a DOUBLE)")
        monkeypatch.setattr(Database, "_has_room", lambda _: False)
        file.checkpoint()
        file.close()
        assert (tmp_path / "x.duckdb.wal").stat().st_size > 0
        monkeypatch.undo()
    with opened(tmp_path) as file, file.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    file.close()
    with pytest.raises(Closed):
        file.cursor()


ROWS = 200_000


def _filled(directory: Path) -> Path:
    with opened(directory) as file, file.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b DOUBLE NOT NULL)")
        cursor.execute(f"INSERT INTO t SELECT range, random() FROM range({ROWS})")
        file.checkpoint()
        cursor.execute("DELETE FROM t WHERE a > 1")
    return directory / "x.duckdb"


def test_a_file_that_is_mostly_room_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    path = _filled(tmp_path)
    before = path.stat().st_size
    with opened(tmp_path) as file:
        assert not file.shrink()  # for what there is to gain
        monkeypatch.setattr(database, "LEAST_ROOM", 1 << 20)
        assert file.shrink()
        assert path.stat().st_size < before / 3
        assert not file.shrink()
        with file.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1, 7.0) ON CONFLICT (a) DO UPDATE SET b = excluded.b")
            file.committed()
            assert cursor.execute("SELECT a, b = 7 FROM t ORDER BY a").fetchall() == [(0, False), (1, True)]
            with pytest.raises(duckdb.ConstraintException):
                cursor.execute("INSERT INTO t VALUES (2, NULL)")
    with opened(tmp_path) as file, file.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM t").fetchall() == [(2,)]


def test_what_cannot_be_made_smaller_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    path = _filled(tmp_path)
    monkeypatch.setattr(database, "LEAST_ROOM", 1 << 20)

    def full(_: Path) -> None:
        raise OSError("No space left on device")

    with opened(tmp_path) as file:
        before = path.stat().st_ino
        monkeypatch.setattr(database, "sync_file", full)
        assert not file.shrink()
        assert (path.stat().st_ino, list((tmp_path / "tmp").iterdir())) == (before, [])
        with file.cursor() as cursor:
            assert cursor.execute("SELECT count(*) FROM t").fetchall() == [(2,)]


def _many() -> pa.Table:
    """Return readings of fifty series that nothing can compress well."""
    numbers, none = np.arange(ROWS), pa.nulls(ROWS, pa.string())
    ids = pa.array([series_id(number) for number in range(50)]).take(pa.array(numbers % 50, pa.int64()))
    times = pa.array(np.datetime64(minute(0), "us") + numbers // 50 * np.timedelta64(997, "ms"))
    random = np.random.default_rng(1).random(ROWS)
    texts = pa.array([str(number) for number in random])
    return pa.table([ids, times, pa.array(random[::-1].copy()), texts, none], schema=SCHEMA)


def test_a_start_gives_the_space_of_sealed_readings_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LEAST_ROOM", 1 << 20)
    with contextlib.closing(SeriesStore(tmp_path, replace(QUIET, bulk_rows=1 << 30))) as store:
        store.append(_many())
        store._hot._database.checkpoint()
        store.seal()
    before = (tmp_path / "hot.duckdb").stat().st_size
    with contextlib.closing(SeriesStore(tmp_path, QUIET)) as store:
        assert (tmp_path / "hot.duckdb").stat().st_size < before
        store.append(table([reading(8, 9_999, 2.0)]))
        assert (store.status().hot_rows, store.latest().num_rows, len(everything(store))) == (1, 50, ROWS + 1)
        assert store.latest([series_id(8)]).column("value").to_pylist() == [2.0]
        assert store.check() == []
