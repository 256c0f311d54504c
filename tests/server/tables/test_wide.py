from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.tables.read import BadReadings
from tests.server.tables.reading import opened, read, read_path, rows_of, utc
from tests.support.data import shared

_DATA = "season,time,sup,oper,note\nWinter,2024-01-01,1.5,true,\nWinter,2024-01-02,NA,false,\n"


def test_a_column_a_series() -> None:
    source = opened(_DATA, "csv")
    assert rows_of(source) == [
        ("sup", utc("2024-01-01"), 1.5, None, None),
        ("oper", utc("2024-01-01"), 1.0, None, None),
        ("oper", utc("2024-01-02"), 0.0, None, None),
    ]
    assert (source.columns, source.ignored) == (("sup", "oper"), ("season",))
    assert (source.rows_read, source.rows_missing, source.readings) == (2, 3, 3)


def test_columns_can_be_ignored() -> None:
    source = opened(_DATA, "csv", ignore=("oper", "time"))
    assert {row[0] for row in rows_of(source)} == {"sup"}
    assert source.ignored == ("season", "oper")


def test_a_series_that_turns_to_text_is_refused() -> None:
    with pytest.raises(BadReadings) as caught:
        read("time,a\n2024-01-01,1\n2024-01-02,#VALUE!\n", "csv")
    assert str(caught.value) == 'row 2: a "#VALUE!" is neither a number nor true or false'
    assert (caught.value.line, caught.value.column) == (3, "a")


def test_infinite_cells_and_times_that_are_missing_are_refused() -> None:
    for data, message in (
        ("time,a\n2024-01-01,inf\n", "row 1: a is infinite or too large for a number"),
        ("time,a\n,1\n", 'row 1: time "" is not a date and time'),
    ):
        with pytest.raises(BadReadings) as caught:
            read(data, "csv")
        assert str(caught.value) == message


def test_an_unnamed_column_is_no_series() -> None:
    assert [row[0] for row in read(",time,a\n0,2024-01-01,1\n", "csv")] == ["a"]


def test_wide_can_be_said_or_denied() -> None:
    data = "id,time,a\n7,2024-01-01,1\n"
    assert [row[0] for row in read(data, "csv", wide=True)] == ["id", "a"]
    with pytest.raises(BadReadings, match="no column is the value"):
        read(data, "csv")


def test_a_wide_parquet_file() -> None:
    table = pa.table(
        {
            "ts": pa.array([utc("2024-01-01"), utc("2024-01-02")], pa.timestamp("ns", "UTC")),
            "int": pa.array([1, None], pa.int16()),
            "flag": [True, False],
            "text": ["a", "b"],
            "digits": pa.array(["1", "NA"]).dictionary_encode(),
            "nothing": pa.nulls(2),
            "lists": [[1], [2]],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    source = opened(sink.getvalue(), "parquet")
    assert [(row[0], row[2]) for row in rows_of(source)] == [
        ("int", 1.0),
        ("flag", 1.0),
        ("flag", 0.0),
        ("digits", 1.0),
    ]
    assert source.ignored == ("text", "lists")


@pytest.mark.parametrize("building", [29, 34, 53, 105, 110, 124, 127])
def test_real_hot_water_files_read_as_pandas_reads_them(building: int) -> None:
    path = shared(f"brick/hhw/{building}hhw_system_data.csv")
    assert _sorted(read_path(path)) == _melted_by_pandas(path)


def _sorted(table: pa.Table) -> list[tuple[Any, Any, Any]]:
    times = table["time"].cast(pa.int64()).to_pylist()
    return sorted(zip(table["id"].to_pylist(), times, table["value"].to_pylist(), strict=True))


def _melted_by_pandas(path: Path) -> list[tuple[str, int, float]]:
    frame = pd.read_csv(path)
    times = pd.to_datetime(frame.pop("datetime_UTC"), utc=True).astype("datetime64[us, UTC]").astype("int64")
    rows = []
    for name, column in frame.select_dtypes([np.number]).items():
        known = column.notna()
        cells = column[known].astype(float)
        rows += [(str(name), int(t), v) for t, v in zip(times[known], cells, strict=True)]
    return sorted(rows)
