from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow.dataset import dataset

from storage.errors import Closed, Corrupt, DeadlineExceeded, DirectoryError, InvalidReadings
from storage.series.selection import Rows, Selection
from storage.series.sql import Window
from storage.series.store import SCHEMA, SeriesStore
from tests.support.series import (
    QUIET,
    Reading,
    everything,
    minute,
    public_files,
    reading,
    rows_of,
    series_id,
    table,
)

BULKY = replace(QUIET, bulk_rows=3)


def stream(rows: list[Reading]) -> pa.RecordBatchReader:
    return table(rows).to_reader()


def segment_files(store: SeriesStore) -> list[Path]:
    return sorted((store.directory / "segments").iterdir())


def test_readings_come_back_by_id_and_time(store: SeriesStore) -> None:
    rows = [reading(2, 5, 1.5), reading(1, 9, "auto"), reading(1, 3, None, "stale")]
    store.append(table(rows))
    assert everything(store) == [rows[2], rows[1], rows[0]]


@pytest.mark.parametrize("order", list(permutations(["hot", "run", "segment"])))
@pytest.mark.parametrize("later", ["hot", "run"])
def test_the_last_write_wins_wherever_it_lies(store: SeriesStore, order: tuple[str, ...], later: str) -> None:
    for number, place in enumerate(order):
        rows = [reading(1, 0, float(number)), reading(1, number + 1, 0.0)]
        store.append(table(rows)) if place == "hot" else store.append_stream(stream(rows))
        if place == "segment":
            store.compact()
    last = [reading(1, 0, "last", "override")]
    store.append(table(last)) if later == "hot" else store.append_stream(stream(last))
    expected = [last[0], *(reading(1, n, 0.0) for n in (1, 2, 3))]
    assert everything(store) == expected
    store.seal()
    assert everything(store) == expected
    store.compact()
    assert everything(store) == expected


def test_later_rows_of_a_bulk_batch_win(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, BULKY)
    store.append(table([reading(1, 0, float(n)) for n in range(9)]))
    assert everything(store) == [reading(1, 0, 8.0)]
    store.close()


def test_ids_are_canonical_and_times_naive_on_both_ways_in(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, BULKY)
    upper = "ABCDEF00-0000-0000-0000-000000000001"
    zoned = pa.array([minute(n) for n in range(4)], pa.timestamp("s", "UTC"))
    rows = table([reading(1, 0, 1.0)] * 4).set_column(0, "id", pa.array([upper] * 4)).set_column(1, "time", zoned)
    store.append(rows)
    store.append(rows.slice(3))
    assert {row[0] for row in everything(store)} == {upper.lower()}
    assert len(everything(store)) == 4
    assert store.select(Selection()).schema.field("time").type == pa.timestamp("us")
    store.close()


@pytest.mark.parametrize(
    ("column", "cells"),
    [("id", ["no uuid"] * 4), ("id", [None] * 4), ("time", [None] * 4), ("value", [["x"]] * 4)],
)
@pytest.mark.parametrize("rows", [2, 4])
def test_what_is_no_reading_is_refused_whole(tmp_path: Path, column: str, cells: list[object], rows: int) -> None:
    store = SeriesStore(tmp_path, BULKY)
    good = table([reading(1, n, 1.0) for n in range(4)])
    array: pa.Array[Any] = pa.array(cells, SCHEMA.field(column).type if column != "value" else None)
    with pytest.raises(InvalidReadings):
        store.append(good.set_column(good.column_names.index(column), column, array).slice(0, rows))
    assert everything(store) == []
    assert store.status().hot_rows == 0
    store.append(good)
    assert len(everything(store)) == 4
    store.close()


def test_a_stream_that_fails_stores_nothing(store: SeriesStore) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from table([reading(1, 0, 1.0)]).to_batches()
        raise RuntimeError("the client has left")

    with pytest.raises(Exception, match="the client has left"):
        store.append_stream(pa.RecordBatchReader.from_batches(SCHEMA, batches()))
    assert everything(store) == []
    assert segment_files(store) == []


def test_a_stream_that_stalls_holds_nobody_up(store: SeriesStore) -> None:
    began, go_on = threading.Event(), threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        began.set()
        go_on.wait()
        yield from table([reading(1, 0, "bulk")]).to_batches()

    slow = threading.Thread(target=lambda: store.append_stream(pa.RecordBatchReader.from_batches(SCHEMA, batches())))
    slow.start()
    began.wait()
    store.append(table([reading(1, 0, "small")]))
    assert store.seal() == 1
    go_on.set()
    slow.join()
    assert [row[3] for row in everything(store)] == ["bulk"] == [row[3] for row in rows_of(store.latest())]


