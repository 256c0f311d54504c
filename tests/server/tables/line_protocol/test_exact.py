from __future__ import annotations

import math

import pytest

from server.tables.line_protocol.exact import BadByte, ExactRows, OpenString, read_line, skip_blank

Value = float | str | None


def values(line: str) -> list[Value]:
    """Return the values of a line's fields."""
    rows = ExactRows()
    block = f"{line}\n".encode()
    assert read_line(block, 0, rows) == len(block)
    return [text if value is None else value for value, text in zip(rows.value, rows.text, strict=True)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("1", 1.0), ("-1.5", -1.5), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("007", 7.0)),
        *(("1e3", 1000.0), ("1E+3", 1000.0), ("-1.5e-3", -0.0015), ("1.e2", 100.0), ("1e-999", 0.0)),
        *(("5i", 5.0), ("-5i", -5.0), ("9223372036854775807i", 2.0**63), ("-9223372036854775808i", -(2.0**63))),
        *(("0u", 0.0), ("18446744073709551615u", 2.0**64), ("0000000000000000000000007i", 7.0)),
        *((word, 1.0) for word in ("t", "T", "true", "True", "TRUE")),
        *((word, 0.0) for word in ("f", "F", "false", "False", "FALSE")),
        *(('""', ""), ('"open"', "open"), ('"a, b=c d"', "a, b=c d"), ('"#"', "#"), ('"°C"', "°C")),
        *(
            ('"a\nb\r\nc"', "a\nb\r\nc"),
            (r'"a\"b"', 'a"b'),
            (r'"a\\"', "a\\"),
            (r'"\\\""', '\\"'),
            (r'"a\b"', r"a\b"),
        ),
    ],
)
def test_a_value_is_read(value: str, expected: Value) -> None:
    assert values(f"m f={value}") == [expected]
    assert values(f"m,t=a g=1,f={value},h=2 17") == [1.0, expected, 2.0]


def test_zero_keeps_its_sign() -> None:
    [zero] = values("m f=-0.0")
    assert isinstance(zero, float)
    assert math.copysign(1, zero) == -1


@pytest.mark.parametrize(
    ("line", "time"),
    [
        *(("m f=1", None), ("m f=1  ", None), ("m f=1\r", None)),
        *(("m f=1 17", 17), ("m f=1 -17", -17), ("m f=1   17  ", 17), ("m f=1 17\r", 17), ('m f="x" 5', 5)),
        *(("m f=1 9223372036854775807", 2**63 - 1), (" \tm   f=1 0", 0)),
    ],
)
def test_a_time_is_read_or_missing(line: str, time: int | None) -> None:
    rows = ExactRows()
    read_line(f"{line}\n".encode(), 0, rows)
    assert rows.time == [time]
    assert rows.key == ["m"]


@pytest.mark.parametrize("line", ["", "  ", "\t", "\r", "# a comment", "  # it's \"one", "#"])
def test_empty_lines_and_comments_are_skipped(line: str) -> None:
    block = f"{line}\nm f=1\n".encode()
    assert skip_blank(block, 0) == len(block) - len("m f=1\n")


@pytest.mark.parametrize("line", ["m f=1", "m#,t=# f=1", r"\#m f=1"])
def test_a_line_that_says_something_is_not_skipped(line: str) -> None:
    assert skip_blank(f"{line}\n".encode(), 0) is None


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (",t=a f=1", 1, "a measurement is missing"),
        ("m", 2, "no fields"),
        ("m ", 3, "key of a field"),
        ("m,t=a", 6, "no fields"),
        ("m, f=1", 3, "key of a tag"),
        ("m,=a f=1", 3, "key of a tag"),
        ("m,t f=1", 4, "= is missing"),
        ("m,t= f=1", 5, "value of a tag"),
        ("m,t=a, f=1", 7, "key of a tag"),
        ("m,t=a=b f=1", 6, "'=' is not expected"),
        ("m,t=a\\", 6, r"'\\\\' is not expected"),
        ("m f", 4, "= is missing"),
        ("m =1", 3, "key of a field"),
        ("m f=", 5, "value of a field"),
        ("m f=,g=1", 5, "value of a field"),
        ("m f=1,", 7, "key of a field"),
        ("m f=1,,g=2", 7, "key of a field"),
        *(
            (f"m f={word}", 5, "neither a number")
            for word in ("open", "tru", "1i2", "0x1F", "+1", "1e", "--1", "1.2.3")
        ),
        *(
            (f"m f={word}", 5, "neither a number")
            for word in ("NaN", "nan", "inf", "-Infinity", "1_0", "-1u", "1.5i", "-")
        ),
        ("m f=1e999", 5, "too large"),
        ("m f=9223372036854775808i", 5, "64 bits"),
        ("m f=18446744073709551616u", 5, "64 bits"),
        ("m f=" + "9" * 5000 + "i", 5, "64 bits"),
        ('m f="a"b', 8, "'b' is not expected"),
        ('m f=a"b"', 5, "neither a number"),
        ("m f=1 now", 7, "no whole number"),
        ("m f=1 1.5", 8, "not expected after the time"),
        ("m f=1 1 2", 9, "not expected after the time"),
        ("m f=1 9223372036854775808", 7, "64 bits"),
        ("m f=1 " + "9" * 5000, 7, "64 bits"),
        ("m,t=a\x00b f=1", 6, "not expected"),
        ("é,tä=ö f", 9, "= is missing"),
    ],
)
def test_a_line_that_is_wrong_is_refused_where_it_is(line: str, column: int, reason: str) -> None:
    rows = ExactRows()
    with pytest.raises(BadByte, match=reason) as caught:
        read_line(f"{line}\n".encode(), 0, rows)
    assert len(f"{line}\n".encode()[: caught.value.offset].decode()) + 1 == column
    assert rows == ExactRows()


@pytest.mark.parametrize("line", [b"m\xff f=1", b"m,t=\xff f=1", b"m \xff=1", b'm f="\xff"'])
def test_a_line_that_is_not_utf_8_is_refused_where_it_is(line: bytes) -> None:
    with pytest.raises(BadByte, match="UTF-8") as caught:
        read_line(line + b"\n", 0, ExactRows())
    assert line[caught.value.offset] == 0xFF


@pytest.mark.parametrize("line", ['m f="a', 'm f="a\nb\nm f=1', r'm f="a\"', 'm g=1,f="'])
def test_a_string_that_is_not_closed_is_open(line: str) -> None:
    with pytest.raises(OpenString) as caught:
        read_line(f"{line}\n".encode(), 0, ExactRows())
    assert line[caught.value.offset] == '"'


def test_a_field_is_alone_only_if_no_other_is_in_its_line() -> None:
    rows = ExactRows()
    block = b"m f=1\nm f=1,g=2\n"
    assert read_line(block, read_line(block, 0, rows), rows) == len(block)
    assert rows.alone == [True, False, False]
    assert rows.at == [0, 6, 6]
