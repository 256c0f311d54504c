from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from server.tables import blocks
from server.tables.formats import TABLE_FORMATS
from server.tables.read import BadReadings, open_readings
from tests.server.tables.reading import Option, opened, read, rows_of, utc

_DAY = utc("2024-01-01")


def _caught(data: bytes | str, **options: Option) -> BadReadings:
    with pytest.raises(BadReadings) as caught:
        read(data, "csv", **options)
    return caught.value


def test_a_row_a_reading() -> None:
    source = opened(
        "id,time,value,text,status,note\n"
        "a,2024-01-01T00:00:00Z,1.5,,,x\n"
        'b,2024-01-01 01:00:00+01:00,,"open, wide",fault,y\n',
        "csv",
    )
    assert rows_of(source) == [("a", _DAY, 1.5, None, None), ("b", _DAY, None, "open, wide", "fault")]
    assert (source.rows_read, source.rows_missing, source.readings) == (2, 0, 2)
    assert source.columns == ("id", "time", "value", "text", "status")
    assert source.ignored == ("note",)


@pytest.mark.parametrize("header", ["uuid,ts,v", "Point, DateTime ,Reading", "series,datetime_UTC,val"])
def test_common_column_names_are_guessed(header: str) -> None:
    assert read(f"{header}\na,2024-01-01,1\n", "csv") == [("a", _DAY, 1.0, None, None)]


def test_columns_can_be_named() -> None:
    data = "id,wann,was,value\nx,2024-01-01,7,9\n"
    assert read(data, "csv", time_column="wann", value_column="was") == [("x", _DAY, 7.0, None, None)]


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "NaN", "nan", "null", "None", "-", " NA ", '""'])
def test_missing_values_are_dropped_and_counted(cell: str) -> None:
    source = opened(f"id,time,value\na,2024-01-01,{cell}\na,2024-01-01,2\n", "csv")
    assert rows_of(source) == [("a", _DAY, 2.0, None, None)]
    assert (source.rows_read, source.rows_missing) == (2, 1)


def test_further_missing_values_can_be_named() -> None:
    assert read("id,time,value\na,2024-01-01,n.v.\n", "csv", na=("n.v.",)) == []


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("true", 1.0),
        ("FALSE", 0.0),
        ("True ", 1.0),
        (" 2 ", 2.0),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("+3", 3.0),
    ],
)
def test_numbers_and_booleans(cell: str, value: float) -> None:
    assert read(f"id,time,value\na,2024-01-01,{cell}\n", "csv") == [("a", _DAY, value, None, None)]


@pytest.mark.parametrize("cell", ["on", "0x10", "1_000", "1.2.3", "12 kW"])
def test_a_value_that_is_no_number_names_row_line_column_and_cell(cell: str) -> None:
    error = _caught(f"id,time,value\n\na,2024-01-01,1\na,2024-01-01,{cell}\n")
    assert str(error) == f'row 2: value "{cell}" is neither a number nor true or false'
    assert (error.row, error.line, error.column) == (2, 4, "value")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinite_values_are_refused(cell: str) -> None:
    assert str(_caught(f"id,time,value\na,2024-01-01,NaN\na,2024-01-01,{cell}\n")).startswith("row 2: value")


def test_a_bad_time_names_its_row() -> None:
    error = _caught("id,time,value\na,2024-01-01,1\na,2024-01-02,1\na,2024-13-01,1\n")
    assert str(error) == 'row 3: time "2024-13-01" is not a date and time'
    assert (error.row, error.line, error.column) == (3, 4, "time")


def test_a_reading_without_id_or_time_is_refused_but_an_empty_row_is_not() -> None:
    assert str(_caught("id,time,value\na,2024-01-01,1\n,2024-01-01,1\n")) == "row 2: has no id"
    assert read("id,time,value\n,2024-01-01,\n", "csv") == []


def test_a_value_and_a_text_in_one_row_are_refused() -> None:
    error = _caught("id,time,value,text\na,2024-01-01,1,on\n")
    assert str(error) == "row 1: has both a value and a text"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_delimiters_are_guessed(delimiter: str) -> None:
    data = "id,time,value\na,2024-01-01,2.5\n".replace(",", delimiter)
    assert read(data, "csv") == [("a", _DAY, 2.5, None, None)]


def test_semicolons_bring_decimal_commas() -> None:
    assert read("id;time;value\na;2024-01-01;2,5\n", "csv")[0][2] == 2.5
    assert _caught("id;time;value\na;2024-01-01;1,2,5\n").row == 1
    assert read("id|time|value\na|2024-01-01|2.5\n", "csv", delimiter="|")[0][2] == 2.5


