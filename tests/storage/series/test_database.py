from __future__ import annotations

import contextlib
from pathlib import Path

import duckdb
import pytest

from storage.errors import Closed, DiskFailed
from storage.series import database
from storage.series.database import Database
from storage.series.store import SeriesStore
from tests.support.series import everything, reading, table


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
