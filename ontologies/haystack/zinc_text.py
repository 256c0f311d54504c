"""Zinc out: each value by a function for its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any

from ontologies.haystack.kinds import (
    MARKER,
    NA,
    REMOVE,
    Column,
    Coord,
    DateTime,
    Dict,
    Grid,
    Number,
    Ref,
    Sign,
    Symbol,
    Uri,
    Value,
    XStr,
)

_ESCAPED = re.compile(r'[\x00-\x1f"\\$]')
_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "$": "\\$"}
# A backslash before one of these is part of the URI; the first alternative takes such a pair as it is.
_ESCAPED_IN_URI = re.compile(r"\\[:/?#\[\]@&=;\\]|[\x00-\x1f`\\]")
_NO_NUMBERS = {"inf": "INF", "-inf": "-INF", "nan": "NaN"}
_SPECIAL = frozenset(_NO_NUMBERS.values())
_SIGNS = {MARKER: "M", NA: "NA", REMOVE: "R"}


def write_zinc(grid: Grid) -> str:
    """Return a grid as a document, which ends in a newline: haystack-core takes no other."""
    return "".join(_lines(grid))


def value_text(value: Value) -> str:
    """Return a value as Zinc. A grid is written as one that is inside of another."""
    return _WRITE[type(value)](value)


def number_text(value: float) -> str:
    """Return the shortest text of a number, without a fraction where it has none."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    return _NO_NUMBERS.get(text, text)


def date_time_text(value: datetime) -> str:
    """Return a time as ISO 8601 with its offset, that of UTC as ``Z``."""
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _lines(grid: Grid) -> Iterator[str]:
    yield f'ver:"3.0"{_meta(grid.meta)}\n'
    yield ",".join(_column(column) for column in grid.columns) + "\n"
    names = [column.name for column in grid.columns]
    alone = len(names) == 1
    write = _WRITE
    for row in grid.rows:
        if alone:  # an empty line would end the grid
            yield value_text(row.get(names[0])) + "\n"
        else:
            cells = [write[type(row[name])](row[name]) if name in row else "" for name in names]
            yield ",".join(cells) + "\n"


def _column(column: Column) -> str:
    return column.name + _meta(column.meta)


def _meta(tags: Dict) -> str:
    return "".join(f" {_tag(name, value)}" for name, value in tags.items())


def _tag(name: str, value: Value) -> str:
    return name if value is MARKER else f"{name}:{value_text(value)}"


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}")


def _escaped_in_uri(found: re.Match[str]) -> str:
    text = found[0]
    if len(text) > 1:
        return text
    return "\\" + text if text in "`\\" else f"\\u{ord(text):04x}"


def string_text(text: str) -> str:
    """Return a string in quotes."""
    return f'"{_ESCAPED.sub(_escaped, text)}"'


def _ref(ref: Ref) -> str:
    return f"@{ref.id}" if ref.dis is None else f"@{ref.id} {string_text(ref.dis)}"


def _number(number: Number) -> str:
    text = number_text(number.value)
    return text + number.unit if number.unit and text not in _SPECIAL else text  # which take no unit


def _grid(grid: Grid) -> str:
    return f"<<\n{write_zinc(grid)}>>"


def _dict(tags: Dict) -> str:
    return "{" + " ".join(_tag(name, value) for name, value in tags.items()) + "}"


def _date_time(moment: DateTime) -> str:
    return f"{date_time_text(moment.value)} {moment.tz}"


_WRITE: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "N",
    str: string_text,
    bool: lambda value: "T" if value else "F",
    date: date.isoformat,
    time: time.isoformat,
    Sign: lambda sign: _SIGNS[sign],
    Number: _number,
    Ref: _ref,
    Symbol: lambda symbol: f"^{symbol.name}",
    Uri: lambda uri: f"`{_ESCAPED_IN_URI.sub(_escaped_in_uri, uri.text)}`",
    DateTime: _date_time,
    Coord: lambda coord: f"C({number_text(coord.lat)},{number_text(coord.lng)})",
    XStr: lambda xstr: f"{xstr.type}({string_text(xstr.text)})",
    Grid: _grid,
    tuple: lambda items: f"[{', '.join(map(value_text, items))}]",
    dict: _dict,
    MappingProxyType: _dict,
}