@pytest.mark.parametrize("data", ["\ufeffid,time,value\r\na,2024-01-01,1\r\n", '"id","time",value\na,2024-01-01,1'])
def test_line_ends_quotes_and_byte_order_marks(data: str) -> None:
    assert read(data, "csv") == [("a", _DAY, 1.0, None, None)]


def test_line_ends_inside_quotes_are_counted_in_lines() -> None:
    data = 'id,time,value,text\na,2024-01-01,,"two\nlines"\nb,2024-01-01,x,\n'
    error = _caught(data)
    assert (error.row, error.line) == (2, 4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,b\n", "no column is the time (columns: a, b)"),
        (b"id,time\n", "no column is the value (columns: id, time)"),
        (b"id,time,value,id\n", 'two columns are named "id"'),
        (b"id,time,value\ra,2024-01-01,1\r", "the lines end in CR alone"),
        (b"\xff\xfei\x00d\x00", "not UTF-8 text"),
        (b"id,time,value\na,2024-01-01,1\n\xff,2024-01-01,1\n", "not UTF-8 text"),
        (b"id,time,value\na,2024-01-01,1\na,2024-01-01\n", "line 3 has 2 cells, but the header has 3"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, message: str) -> None:
    assert str(_caught(data)) == message


def test_the_bad_line_is_known_without_its_row() -> None:
    assert _caught(b"id,time,value\na,2024-01-01,1\n\xff,2024-01-01,1\n").line == 3


@pytest.mark.parametrize(
    ("zone", "like"),
    [("posix/Asia/Tokyo", "Asia/Tokyo"), ("right/Asia/Tokyo", "Asia/Tokyo"), ("Factory", "Europe/Berlin")],
)
def test_a_zone_that_is_none_of_the_database_says_what_to_use(zone: str, like: str) -> None:
    with pytest.raises(BadReadings, match=f'^time zone "{zone}" is not known$') as caught:
        read("id,time,value\na,2026-07-01 12:00,1\n", "csv", timezone=zone)
    assert caught.value.hint == f"use an IANA name: {like}"


@pytest.mark.parametrize("options", [{"timezone": "Mars/Base"}, {"timezone": "/etc/passwd"}, {"time_unit": "h"}])
def test_bad_options_are_refused(options: dict[str, str]) -> None:
    assert _caught("id,time,value\n", **options).row is None


def test_a_column_is_one_thing_alone() -> None:
    assert _caught("id,time,value\na,2026-01-01,1\n", id_column="time").column == "time"


def test_a_named_column_must_be_there() -> None:
    assert _caught("id,time,value\n", value_column="temp").column == "temp"
    assert _caught("time,a\n", wide=False).hint == "name it with id_column"
    assert _caught("id,time,value\n", delimiter=",,").row is None


def test_readings_can_be_bounded() -> None:
    data = "id,time,value\n" + "a,2024-01-01,1\n" * 11
    assert len(read(data, "csv", max_rows=11)) == 11
    assert str(_caught(data, max_rows=10)) == "more than 10 readings"


class _Lines(io.RawIOBase):
    """An endless file would do; this one stops after `count` lines."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._chunks = self._generated(count)
        self._rest = b"id,time,value\n"
        self.longest = 0

    def _generated(self, count: int) -> Iterator[bytes]:
        for start in range(0, count, 1000):
            lines = (f"p{i % 7},2024-01-01T00:00:00.{i % 10**6:06d}Z,{i}\n" for i in range(start, start + 1000))
            yield "".join(lines).encode()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        self.longest = max(self.longest, size)
        return data


def test_a_long_file_streams_in_bounded_memory() -> None:
    import pyarrow as pa

    source = open_readings(_Lines(400_000), TABLE_FORMATS["csv"].media_type)  # type: ignore[arg-type]
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in source.batches():
        assert batch.num_rows <= 131_072
        rows += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == source.rows_read == 400_000
    assert most < 10 * blocks.BLOCK_BYTES
    assert source.bytes_read > 10_000_000


@pytest.mark.parametrize("size", [64, 100, 1000])
def test_blocks_cut_nowhere_inside_a_line(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    lines = [f'"p{i}",2024-01-01,,"a ""b""\n{i}"' for i in range(100)]
    rows = read("id,time,value,text\n" + "\n".join(lines), "csv")
    assert [(row[0], row[3]) for row in rows] == [(f"p{i}", f'a "b"\n{i}') for i in range(100)]
    error = _caught("id,time,value,text\n" + "\n".join(lines) + "\n\nq,2024-01-01,x,\n")
    assert (error.row, error.line) == (101, 203)


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    assert "a line is longer" in str(_caught("id,time,value\n" + "a" * 500))


def test_a_stray_quote_is_part_of_the_text() -> None:
    assert read('id,time,value\n5" pipe,2024-01-01,1\n', "csv")[0][0] == '5" pipe'
