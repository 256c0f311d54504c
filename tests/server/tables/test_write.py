from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.tables.formats import TABLE_FORMATS, format_of
from server.tables.read import READINGS
from server.tables.write import encode
from tests.server.tables.reading import Row, read, utc

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_VALUES = st.floats(allow_nan=False, allow_infinity=False)
_TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
_ROWS = st.lists(
    st.tuples(_TEXT.filter(bool), _TIMES, _VALUES | st.none(), _TEXT, st.none() | _TEXT.filter(bool)),
    max_size=6,
)


def _written(batch: pa.RecordBatch, name: str, rows_each: int = 2) -> bytes:
    parts = [batch.slice(start, rows_each) for start in range(0, batch.num_rows, rows_each)]
    return b"".join(encode(iter(parts), batch.schema, TABLE_FORMATS[name].media_type))


def _readings(rows: list[Row]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * 5
    arrays = [pa.array(column, field.type) for column, field in zip(columns, READINGS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=READINGS)


def _as_sent(data: bytes, name: str) -> bytes:
    """JSON is written for results, with its columns, and read as readings alone."""
    return json.dumps(json.loads(data)["data"]).encode() if name == "json" else data


@pytest.mark.parametrize("name", TABLE_FORMATS)
@given(found=_ROWS)
def test_what_is_written_reads_back_the_same(name: str, found: list[Row]) -> None:
    rows = [(i, t, v, text if v is None else None, status) for i, t, v, text, status in found]
    if name == "csv":  # where empty text is no text
        rows = [row for row in rows if row[3] != ""]
    assert read(_as_sent(_written(_readings(rows), name), name), name) == rows


def _mixed() -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            'say "hi", é': pa.array(['a"b\\c\n\x01', None, "", " é", "x,y"]),
            "n": pa.array([1.0, 1e20, None, float("nan"), float("-inf")]),
            "i": pa.array([1, -2, None, 2**60, 0]),
            "b": pa.array([True, False, None, True, True]),
            "t": pa.array([utc("2026-01-01"), utc("2026-01-01T00:00:00.5"), None] * 2, pa.timestamp("ns"))[:5],
            "d": pa.array([date(2026, 1, 1), None, None, None, None]),
            "u": pa.array([uuid.UUID(int=1).bytes, None, None, None, None], pa.uuid()),
            "c": pa.array(["k", "k", None, "l", "l"]).dictionary_encode(),
            "m": pa.array([Decimal("1.50"), None, None, None, None]),
            "l": pa.array([[1, 2], None, None, None, []]),
            "z": pa.nulls(5),
        }
    )


_FIRST = {
    'say "hi", é': 'a"b\\c\n\x01',
    "n": 1,
    "i": 1,
    "b": True,
    "t": "2026-01-01T00:00:00Z",
    "d": "2026-01-01",
    "u": "00000000-0000-0000-0000-000000000001",
    "c": "k",
    "m": 1.5,
    "l": [1, 2],
    "z": None,
}


def test_json_has_columns_and_rows() -> None:
    document = json.loads(_written(_mixed(), "json"), parse_constant=pytest.fail)
    simple = "string double integer boolean time date string string decimal".split()  # noqa: SIM905 - shorter so
    assert [column["type"] for column in document["columns"]] == [*simple, "list<item: int64>", "null"]
    rows = document["data"]
    assert rows[0] == _FIRST
    assert [row["n"] for row in rows] == [1, 1e20, None, None, None]
    assert [row["t"] for row in rows][1:3] == ["2026-01-01T00:00:00.5Z", None]
    assert rows == [json.loads(line) for line in _written(_mixed(), "ndjson").splitlines()]


def test_csv_is_rfc_4180() -> None:
    text = _written(_mixed(), "csv").decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert rows[0] == _mixed().schema.names
    assert rows[1] == [
        'a"b\\c\n\x01',
        "1",
        "1",
        "true",
        _FIRST["t"],
        "2026-01-01",
        _FIRST["u"],
        "k",
        "1.50",
        "[1, 2]",
        "",
    ]
    assert text.splitlines()[-3].startswith('"",') or '\r\n"",' in text
    assert text.endswith("\r\n")


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_binary_formats_keep_types_and_say_utc(name: str) -> None:
    data = io.BytesIO(_written(_mixed(), name))
    table = pa.ipc.open_stream(data).read_all() if name == "arrow" else pq.read_table(data)
    assert table.schema.field("t").type == pa.timestamp("us", "UTC")
    assert table["n"].to_pylist() == [1.0, 1e20, None, None, None]
    assert table["u"].to_pylist()[0] == _FIRST["u"]
    assert table["b"].to_pylist() == [True, False, None, True, True]


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_no_rows_still_make_a_table(name: str) -> None:
    for batches in ([], [_readings([])]):
        data = b"".join(encode(iter(batches), READINGS, TABLE_FORMATS[name].media_type))
        assert read(_as_sent(data, name), name) == []
        assert name == "ndjson" or data


def _late() -> pa.RecordBatch:
    raise TimeoutError


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_nothing_comes_out_before_the_first_batch(name: str) -> None:
    failing = (_late() for _ in range(1))
    chunks = encode(failing, READINGS, TABLE_FORMATS[name].media_type)
    with pytest.raises(TimeoutError):
        next(chunks)


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_output_streams(name: str) -> None:
    rows = 40_000
    row: Row = ("point", utc("2026-01-01"), 1.5, None, None)
    pulled = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal pulled
        batch = _readings([row] * 1000).take(pa.array([i % 1000 for i in range(rows)]))
        for _ in range(10):
            pulled += 1
            yield batch

    chunks = encode(batches(), READINGS, TABLE_FORMATS[name].media_type)
    assert next(chunks)
    assert next(chunks)
    assert pulled < 10
    assert all(len(chunk) < 8 << 20 for chunk in chunks)


def test_unknown_media_types_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="text/html"):
        encode(iter(()), READINGS, "text/html")


def test_media_types_are_known_with_parameters_and_unknown_ones_are_not() -> None:
    known: Any = format_of("Text/CSV; charset=utf-8")
    assert (known.name, known.ending) == ("csv", ".csv")
    assert format_of("text/html") is None
