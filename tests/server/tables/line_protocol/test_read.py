from __future__ import annotations

import io
from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.tables import blocks
from server.tables.errors import BadReadings
from server.tables.line_protocol import read
from server.tables.line_protocol.read import Precision, read_lines
from server.tables.options import TimeUnit
from tests.server.tables.line_protocol.test_paths import lines

NOW = 1_800_000_000_123_456_789
Row = tuple[str, str, bool, datetime, float | None, str | None]


class Drips(io.RawIOBase):
    """A file that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__()
        self._data = io.BytesIO(data)
        self._size = size

    def read(self, _size: int | None = -1) -> bytes:
        return self._data.read(self._size)


def rows(text: str | bytes, unit: TimeUnit = "ns", factor: int = 1, drip: int = 1 << 20) -> list[Row]:
    """Return everything that is read."""
    data = text.encode() if isinstance(text, str) else text
    found: list[Row] = []
    for batch in read_lines(Drips(data, drip), Precision(unit, factor), NOW):
        series = [batch.series[code] for code in batch.codes.tolist()]
        columns = (batch.time.to_pylist(), batch.value.to_pylist(), batch.text.to_pylist())
        found += [(*names, *cells) for names, *cells in zip(series, *columns, strict=True)]
    return found


def error(text: str | bytes, drip: int = 1 << 20) -> BadReadings:
    with pytest.raises(BadReadings) as caught:
        rows(text, drip=drip)
    return caught.value


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    for text in ("a f=1 1000\n", "a f=1 1000", "", "\n"):
        assert rows("\ufeff" + text) == rows(text)
    assert "column 3" in str(error("\ufeffa ,"))


def test_lines_become_readings_in_their_order() -> None:
    text = 'b,t=2 f=1,g="x" 1000\n# none\n\nb,t=2  f=2 1000\na f=t 1000\r\n\nb,t=2 f=3,g="y" 1000'
    time = datetime(1970, 1, 1, microsecond=1)
    assert rows(text) == [
        ("b,t=2", "f", False, time, 1.0, None),
        ("b,t=2", "g", False, time, None, "x"),
        ("b,t=2", "f", True, time, 2.0, None),
        ("a", "f", True, time, 1.0, None),
        ("b,t=2", "f", False, time, 3.0, None),
        ("b,t=2", "g", False, time, None, "y"),
    ]


@pytest.mark.parametrize("text", ["", "\n", "\r\n", "# only\n\n", "  \n\t"])
def test_nothing_gives_no_batch(text: str) -> None:
    assert list(read_lines(io.BytesIO(text.encode()), Precision("ns"))) == []


@settings(deadline=None)
@given(st.lists(lines(), min_size=1, max_size=8), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_it_does_not_matter_in_which_pieces_a_body_comes(given_lines: list[str], drip: int, end: str) -> None:
    text = end.join(given_lines)
    whole = rows(text)
    assert whole
    assert rows(text, drip=drip) == whole


@pytest.mark.parametrize(
    ("unit", "factor", "count", "time"),
    [
        ("ns", 1, 1_700_000_000_123_456_789, datetime(2023, 11, 14, 22, 13, 20, 123456)),
        ("ns", 1, -1, datetime(1969, 12, 31, 23, 59, 59, 999999)),
        ("us", 1, 1_700_000_000_123_456, datetime(2023, 11, 14, 22, 13, 20, 123456)),
        ("ms", 1, 1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123000)),
        ("s", 1, 1_700_000_000, datetime(2023, 11, 14, 22, 13, 20)),
        ("s", 60, 28_333_333, datetime(2023, 11, 14, 22, 13)),
        ("s", 3600, -1, datetime(1969, 12, 31, 23)),
        ("s", 1, 253_402_300_799, datetime(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_a_time_counts_what_precision_says(unit: TimeUnit, factor: int, count: int, time: datetime) -> None:
    assert [row[3] for row in rows(f"m f=1 {count}", unit, factor)] == [time]


@pytest.mark.parametrize(
    ("unit", "factor", "time"),
    [
        ("ns", 1, datetime(2027, 1, 15, 8, 0, 0, 123456)),
        ("ms", 1, datetime(2027, 1, 15, 8, 0, 0, 123000)),
        ("s", 3600, datetime(2027, 1, 15, 8)),
    ],
)
def test_a_line_without_a_time_has_that_of_the_server_to_the_precision(
    unit: TimeUnit, factor: int, time: datetime
) -> None:
    assert [row[3] for row in rows("m f=1\nm f=2 0\nm f=3\n", unit, factor)] == [time, datetime(1970, 1, 1), time]


def test_without_a_given_time_it_is_now() -> None:
    before = datetime.now().astimezone()
    [batch] = read_lines(io.BytesIO(b"m f=1"), Precision("us"))
    after = datetime.now().astimezone()
    assert before.timestamp() - 1e-6 <= batch.time.cast(pa.int64())[0].as_py() / 1e6 <= after.timestamp()


@pytest.mark.parametrize(
    ("unit", "factor", "count"),
    [
        ("s", 1, 253_402_300_800),
        ("s", 1, -62_135_596_801),
        ("us", 1, 2**63 - 1),
        ("s", 60, 2**62),
        ("s", 3600, 5_124_095_576_030_432),  # in microseconds more than 64 bits, cut to 64 a time of today
        ("s", 60, 10**10),
    ],
)
def test_a_time_outside_the_years_1_to_9999_is_refused(unit: TimeUnit, factor: int, count: int) -> None:
    with pytest.raises(BadReadings, match=r"^line 2, column 1: the time .*is outside the years 1 to 9999$"):
        rows(f"m f=1 0\nm f=1 {count}\n", unit, factor)


@pytest.mark.parametrize("drip", [7, 1 << 20])
def test_an_error_names_line_and_column_wherever_the_body_is_cut(drip: int) -> None:
    found = error('m f=1\n\n# c\nm,t=é f="a\nb",g=x 17\nm f=1\n', drip=drip)
    assert (str(found), found.line) == (
        'line 5, column 6: "x" is neither a number, true or false, nor text in quotes',
        5,
    )


def test_the_first_error_is_the_one_that_is_named() -> None:
    assert error("m f=1\nm f=1x\nm,t f=1\n").line == 2  # the quick path sees the second one first


def test_an_open_string_is_an_error_at_the_end() -> None:
    assert str(error('m f=1\nm f="a\nm f=2\n', drip=3)) == "line 2, column 5: the string is not closed"


def test_a_line_may_be_as_long_as_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BLOCK_BYTES", 1 << 10)
    text = "m f=1 1\n" + 'm s="' + "x" * 900 + '" 1\n'
    assert len(rows(text, drip=100)) == 2
    assert error("m f=1 1\n" + 'm s="' + "x" * 1200 + '" 1\n', drip=100).line == 2
    assert blocks.BLOCK_BYTES == 4 << 20


def test_a_body_that_is_not_utf_8_is_refused_but_in_comments() -> None:
    assert len(rows(b"# \xff\nm f=1\n")) == 1
    found = error(b"m f=1\nm,t=ab\xff f=1\n")
    assert str(found) == "line 2, column 7: is not UTF-8 text"


def test_each_series_of_a_batch_is_there_once() -> None:
    [batch] = read_lines(io.BytesIO(b"m f=1,g=1\nm g=1\nm f=2,g=2\nn f=1\n"), Precision("ns"), NOW)
    assert list(batch.series) == [("m", "f", False), ("m", "g", False), ("m", "g", True), ("n", "f", True)]
    assert batch.codes.tolist() == [0, 1, 2, 0, 1, 3]
    assert batch.first_row(2) == 2
    assert str(batch.error(5, "is wrong")) == "line 4, column 1: is wrong"


def test_a_plain_and_an_odd_line_of_one_series_have_one_number() -> None:
    [batch] = read_lines(io.BytesIO(b"m f=1 1\nm  f=2 1\nm f=3 1\n"), Precision("ns"), NOW)
    assert (batch.codes.tolist(), batch.value.to_pylist()) == ([0, 0, 0], [1.0, 2.0, 3.0])
