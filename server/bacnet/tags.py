"""Tagged values (ASHRAE 135, clause 20.2): read leniently, written strictly.

Values are plain Python: None, bool, int (Unsigned, Integer, Enumerated), float, str, bytes, and the small types here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from server.bacnet.errors import Malformed


class ObjectId(NamedTuple):
    """An object identifier: type and instance."""

    type: int
    instance: int


class Bits(NamedTuple):
    """A bit string, first bit first."""

    bits: tuple[bool, ...]


class Date(NamedTuple):
    """A date; 255 (or year 2155) means any."""

    year: int
    month: int
    day: int
    weekday: int


class Time(NamedTuple):
    """A time of day; 255 means any."""

    hour: int
    minute: int
    second: int
    hundredth: int


class Context(NamedTuple):
    """A context tag: its number, and its octets, or what is between opening and closing tag."""

    number: int
    content: bytes | tuple[Value, ...]


Value = None | bool | int | float | str | bytes | ObjectId | Bits | Date | Time | Context

NULL, BOOLEAN, UNSIGNED, INTEGER, REAL, DOUBLE, OCTETS, TEXT, BITS, ENUMERATED, DATE, TIME, OBJECT_ID = range(13)
OPENING, CLOSING = 6, 7
_REAL = struct.Struct(">f")
_DOUBLE = struct.Struct(">d")
_CHARSETS = {0: "utf-8", 3: "utf-32-be", 4: "utf-16-be", 5: "latin-1"}
_CODE_PAGES = {850: "cp850", 932: "cp932", 936: "gbk", 949: "cp949", 950: "cp950", 1252: "cp1252"}
_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Tag:
    """The head of a value: `kind` is its length, value or type field; `at` is where its octets begin."""

    number: int
    context: bool
    kind: int
    length: int
    at: int

    @property
    def opens(self) -> bool:
        """Tell whether it is an opening tag."""
        return self.context and self.kind == OPENING

    @property
    def closes(self) -> bool:
        """Tell whether it is a closing tag."""
        return self.context and self.kind == CLOSING


def read_tag(data: bytes, at: int) -> Tag:
    """Return the tag at an offset. Raises Malformed."""
    try:
        first = data[at]
        number, kind, at = first >> 4, first & 7, at + 1
        if number == 15:
            number, at = data[at], at + 1
        context = bool(first & 8)
        if kind < 5 or (context and kind > 5):
            return Tag(number, context, kind, 0 if kind > 5 else kind, at)
        length, at = data[at], at + 1
        if length >= 254:
            size = 2 if length == 254 else 4
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        return Tag(number, context, 5, length, at)
    except IndexError:
        raise Malformed(f"the answer ends at byte {at}, where a tag is expected") from None


def read_value(data: bytes, at: int, depth: int = 0) -> tuple[Value, int]:
    """Return the value at an offset, and the offset behind it. Raises Malformed."""
    tag = read_tag(data, at)
    if tag.opens:
        if depth > _DEPTH:
            raise Malformed(f"byte {at}: values are nested too deeply")
        content, at = read_until_closing(data, tag.at, tag.number, depth + 1)
        return Context(tag.number, tuple(content)), at
    if tag.closes:
        raise Malformed(f"byte {at}: a closing tag {tag.number} that nothing opened")
    if tag.number == BOOLEAN and not tag.context:
        return bool(tag.length), tag.at
    end = tag.at + tag.length
    if end > len(data):
        raise Malformed(f"byte {at}: a value of {tag.length} bytes where {len(data) - tag.at} are left")
    octets = data[tag.at : end]
    return (Context(tag.number, octets) if tag.context else primitive(tag.number, octets)), end


def read_until_closing(data: bytes, at: int, number: int, depth: int = 0) -> tuple[list[Value], int]:
    """Return the values up to a closing tag, and the offset behind that. Raises Malformed."""
    values: list[Value] = []
    while True:
        tag = read_tag(data, at)
        if tag.closes:
            if tag.number != number:
                raise Malformed(f"byte {at}: closing tag {tag.number} where {number} is open")
            return values, tag.at
        value, at = read_value(data, at, depth)
        values.append(value)


def primitive(number: int, octets: bytes) -> Value:
    """Return the value of an application tag's octets. Raises Malformed."""
    try:
        return _READERS[number](octets)
    except (KeyError, struct.error, ValueError, IndexError):
        raise Malformed(f"no value of data type {number}: {octets.hex() or 'empty'}") from None


