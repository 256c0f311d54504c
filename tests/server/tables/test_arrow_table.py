from __future__ import annotations

import contextlib
import io
import uuid
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.tables import arrow_table
from server.tables.formats import TABLE_FORMATS
from server.tables.read import BadReadings, open_readings
from tests.server.tables.reading import (
    Option,
    arrow_stream,
    opened,
    read,
    read_path,
    rows_of,
    table_of,
    utc,
)
from tests.support.data import shared

Cells: TypeAlias = Any  # a list or an Arrow array
_DAY = utc("2024-01-01")
_ID = uuid.UUID("0023b7da-d17e-350a-beaf-4d96187162a1")


def _parquet(table: pa.Table, **options: Option) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def _file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _bodies(table: pa.Table) -> list[tuple[str, bytes]]:
    stream = arrow_stream(table.combine_chunks().to_batches()[0])
    return [("arrow", stream), ("arrow", _file(table)), ("parquet", _parquet(table))]


def _long(ids: Cells, values: Cells, **more: Cells) -> pa.Table:
    times = pa.array([_DAY] * len(ids), pa.timestamp("us", "UTC"))
    return pa.table({"id": ids, "time": times, "value": values, **more})


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([_ID.bytes, _ID.bytes], pa.uuid()), str(_ID)),
        (pa.array([_ID.bytes, _ID.bytes], pa.binary(16)), str(_ID)),
        (pa.array(["a", "a"], pa.large_string()), "a"),
        (pa.array(["a", "a"]).dictionary_encode(), "a"),
        (pa.array([12, 12], pa.int64()), "12"),
    ],
)
def test_ids_of_many_types(ids: pa.Array[Any], expected: str) -> None:
    for name, body in _bodies(_long(ids, pa.array([1.0, None]))):
        assert read(body, name) == [(expected, _DAY, 1.0, None, None)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([2**60 + 1, None]), float(2**60)),
        (pa.array([True, None]), 1.0),
        (pa.array([1.5, float("nan")], pa.float32()), 1.5),
        (pa.array([7, None], pa.uint8()), 7.0),
        (pa.array([7, None], pa.int8()).cast(pa.decimal128(10, 2)), 7.0),
    ],
)
def test_values_of_many_types(values: pa.Array[Any], expected: float) -> None:
    for name, body in _bodies(_long(["a", "a"], values)):
        source = opened(body, name)
        assert rows_of(source) == [("a", _DAY, expected, None, None)]
        assert source.rows_missing == 1
        assert source.bytes_read > 0


def test_text_in_the_value_column_is_text() -> None:
    for values in (pa.array(["on", "NA"]), pa.array(["on", "NA"]).dictionary_encode()):
        for name, body in _bodies(_long(["a", "a"], values)):
            assert read(body, name) == [("a", _DAY, None, "on", None)]


def test_empty_text_and_status() -> None:
    table = _long(["a", "b"], pa.array([1.0, None]), text=[None, ""], status=["", "fault"])
    for name, body in _bodies(table):
        assert read(body, name) == [("a", _DAY, 1.0, None, None), ("b", _DAY, None, "", "fault")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (_long(["a", "a"], [1.0, float("inf")]), "row 2: value is infinite or too large for a number"),
        (_long(["a", None], [1.0, 1.0]), "row 2: has no id"),
        (_long(["a", "a"], [1.0, 1.0], text=[None, "x"]), "row 2: has both a value and a text"),
        (_long([1.5, 1.5], [1.0, 1.0]), "row 1: id is of type double, not text"),
        (_long(["a", "a"], [[1.0], [2.0]]), "row 1: value is of type list<element: double>, not a number"),
        (pa.table({"id": ["a"], "time": [5], "value": [1.0]}), "row 1: time 5 is a number"),
        (pa.table({"id": ["a"], "time": ["x"], "value": [1.0]}), 'row 1: time "x" is not a date and time'),
        (pa.table({"id": ["a"], "time": pa.nulls(1), "value": [1.0]}), "row 1: has no time"),
    ],
)
def test_errors_name_their_row(table: pa.Table, message: str) -> None:
    for name, body in _bodies(table):
        with pytest.raises(BadReadings) as caught:
            read(body, name)
        assert str(caught.value).replace("item:", "element:") == message


