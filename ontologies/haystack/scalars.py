"""The scalars of Zinc (Project Haystack 4.0, chapter Zinc), each read by one regular expression and a function."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from ontologies.haystack.kinds import (
    MARKER,
    NA,
    REMOVE,
    Coord,
    DateTime,
    Number,
    Ref,
    Symbol,
    Uri,
    Value,
    XStr,
)

STRING = r'"(?:[^"\\\n]++|\\.)*+"'
_DIGITS = r"\d++(?:_\d++)*+"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_DAY = r"\d{4}-\d\d-\d\d"
_UNIT = r"[A-Za-z%$_/\u0080-\U0010ffff][A-Za-z%$_/0-9\u0080-\U0010ffff]*"
_REAL = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
NAME = re.compile(r"[a-z][A-Za-z0-9_]*")
REF_ID = re.compile(r"[\w:.~-]+", re.ASCII)
SYMBOL = re.compile(r"[A-Za-z][\w:.~-]*", re.ASCII)
UNIT = re.compile(_UNIT)
NUMBER = re.compile(rf"(-?{_DIGITS}(?:\.{_DIGITS})?(?:[eE][+-]?\d+)?)({_UNIT})?|(-?INF|NaN)")

# The groups that count are each the last of their alternative, so that `lastgroup` tells it.
SCALAR = re.compile(
    rf"""
    (?P<str>{STRING})
    | (?P<datetime>{_DAY}T{_CLOCK}(?:[zZ]|[+-]\d\d:\d\d)(?:[ ][A-Z][A-Za-z0-9_+\-/]*)?)
    | (?P<date>{_DAY})
    | (?P<time>{_CLOCK})
    | (?P<number>-?(?:{_DIGITS}(?:\.{_DIGITS})?(?:[eE][+-]?\d+)?(?:{_UNIT})?|INF(?![A-Za-z0-9_])))
    | (?P<ref>@[A-Za-z0-9_:.~-]+(?:[ \t]+{STRING})?)
    | (?P<symbol>\^[A-Za-z][A-Za-z0-9_:.~-]*)
    | (?P<uri>`(?:[^`\\\n]|\\.)*`)
    | (?P<coord>C\([ ]*{_REAL}[ ]*,[ ]*{_REAL}[ ]*\))
    | (?P<xstr>[A-Z][A-Za-z0-9_]*+\([ ]*+(?:{STRING}[ ]*+|[^")\n]*+)\))
    | (?P<word>[A-Za-z][A-Za-z0-9_]*)
    """,
    re.VERBOSE,
)
# The forms that most scalars have, each read without a look at the others.
_PLAIN_REF = re.compile(r'@([A-Za-z0-9_:.~-]+)(?:[ \t]+"([^"\\\n]*+)")?')
_DATE_TIME = re.compile(rf"{_DAY}T{_CLOCK}(?:[zZ]|[+-]\d\d:\d\d)(?:[ ][A-Z][A-Za-z0-9_+\-/]*)?")
MOST_REMEMBERED = 50_000  # texts, so that memory does not grow with the document

_WORDS: dict[str, Value] = {
    "N": None,
    "M": MARKER,
    "NA": NA,
    "R": REMOVE,
    "T": True,
    "F": False,
    "NaN": Number(math.nan),
    "INF": Number(math.inf),
}
T = TypeVar("T")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "'": "'", "`": "`"}
_KEPT_IN_URI = frozenset(r":/?#[]@\&=;")


class Remembered(dict[str, T]):
    """What texts are read as, each when it is first asked for: most cells of a grid are equal to an earlier one.

    ``nulls`` tells whether any of them was null.
    """

    def __init__(self, read: Callable[[str], T]) -> None:
        super().__init__()
        self.nulls = False
        self._read = read

    def __missing__(self, text: str) -> T:
        value = self._read(text)
        self.nulls = self.nulls or value is None
        if len(self) < MOST_REMEMBERED:
            self[text] = value
        return value


def scalar(text: str) -> Value:
    """Return the value of a text that is one scalar. Raises ValueError, in words, for what only looks like one."""
    first = text[:1]
    if first == '"':
        if text.find('"', 1) == len(text) - 1 and "\\" not in text and "\n" not in text:
            return text[1:-1]
    elif first == "@":
        if found := _PLAIN_REF.fullmatch(text):
            return Ref(found[1], found[2])
    elif text[10:11] == "T":
        if _DATE_TIME.fullmatch(text):
            return date_time_of(text)
    elif found := NUMBER.fullmatch(text):
        return Number(float(found[1] or found[3].replace("INF", "inf")), found[2])
    found = SCALAR.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no value")
    return scalar_of(found)


def scalar_of(found: re.Match[str]) -> Value:
    """Return the value of a match of `SCALAR`. Raises ValueError, in words, for what only looks like one."""
    return _READ[found.lastgroup or ""](found[0])


def number_of(text: str) -> Number:
    """Return ``12.5kW`` or ``-INF`` as a number. Raises ValueError."""
    found = NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a number")
    return Number(float(found[1] or found[3].replace("INF", "inf")), found[2])


def date_time_of(text: str, tz: str | None = None) -> DateTime:
    """Return an ISO 8601 time, which may be followed by its timezone's name. Raises ValueError."""
    stamp, _, named = text.partition(" ")
    value = datetime.fromisoformat(stamp)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return DateTime(value, named or tz or _tz_of(value, text))


def _tz_of(value: datetime, text: str) -> str:
    """Return the timezone that an offset alone can mean: those of zoneinfo named so have the sign turned round."""
    hours, rest = divmod(value.utcoffset() or timedelta(), timedelta(hours=1))
    if rest:
        raise ValueError(f"{text!r} names no timezone, such as New_York")
    return f"GMT{-hours:+d}" if hours else "UTC"


def _string(text: str) -> str:
    body = text[1:-1]
    return _ESCAPE.sub(_unescaped, body) if "\\" in body else body


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    if escape not in _ESCAPES:
        raise ValueError(f"\\{escape} is no escape of a string")
    return _ESCAPES[escape]


def _uri(text: str) -> Uri:
    return Uri(_ESCAPE.sub(_unescaped_in_uri, text[1:-1]))


def _unescaped_in_uri(found: re.Match[str]) -> str:
    escape = found[1]
    return found[0] if escape in _KEPT_IN_URI else _unescaped(found)


def _ref(text: str) -> Ref:
    name, quote, dis = text[1:].partition('"')
    return Ref(name.rstrip(), _string(quote + dis) if quote else None)


def _coord(text: str) -> Coord:
    lat, _, lng = text[2:-1].partition(",")
    return Coord(float(lat), float(lng))


def _xstr(text: str) -> XStr:
    kind, _, inside = text[:-1].partition("(")
    inside = inside.strip()
    # Zinc 2 wrote Bin(text/plain), without quotes.
    return XStr(kind, _string(inside) if inside.startswith('"') else inside)


def _word(text: str) -> Value:
    if text not in _WORDS:
        raise ValueError(f"{text!r} is no value; a string is written in quotes")
    return _WORDS[text]


_READ: dict[str, Callable[[str], Value]] = {
    "str": _string,
    "datetime": date_time_of,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "number": number_of,
    "ref": _ref,
    "symbol": lambda text: Symbol(text[1:]),
    "uri": _uri,
    "coord": _coord,
    "xstr": _xstr,
    "word": _word,
}
