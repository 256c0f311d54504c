"""Any line of line protocol, one at a time: slow, and the judge of what is right.

The grammar is InfluxDB's, with the freedoms that its servers take: spaces or tabs before a line, spaces where one is
enough, CRLF. A string may have line ends in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from server.tables.errors import shown
from server.tables.line_protocol.grammar import MEASUREMENT, NAME

_MEASUREMENT, _NAME = (re.compile(pattern.encode()) for pattern in (MEASUREMENT, NAME))
_BLANK = re.compile(rb"[ \t]*+(?:#[^\n]*+|\r)?\n")
_INDENT = re.compile(rb"[ \t]*+")
_SPACES = re.compile(rb" ++")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_WORD = re.compile(rb"[^, \r\n]++")
_TIME = re.compile(rb"-?[0-9]++")
_END = re.compile(rb" *+\r?\n")
_FLOAT = re.compile(rb"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(rb"(-?[0-9]+)i|([0-9]+)u")
_ESCAPED_IN_STRING = re.compile(rb'\\(["\\])')
_BOOLEANS = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), 1.0),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), 0.0),
}
_INT64, _UINT64 = 2**63, 2**64


class BadByte(Exception):
    """The grammar ends at an offset of the block."""

    def __init__(self, offset: int, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.hint = hint


class OpenString(Exception):
    """The block ends within a string that begins at `offset`: what follows may close it."""

    def __init__(self, offset: int) -> None:
        super().__init__("the string is not closed")
        self.offset = offset


@dataclass(slots=True)
class ExactRows:
    """Readings as they were read, a list a column. `at`: where the line begins; `time` None: it has none."""

    at: list[int] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    alone: list[bool] = field(default_factory=list)
    time: list[int | None] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    text: list[str | None] = field(default_factory=list)


def skip_blank(block: bytes, at: int) -> int | None:
    """Return where the next line begins if this one is empty or a comment, else None."""
    found = _BLANK.match(block, at)
    return found.end() if found else None


def read_line(block: bytes, at: int, rows: ExactRows) -> int:
    """Add the readings of the line at `at`, and return where the next one begins. The block ends in a line end.

    Raises BadByte or OpenString, with nothing added.
    """
    start = _after(_INDENT, block, at)
    key_end = _read_key(block, start)
    fields, end = _read_fields(block, _after_spaces(block, key_end))
    time, end = _read_time(block, end)
    key = _decoded(block, start, key_end)
    for name, (value, text) in fields:
        rows.at.append(at)
        rows.key.append(key)
        rows.name.append(name)
        rows.alone.append(len(fields) == 1)
        rows.time.append(time)
        rows.value.append(value)
        rows.text.append(text)
    return end


def _read_key(block: bytes, at: int) -> int:
    at = _required(_MEASUREMENT, block, at, "a measurement is missing")
    while block[at] == ord(","):
        at = _required(_NAME, block, at + 1, "the key of a tag is missing")
        at = _expected(block, at, b"=", "the tag has no value: = is missing")
        at = _required(_NAME, block, at, "the value of a tag is missing")
    return at


def _after_spaces(block: bytes, at: int) -> int:
    found = _SPACES.match(block, at)
    if found is None:
        if block[at] in b"\r\n":
            raise BadByte(at, "the line has no fields", "measurement,tag=value field=1 1700000000000000000")
        raise BadByte(at, f"{_character(block, at)} is not expected here", "put a backslash before , = or a space")
    return found.end()


_Value = tuple[float | None, str | None]


def _read_fields(block: bytes, at: int) -> tuple[list[tuple[str, _Value]], int]:
    fields: list[tuple[str, _Value]] = []
    while True:
        start, at = at, _required(_NAME, block, at, "the key of a field is missing")
        name = _decoded(block, start, at)
        at = _expected(block, at, b"=", "the field has no value: = is missing")
        value, at = _read_value(block, at)
        fields.append((name, value))
        if block[at] != ord(","):
            return fields, at
        at += 1


def _read_value(block: bytes, at: int) -> tuple[_Value, int]:
    if block[at] == ord('"'):
        found = _STRING.match(block, at)
        if found is None:
            raise OpenString(at)
        raw = _ESCAPED_IN_STRING.sub(rb"\1", found[0][1:-1])
        return (None, _decoded_text(raw, found.start() + 1)), found.end()
    word = _WORD.match(block, at)
    if word is None:
        raise BadByte(at, "the value of a field is missing")
    return (_number(word[0], at), None), word.end()


def _number(word: bytes, at: int) -> float:
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if found := _INTEGER.fullmatch(word):
        return float(_integer(found, at))
    if not _FLOAT.fullmatch(word):
        raise BadByte(
            at, f"{_shown(word)} is neither a number, true or false, nor text in quotes", 'text is in quotes: "open"'
        )
    number = float(word)
    if number in (float("inf"), float("-inf")):
        raise BadByte(at, f"{_shown(word)} is too large for a number")
    return number


def _integer(found: re.Match[bytes], at: int) -> int:
    digits = found[1] or found[2]
    low, high = (-_INT64, _INT64) if found[1] else (0, _UINT64)
    number = int(digits) if len(digits.lstrip(b"-0")) <= 20 else high
    if not low <= number < high:
        raise BadByte(at, f"{_shown(found[0])} does not fit into 64 bits")
    return number


def _read_time(block: bytes, at: int) -> tuple[int | None, int]:
    """Return the time, if there is one, and where the next line begins."""
    if ended := _END.match(block, at):
        return None, ended.end()
    start = _after_spaces(block, at)
    found = _TIME.match(block, start)
    if found is None:
        raise BadByte(start, "the time is no whole number", "a time counts nanoseconds, or what precision says")
    ended = _END.match(block, found.end())
    if ended is None:
        stray = _after(_SPACES, block, found.end())
        raise BadByte(stray, f"{_character(block, stray)} is not expected after the time")
    if len(found[0].lstrip(b"-0")) > 19 or not -_INT64 <= (time := int(found[0])) < _INT64:
        raise BadByte(start, f"the time {_shown(found[0])} does not fit into 64 bits")
    return time, ended.end()


def _after(pattern: re.Pattern[bytes], block: bytes, at: int) -> int:
    found = pattern.match(block, at)
    return found.end() if found else at


def _required(pattern: re.Pattern[bytes], block: bytes, at: int, reason: str) -> int:
    found = pattern.match(block, at)
    if found is None:
        raise BadByte(at, reason)
    return found.end()


def _expected(block: bytes, at: int, character: bytes, reason: str) -> int:
    if block[at : at + 1] != character:
        raise BadByte(at, reason)
    return at + 1


def _decoded(block: bytes, start: int, end: int) -> str:
    return _decoded_text(block[start:end], start)


def _decoded_text(raw: bytes, start: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadByte(start + error.start, "is not UTF-8 text") from None


def _character(block: bytes, at: int) -> str:
    return repr(block[at : at + 4].decode(errors="replace")[0])


def _shown(word: bytes) -> str:
    return shown(word.decode(errors="replace"))
