from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from storage.errors import DiskFailed, InvalidReadings
from storage.series.hot import HotTier
from storage.series.store import SeriesStore
from tests.support.series import everything, reading, rows_of, table


class FailingCommit:
    """A cursor whose COMMIT fails, as on a full disk."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def execute(self, sql: str, *parameters: object) -> duckdb.DuckDBPyConnection:
        if sql == "COMMIT":
            raise duckdb.IOException("IO Error: no space left on device")
        return self._cursor.execute(sql, *parameters)

    def __getattr__(self, name: str) -> object:
        return getattr(self._cursor, name)


def test_a_commit_that_fails_leaves_rows_and_counts_as_they_were(
    store: SeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(table([reading(1, 0, 1.0)]))
    before = (everything(store), store.status(), store._hot.seq)
    cursor = store._hot.cursor
    with monkeypatch.context() as patched:
        patched.setattr(store._hot, "cursor", lambda: FailingCommit(cursor()))
        with pytest.raises(DiskFailed, match="no space"):
            store.append(table([reading(1, 0, 2.0), reading(2, 0, 2.0)]))
    assert (everything(store), store.status(), store._hot.seq) == before
    store.append(table([reading(1, 0, 3.0)]))
    assert everything(store) == rows_of(store.latest()) == [reading(1, 0, 3.0)]


def test_a_transaction_that_raises_is_undone(store: SeriesStore) -> None:
    def spoil() -> None:
        with store._hot.transaction() as cursor:
            cursor.execute("DELETE FROM readings")
            cursor.execute("INSERT INTO readings (id) VALUES ('no uuid')")

    store.append(table([reading(1, 0, 1.0)]))
    with pytest.raises(InvalidReadings):
        spoil()
    assert len(everything(store)) == 1


def test_counts_are_right_with_many_writers_and_a_sealer(store: SeriesStore) -> None:
    with ThreadPoolExecutor(4) as threads:
        for number in range(60):
            threads.submit(store.append, table([reading(s, number, 0.0) for s in range(5)]))
            if number % 10 == 0:
                threads.submit(store.seal)
    with contextlib.closing(store._hot.cursor()) as cursor:
        [(counted,)] = cursor.execute("SELECT count(*) FROM readings").fetchall()
    assert store.status().hot_rows == counted
    assert len(everything(store)) == 300


def test_a_new_log_is_made_durable_with_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    with contextlib.closing(HotTier(tmp_path, memory=1 << 28, threads=1)) as hot:
        monkeypatch.setattr("storage.series.database.sync_directory", synced.append)
        with hot.transaction() as cursor:
            cursor.execute("CREATE TABLE first (a INTEGER)")
        with hot.transaction() as cursor:
            cursor.execute("CREATE TABLE second (a INTEGER)")
        assert synced == [tmp_path]  # once for the log, whatever is added to it