def test_rows_are_counted_across_batches() -> None:
    table = _long(["a"] * 10, [float(i) for i in range(9)] + [float("inf")])
    for name, body in [("parquet", _parquet(table, row_group_size=3)), ("arrow", _file(table))]:
        with pytest.raises(BadReadings) as caught:
            read(body, name)
        assert caught.value.row == 10


def test_damaged_files_are_refused() -> None:
    table = _long(["a", "b"] * 500, [1.0, 2.0] * 500)
    for name, body in _bodies(table):
        for damaged in (b"", b"PAR1", body[: len(body) // 2], body[:20], b"\0" * 100, body[:-20]):
            if name == "arrow" and damaged == body[:-20]:
                continue  # a stream may end without its end mark
            with pytest.raises(BadReadings):
                read(damaged, name)


def test_flipped_bytes_are_read_or_refused_but_never_worse() -> None:
    table = _long(["a", "bb"] * 20, [1.0, None] * 20, text=[None, "text"] * 20)
    for name, body in _bodies(table):
        for position in range(0, len(body), 3):
            damaged = bytearray(body)
            damaged[position] ^= 0xFF
            with contextlib.suppress(BadReadings):
                read(bytes(damaged), name, max_rows=100_000)


def test_text_that_is_not_utf8_is_refused() -> None:
    ids = pa.array([b"a", b"\xff"]).view(pa.string())
    for name, body in _bodies(_long(ids, [1.0, 1.0])):
        with pytest.raises(BadReadings):
            read(body, name)


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([pa.array(["a"])] * 2, names=["id", "id"])
    with pytest.raises(BadReadings, match="same name"):
        read(_file(table), "arrow")


def test_a_row_group_that_unpacks_too_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_table, "MAX_ROW_GROUP_BYTES", 100)
    with pytest.raises(BadReadings, match="row group 1 unpacks"):
        read(_parquet(_long(["a"] * 99, [float(i) for i in range(99)])), "parquet")


def test_a_column_with_dots_in_its_name() -> None:
    table = pa.table({"time": [_DAY], "ahu1.sat": [1.0]})
    assert [row[0] for row in read(_parquet(table), "parquet")] == ["ahu1.sat"]


class _Pipe(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def test_sources_that_cannot_seek_are_copied() -> None:
    for name, body in _bodies(_long(["a"], [1.0])):
        pipe: Any = _Pipe(body)
        with open_readings(pipe, TABLE_FORMATS[name].media_type) as source:
            assert rows_of(source) == [("a", _DAY, 1.0, None, None)]


def test_the_real_parquet_file_reads_as_pandas_reads_it() -> None:
    path = shared("brick/mortar-bldg1/readings.parquet")
    table = read_path(path)
    frame = pd.read_parquet(path)
    assert table.num_rows == len(frame) == 246_151
    assert table["id"].to_pylist() == [str(uuid.UUID(bytes=raw)) for raw in _raw_ids(path)]
    assert table["value"].to_pylist() == frame["value"].tolist()
    assert table["time"].cast(pa.int64()).to_pylist() == frame["ts"].astype("int64").tolist()


def _raw_ids(path: Path) -> list[bytes]:
    column: Any = pq.read_table(path, columns=["uuid"])["uuid"].combine_chunks()
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    return [bytes(raw) for raw in storage.to_pylist()]


def test_batches_are_bounded() -> None:
    table = _long(["a"] * 300_000, [1.0] * 300_000)
    for name, body in _bodies(table):
        source = opened(body, name)
        assert max(batch.num_rows for batch in source.batches()) <= 131_072
        assert source.readings == 300_000
    assert table_of(opened(_bodies(table)[2][1], "parquet")).num_rows == 300_000