def test_small_and_bulk_agree_with_latest_at_equal_times(store: SeriesStore) -> None:
    def write(number: int) -> None:
        rows = [reading(series, 0, float(number)) for series in range(50)]
        store.append(table(rows)) if number % 2 else store.append_stream(stream(rows))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(24)))
    expected = everything(store)
    assert rows_of(store.latest()) == expected
    store.seal()
    assert everything(store) == expected
    store.compact()
    assert everything(store) == expected


def test_concurrent_batches_are_each_whole(store: SeriesStore) -> None:
    def write(number: int) -> None:
        store.append(table([reading(series, number, float(number)) for series in range(20)]))
        mine = store.select(Selection(Window(minute(number), minute(number + 1))))
        assert len(rows_of(mine)) == 20

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(60)))
    assert len(everything(store)) == 1200
    assert store.status().hot_rows == 1200


def test_one_bad_batch_does_not_fail_the_others(store: SeriesStore) -> None:
    bad = table([reading(1, 0, 1.0)]).set_column(0, "id", pa.array(["no uuid"]))

    def write(number: int) -> bool:
        try:
            store.append(bad if number % 5 == 0 else table([reading(number, 0, 1.0)]))
        except InvalidReadings:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(40))) == 32
    assert len(everything(store)) == 32


def test_reads_are_right_while_the_keeper_works(tmp_path: Path) -> None:
    """Readers see each batch whole and nothing twice, whatever is being sealed, compacted and deleted."""
    options = replace(QUIET, threads=2, seal_rows=300, compact_runs=2, bulk_rows=400)
    store = SeriesStore(tmp_path, options)
    written = threading.Event()

    def write() -> None:
        try:
            for number in range(80):
                many = 500 if number % 4 == 0 else 50
                store.append(table([reading(series, number * 700, float(number)) for series in range(many)]))
        finally:
            written.set()

    def read() -> int:
        reads = 0
        while not written.is_set():
            rows = store.select(Selection()).read_all()
            counts = rows.group_by("time").aggregate([("id", "count"), ("id", "count_distinct")])
            assert set(counts["id_count"].to_pylist()) <= {50, 500}
            assert counts["id_count"] == counts["id_count_distinct"]
            reads += 1
        return reads

    with ThreadPoolExecutor(4) as threads:
        writer, readers = threads.submit(write), [threads.submit(read) for _ in range(3)]
        writer.result()
        assert all(reader.result() for reader in readers)
    store.seal()
    store.compact()
    assert len(everything(store)) == 20 * 500 + 60 * 50
    assert len(segment_files(store)) == len(public_files(tmp_path)) == store.status().segments
    store.close()


def test_a_deadline_that_is_over_at_once(store: SeriesStore) -> None:
    store.append(table([reading(1, n, 1.0) for n in range(10)]))
    with pytest.raises(DeadlineExceeded):
        store.select(Selection(), seconds=1e-9).read_all()
    assert len(everything(store)) == 10


def test_a_deadline_while_iterating(store: SeriesStore) -> None:
    ids = pa.array([series_id(1)] * 400_000)
    times = pa.array(range(400_000), pa.timestamp("us"))
    rest = [pa.nulls(400_000, field.type) for field in list(SCHEMA)[2:]]
    store.append(pa.table([ids, times, *rest], schema=SCHEMA))
    expired = threading.Event()

    def read_slowly() -> None:
        for _ in store.select(Selection(), seconds=0.5):
            expired.wait(0.3)

    with pytest.raises(DeadlineExceeded):
        read_slowly()
    assert len(store.select(Selection(limit=5)).read_all()) == 5


@pytest.mark.parametrize("how", ["never read", "half read", "abandoned"])
def test_closing_rows_lets_files_go(store: SeriesStore, how: str) -> None:
    store.append_stream(stream([reading(1, 0, 1.0)]))
    [run] = segment_files(store)
    rows: Rows | None = store.select(Selection())
    assert rows is not None
    started = iter(rows)
    if how != "never read":
        next(started)
    store.compact()
    assert run.exists()
    if how == "abandoned":
        del started, rows
    else:
        rows.close()
        rows.close()
    assert not run.exists()
    assert segment_files(store) != []


