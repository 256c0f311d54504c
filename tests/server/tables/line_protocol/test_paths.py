"""The quick path and the exact one read the same from every text, or refuse it both."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.tables.compute import Column
from server.tables.line_protocol.columns import Rows, Unfit
from server.tables.line_protocol.exact import BadByte
from server.tables.line_protocol.read import read_exactly, read_quickly

_NAMES = st.text(st.sampled_from('ab°#\\",= '), min_size=1, max_size=4)
_VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: f"{number}i"),
    st.integers(0, 2**64 - 1).map(lambda number: f"{number}u"),
    st.sampled_from(["t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"]),
    st.text(st.sampled_from('ab\\"\n\r\t,= #°'), max_size=6).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
)


def escaped(name: str, special: str = ",= ") -> str:
    """Return a name as clients write it; one that ends in a backslash cannot be written."""
    name = name.rstrip("\\") or "a"
    return "".join(f"\\{c}" if c in special else c for c in name)


_TIMES = ("", " 1700000000000000000", " -1", "  0 ")
_WRONG_VALUES = (
    *("", "+1", "1e400", "-1e400", "nan", "NaN", "inf", "-inf", "-Infinity", "0x1F", "0x1Fi", "-0x1i", "0X1fu", "1e"),
    *("-", ".", "1.2.3", "1i2", "1.5i", "1e5i", "-1u", "9223372036854775808i", "18446744073709551616u", "tru", "ok"),
    *('"a', 'a"', '"a"b', '"a""b"', 'x"a"', "1_0", " 1", "1\\ 2", "'a'", "é"),
)
_WRONG_TIMES = (
    " 1.5",
    " 0x1F",
    " +5",
    " 1e5",
    " now",
    " 9223372036854775808",
    " 1 2",
    " -",
    "\t5",
    ' "5"',
    " 5i",
    ",",
)
_EDITS = (*' ,="\\#\n\t\r\x00', "", "a", "\\ ", '\\"', "é")


@st.composite
def lines(draw: st.DrawFn, values: st.SearchStrategy[str] = _VALUES, times: Sequence[str] = _TIMES) -> str:
    """A line that is right, unless these values or times are wrong."""
    measurement = escaped(draw(_NAMES), ", ").replace("#", "h")
    tags = draw(st.lists(st.tuples(_NAMES, _NAMES), max_size=3))
    fields = draw(st.lists(st.tuples(_NAMES, values), min_size=1, max_size=4))
    names = "".join(f",{escaped(key)}={escaped(value)}" for key, value in tags)
    texts = ",".join(f"{escaped(key)}={value}" for key, value in fields)
    return f"{measurement}{names} {texts}{draw(st.sampled_from(times))}"


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A few lines, at one or two places of which there is something else."""
    text = "\n".join(draw(st.lists(lines(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(_EDITS)) + text[at + draw(st.integers(0, 1)) :]
    return text


def plain(rows: Rows) -> list[tuple[object, ...]]:
    """Return what was read as tuples."""
    names = (rows.key.dictionary_decode(), rows.name.dictionary_decode())
    columns: tuple[Column, ...] = (*names, rows.time, rows.value, rows.text)
    return list(zip(rows.at.tolist(), rows.alone.tolist(), *(c.to_pylist() for c in columns), strict=True))


def outcome(text: bytes) -> list[tuple[object, ...]] | str:
    """Return what the exact path reads, or the error."""
    try:
        rows, end = read_exactly(text, final=True)
    except BadByte as bad:
        return bad.reason
    assert end == len(text)
    return plain(rows)


def quick_outcome(text: bytes) -> list[tuple[object, ...]] | str:
    try:
        rows, end = read_quickly(text, final=True)
    except (Unfit, BadByte):
        return "wrong"
    assert end == len(text)
    return plain(rows)


@settings(deadline=None)
@given(edited())
@example('m f="a\nm f=1 17\n"')
@example('m,t=a"b f="x"')
@example("m f=1\\")
def test_both_paths_agree_on_texts_that_may_be_wrong(text: str) -> None:
    block = text.encode() + b"\n"
    exact, quick = outcome(block), quick_outcome(block)
    assert exact == quick or (isinstance(exact, str) and isinstance(quick, str))


@settings(deadline=None)
@given(lines(st.one_of(_VALUES, st.sampled_from(_WRONG_VALUES)), (*_TIMES, *_WRONG_TIMES)))
def test_both_paths_agree_on_values_and_times_that_may_be_wrong(line: str) -> None:
    block = f"m f=1\n{line}\nm f=2\n".encode()
    exact, quick = outcome(block), quick_outcome(block)
    assert exact == quick or (isinstance(exact, str) and isinstance(quick, str))


@pytest.mark.parametrize("value", _WRONG_VALUES)
def test_both_paths_refuse_what_is_no_value(value: str) -> None:
    block = f"m f={value}\n".encode()
    assert (type(outcome(block)), quick_outcome(block)) == (str, "wrong")


@pytest.mark.parametrize("time", _WRONG_TIMES)
def test_both_paths_refuse_what_is_no_time(time: str) -> None:
    block = f"m f=1{time}\n".encode()
    assert (type(outcome(block)), quick_outcome(block)) == (str, "wrong")


@settings(deadline=None)
@given(st.lists(lines(), min_size=1, max_size=5))
def test_both_paths_agree_on_lines_that_are_right(given_lines: list[str]) -> None:
    block = "\n".join(given_lines).encode() + b"\n"
    exact = outcome(block)
    assert isinstance(exact, list)
    assert exact
    assert quick_outcome(block) == exact
