from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from storage.series.selection import Selection
from storage.series.store import SeriesStore
from tests.support.series import everything, public_files, reading, table


@pytest.fixture
def readings(store: SeriesStore) -> Path:
    """The public folder of a store with numbers, text, gaps and late data over a turn of the year and months."""
    store.append(table([reading(s, day * 1440, day / 8) for s in range(3) for day in range(-40, 40, 3)]))
    store.compact()
    store.append(table([reading(1, day * 1440, "text", "late") for day in range(-30, 30)]))
    store.seal()
    store.compact()
    return store.directory / "readings"


def test_duckdb_pandas_and_polars_read_what_the_store_holds(readings: Path, store: SeriesStore) -> None:
    expected = store.select(Selection()).read_all()
    columns = "id, time, value, text, status"
    with duckdb.connect() as connection:
        by_duckdb = connection.sql(
            f"SELECT {columns} FROM read_parquet('{readings}/**/*.parquet', hive_partitioning = true)"
            " ORDER BY id, time"
        ).to_arrow_table()
    by_polars = pl.scan_parquet(readings / "**/*.parquet", hive_partitioning=True).sort("id", "time").collect()
    by_pandas = pd.read_parquet(readings).sort_values(["id", "time"])
    assert by_duckdb.cast(expected.schema).equals(expected)
    assert by_polars.select(expected.column_names).to_arrow().cast(expected.schema).equals(expected)
    frame = pa.Table.from_pandas(by_pandas[expected.column_names], preserve_index=False)
    assert frame.cast(expected.schema).equals(expected)


def test_the_public_folder_holds_the_segments_and_nothing_else(readings: Path, store: SeriesStore) -> None:
    assert public_files(store.directory) == sorted(s.public_name for s in store._catalog())
    assert {path.parts[-2] for path in readings.rglob("*.parquet")} == {
        "month=12",
        "month=01",
        "month=02",
        "month=03",
    }


def test_partition_folders_agree_with_the_times_inside(readings: Path) -> None:
    with duckdb.connect() as connection:
        wrong = connection.execute(
            f"SELECT * FROM read_parquet('{readings}/**/*.parquet', hive_partitioning = true)"
            " WHERE year(time) <> year::INT OR month(time) <> month::INT"
        ).fetchall()
    assert wrong == []


def test_a_replaced_segment_goes_when_its_last_reader_has(store: SeriesStore) -> None:
    store.append_stream(table([reading(1, 0, 1.0)]).to_reader())
    readers = [store.select(Selection()) for _ in range(2)]
    store.compact()
    segments = store.directory / "segments"
    for reader, files in zip(readers, (2, 1), strict=True):
        assert len(list(reader)) == 1
        assert len(list(segments.iterdir())) == files
    assert len(everything(store)) == 1