def test_limit_and_window_of_one_series(store: SeriesStore) -> None:
    store.append(table([reading(s, n, float(n)) for s, n in product((1, 2), range(100))]))
    points = pa.table({"name": ["b", "a"], "id": [series_id(2), series_id(1)]})
    rows = rows_of(store.select(Selection(Window(minute(98), None), limit=3), points))
    assert [(row[0], row[2]) for row in rows] == [("b", 98.0), ("b", 99.0), ("a", 98.0)]


def test_latest_of_some(store: SeriesStore) -> None:
    store.append(table([reading(1, 0, 1.0), reading(2, 5, 2.0), reading(2, 1, 3.0)]))
    assert rows_of(store.latest([series_id(2), series_id(9)])) == [reading(2, 5, 2.0)]


def test_an_export_is_complete_and_never_over_something(store: SeriesStore, tmp_path: Path) -> None:
    store.append(table([reading(1, n * 1440, float(n)) for n in range(5)]))
    store.export(tmp_path / "out")
    assert dataset(tmp_path / "out", partitioning="hive").count_rows() == 5
    with pytest.raises(DirectoryError, match="not empty"):
        store.export(tmp_path / "out")


def test_a_damaged_segment_is_found(store: SeriesStore) -> None:
    store.append_stream(stream([reading(s, n, float(n)) for s, n in product(range(3), range(50))]))
    assert store.check() == []
    [run] = segment_files(store)
    run.write_bytes(run.read_bytes()[:-20])
    [fault] = store.check()
    assert run.name in fault
    with pytest.raises(Corrupt):
        everything(store)


def test_a_store_without_a_segment_opens_and_says_so_until_it_is_back(store: SeriesStore) -> None:
    store.append_stream(stream([reading(1, 0, 1.0)]))
    store.append(table([reading(2, 0, 1.0)]))
    store.close()
    [run] = segment_files(store)
    elsewhere = run.rename(store.directory / "elsewhere")
    again = SeriesStore(store.directory, QUIET)
    with pytest.raises(Corrupt, match=run.name):
        everything(again)
    assert len(rows_of(again.select(Selection(), pa.table({"id": [series_id(2)]})))) == 1
    elsewhere.rename(again.directory / "quarantine" / run.name)
    assert again.check(mend=True) == []
    assert len(everything(again)) == 2
    again.close()


def test_a_hot_file_that_is_none_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "hot.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(Corrupt):
        SeriesStore(tmp_path, QUIET)


def test_starting_removes_foreign_files_and_restores_the_public_ones(store: SeriesStore) -> None:
    store.append(table([reading(1, n * 1440, float(n)) for n in range(40)]))
    store.finish()
    public = store.directory / "readings"
    expected = public_files(store.directory)
    (public / expected[0]).unlink()
    (public / "stray.parquet").write_bytes(b"")
    (store.directory / "segments" / "0000009999.parquet").write_bytes(b"")
    again = SeriesStore(store.directory, QUIET)
    assert public_files(store.directory) == expected
    assert len(segment_files(again)) == again.status().segments
    again.close()


def test_a_closed_store_says_so(store: SeriesStore) -> None:
    store.close()
    store.close()
    for call in (lambda: store.append(table([reading(1, 0, 1.0)])), lambda: everything(store), store.latest):
        with pytest.raises(Closed):
            call()


def test_closing_while_many_write_answers_each(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, QUIET)

    def write(number: int) -> bool:
        try:
            store.append(table([reading(number, 0, 1.0)]))
        except Closed:
            return False
        if number == 20:
            store.close()
        return True

    with ThreadPoolExecutor(6) as threads:
        acknowledged = sum(threads.map(write, range(60)))
    again = SeriesStore(tmp_path, QUIET)
    assert len(everything(again)) == acknowledged
    again.close()


def test_a_failing_keeper_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SeriesStore(tmp_path, replace(QUIET, seal_rows=1))
    failed, sealed = threading.Event(), threading.Event()
    seal = store.seal

    def fail_once() -> int:
        if not failed.is_set():
            failed.set()
            raise OSError("no space left on device")
        rows = seal()
        sealed.set()
        return rows

    monkeypatch.setattr(store._tender, "_seal", fail_once)
    store.append(table([reading(1, 0, 1.0)]))
    assert failed.wait(10)
    store.append(table([reading(2, 0, 1.0)]))
    assert sealed.wait(10)
    store.close()
    assert store._tender.error is None