def _bits(octets: bytes) -> Bits:
    count = 8 * (len(octets) - 1) - octets[0]
    return Bits(tuple(bool(octets[1 + i // 8] & (0x80 >> i % 8)) for i in range(max(count, 0))))


def _real(octets: bytes) -> float:
    """Return a Real as the decimal that was meant: 21.3, not 21.299999237060547, where that is the same Real."""
    value: float = _REAL.unpack(octets)[0]
    short = float(f"{value:.7g}")
    try:
        return short if _REAL.pack(short) == octets else value
    except OverflowError:
        return value


def _object_id(octets: bytes) -> ObjectId:
    word = int.from_bytes(octets, "big")
    return ObjectId(word >> 22, word & 0x3FFFFF)


def read_text(octets: bytes) -> str:
    """Return a character string; devices that mislabel their encoding are read as what it most likely is."""
    if not octets:
        return ""
    charset, body = octets[0], octets[1:]
    if charset == 1 and len(body) >= 2:
        charset_name, body = _CODE_PAGES.get(int.from_bytes(body[:2], "big"), "cp1252"), body[2:]
    elif charset == 2:
        charset_name = "iso2022_jp"
    else:
        charset_name = _CHARSETS.get(charset, "utf-8")
    for name in (charset_name, "cp1252"):
        try:
            return body.decode(name).rstrip("\0")
        except UnicodeDecodeError:
            continue
    return body.decode("latin-1").rstrip("\0")


_READERS: dict[int, Callable[[bytes], Value]] = {
    NULL: lambda _: None,
    UNSIGNED: lambda octets: int.from_bytes(octets, "big"),
    INTEGER: lambda octets: int.from_bytes(octets, "big", signed=True),
    REAL: _real,
    DOUBLE: lambda octets: _DOUBLE.unpack(octets)[0],
    OCTETS: bytes,
    TEXT: read_text,
    BITS: _bits,
    ENUMERATED: lambda octets: int.from_bytes(octets, "big"),
    DATE: lambda octets: Date(1900 + octets[0], octets[1], octets[2], octets[3]),
    TIME: lambda octets: Time(octets[0], octets[1], octets[2], octets[3]),
    OBJECT_ID: _object_id,
}


def write_tag(number: int, octets: bytes, *, context: bool = False) -> bytes:
    """Return a tag and its octets."""
    length, more = len(octets), b""
    if length > 4:
        more = bytes([length]) if length < 254 else b"\xfe" + length.to_bytes(2, "big")
        length = 5
    extended = b"" if number < 15 else bytes([number])
    return bytes([min(number, 15) << 4 | (8 if context else 0) | length]) + extended + more + octets


def context_tag(number: int, value: int | ObjectId) -> bytes:
    """Return a context tag of an Unsigned, Enumerated or object identifier."""
    return write_tag(number, object_octets(value) if isinstance(value, ObjectId) else unsigned(value), context=True)


def opening(number: int) -> bytes:
    """Return an opening tag."""
    return bytes([number << 4 | 8 | OPENING])


def closing(number: int) -> bytes:
    """Return a closing tag."""
    return bytes([number << 4 | 8 | CLOSING])


def unsigned(value: int) -> bytes:
    """Return the octets of an Unsigned: as few as it needs."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def signed(value: int) -> bytes:
    """Return the octets of an Integer: as few as it needs."""
    magnitude = value if value >= 0 else ~value
    return value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


def object_octets(value: ObjectId) -> bytes:
    """Return the four octets of an object identifier."""
    return (value.type << 22 | value.instance).to_bytes(4, "big")


def application(number: int, value: bool | float | str | None) -> bytes:
    """Return a value with its application tag, as the data type `number`. Raises ValueError."""
    if number == NULL or value is None:
        return b"\0"
    if number == BOOLEAN:
        return bytes([BOOLEAN << 4 | bool(value)])
    if number == TEXT:
        return write_tag(TEXT, b"\0" + str(value).encode())
    if isinstance(value, str):
        raise ValueError(f'"{value}" is no number')  # noqa: TRY004 - a value that somebody typed
    if number in (REAL, DOUBLE):
        return write_tag(number, (_REAL if number == REAL else _DOUBLE).pack(value))
    if value != int(value) or (value < 0 and number != INTEGER):
        raise ValueError(f"{value} is no whole number that this data type has")
    return write_tag(number, signed(int(value)) if number == INTEGER else unsigned(int(value)))
