from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, TypeAlias

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.tables.errors import BadCell
from server.tables.times import TimeRules, to_utc
from tests.server.tables.reading import utc

Cell: TypeAlias = Any


def _one(cell: Cell, kind: pa.DataType | None = None, **rules: Cell) -> Cell:
    return to_utc(pa.array([cell], kind), "time", TimeRules(**rules)).column[0].as_py()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00"),
        ("2024-01-01 00:00:00+02:00", "2023-12-31T22:00:00"),
        ("2024-01-01T00:00:00.5-0530", "2024-01-01T05:30:00.5"),
        ("2024-01-01T00:00:00.123456789+05", "2023-12-31T19:00:00.123456"),
        ("2024-01-01T00:00:00.123456789", "2024-01-01T00:00:00.123456"),
        ("1960-01-01T00:00:00.9999999Z", "1960-01-01T00:00:00.999999"),
        ("2024-01-01T00:00:00,25Z", "2024-01-01T00:00:00.25"),
        ("2024-01-01t12:30z", "2024-01-01T12:30:00"),
        ("2024-01-01T12:30", "2024-01-01T12:30:00"),
        ("2024-02-29", "2024-02-29"),
        (" 2024-01-01 00:00:00 +01:00 ", "2023-12-31T23:00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999"),
    ],
)
def test_text_is_read_as_iso_8601(text: str, expected: str) -> None:
    assert _one(text) == utc(expected)


def test_forms_may_be_mixed_in_a_column() -> None:
    cells = pa.array(["2024-01-01", None, "2024-01-01T01:00:00+01:00", "2024-07-01 02:00"])
    times = to_utc(cells, "time", TimeRules("Europe/Berlin")).column.to_pylist()
    assert times == [utc("2023-12-31T23:00"), None, utc("2024-01-01"), utc("2024-07-01")]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "2024-13-01",
            "2024-02-30T00:00:00Z",
            "2024-01-01T24:00:01",
            "2024-01-01T00:00:00+25:00",
        ),
        *("01/02/2024", "2024-01-01T00:00:60Z", "12024-01-01", "2024-01-01T00:00:00Zulu"),
    ],
)
def test_other_text_is_refused_with_its_offset(text: str) -> None:
    cells = pa.array(["2024-01-01T00:00:00Z", "2024-01-02", text, "worse"])
    with pytest.raises(BadCell, match="is not a date and time") as caught:
        to_utc(cells, "time", TimeRules())
    assert (caught.value.offset, caught.value.column) == (2, "time")


@given(
    st.lists(
        st.datetimes(
            datetime(1, 1, 3),
            datetime(9999, 12, 29),
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=9))]),
        ),
        max_size=5,
    ),
    st.sampled_from(["T", " "]),
)
def test_text_agrees_with_python(times: list[datetime], separator: str) -> None:
    cells = pa.array([time.isoformat(separator) for time in times], pa.string())
    assert to_utc(cells, "t", TimeRules()).column.to_pylist() == [utc(time.isoformat()) for time in times]


def test_an_hour_that_comes_twice_is_the_earlier_and_counted() -> None:
    cells = ["2024-10-27T01:59:00", "2024-10-27T02:30:00", "2024-10-27T03:00:00"]
    expected = [utc("2024-10-26T23:59"), utc("2024-10-27T00:30"), utc("2024-10-27T02:00")]
    for column in (pa.array(cells), pa.array([utc(cell) for cell in cells])):
        times = to_utc(column, "time", TimeRules("Europe/Berlin"))
        assert (times.column.to_pylist(), times.ambiguous) == (expected, 1)


def test_an_hour_that_the_clocks_skip_is_refused() -> None:
    cells = ["2024-03-31T01:59:00", "2024-03-31T03:00:00", "2024-03-31T02:30:00"]
    for column in (pa.array(cells), pa.array([utc(cell) for cell in cells])):
        with pytest.raises(BadCell, match="does not exist in Europe/Berlin") as caught:
            to_utc(column, "time", TimeRules("Europe/Berlin"))
        assert caught.value.offset == 2


def test_timestamps_of_any_unit_and_zone() -> None:
    noon = utc("2024-01-01T12:00:00")
    for unit in ("s", "ms", "us", "ns"):
        assert _one(noon, pa.timestamp(unit)) == noon
        assert _one(noon.replace(tzinfo=UTC), pa.timestamp(unit, "America/New_York")) == noon
    assert _one(noon, pa.timestamp("ms"), zone="Asia/Tokyo") == utc("2024-01-01T03:00")
    assert _one(date(2024, 1, 1), pa.date32()) == utc("2024-01-01")
    assert _one("2024-01-01", pa.dictionary(pa.int8(), pa.string())) == utc("2024-01-01")
    assert _one(-1, pa.int64(), unit="ns") == utc("1969-12-31T23:59:59.999999")


@pytest.mark.parametrize(("unit", "count"), [("s", 86_400), ("ms", 86_400_000), ("ns", 86_400 * 10**9)])
def test_numbers_need_their_unit(unit: str, count: int) -> None:
    for cell in (count, float(count), str(count)):
        assert _one(cell, unit=unit) == utc("1970-01-02")
        with pytest.raises(BadCell) as caught:
            _one(cell)
        assert "time_unit" in caught.value.hint


def test_fractions_of_seconds_as_numbers() -> None:
    assert _one(1.5, unit="s") == utc("1970-01-01T00:00:01.5")


@pytest.mark.parametrize("count", [2.0**62, float("inf"), float("nan"), -(10**15)])
def test_numbers_out_of_range_are_refused(count: float) -> None:
    with pytest.raises(BadCell, match="outside the years") as caught:
        to_utc(pa.array([0, count], pa.float64()), "time", TimeRules(unit="s"))
    assert caught.value.offset == 1


@pytest.mark.parametrize("unit", ["s", "us"])
def test_timestamps_out_of_range_are_refused(unit: str) -> None:
    column = pa.array([0, 2**62], pa.int64()).view(pa.timestamp(unit))
    with pytest.raises(BadCell) as caught:
        to_utc(column, "time", TimeRules())
    assert caught.value.offset == 1


def test_other_types_are_refused() -> None:
    with pytest.raises(BadCell, match="of type bool"):
        _one(True)


def test_the_bad_row_is_named_among_times_that_are_numbers() -> None:
    cells = pa.array(["0", "1", "2", "never", "4"])
    with pytest.raises(BadCell) as caught:
        to_utc(cells, "time", TimeRules(unit="s"))
    assert caught.value.offset == 3
