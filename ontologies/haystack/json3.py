"""Haystack's JSON, version 3: each scalar a string whose first letters tell its kind (``n:12 kW``), in and out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, time
from types import MappingProxyType
from typing import Any

from ontologies.errors import ValueShapeError
from ontologies.haystack.json_text import Json, member, parse_json, shown
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
    grid_of,
)
from ontologies.haystack.scalars import NAME, REF_ID, UNIT, date_time_of, number_of
from ontologies.haystack.zinc_text import date_time_text, number_text


def read_json3(text: str) -> Grid:
    """Read a grid, a list of dicts, or one dict. Raises FormatError, or ValueShapeError, which names the path."""
    document = parse_json(text)
    if isinstance(document, dict) and _is_grid(document):
        return _grid(document, "")
    rows = document if isinstance(document, list) else [document]
    return grid_of([_tags(row, f"[{number}]") for number, row in enumerate(rows)])


def write_json3(grid: Grid) -> str:
    """Return a grid as a document."""
    return json.dumps(_grid_json(grid), ensure_ascii=False, separators=(",", ":"))


def _is_grid(found: Mapping[str, Json]) -> bool:
    return "cols" in found and "rows" in found


def _grid(found: dict[str, Json], path: str) -> Grid:
    inside = f"{path}." if path else ""
    meta = _tags(found.get("meta") or {}, f"{inside}meta")
    columns = []
    for number, each in enumerate(member(found, "cols", list, path)):
        tags = _tags(each, f"{inside}cols[{number}]")
        name = member(each, "name", str, f"{inside}cols[{number}]")
        columns.append(Column(name, {key: value for key, value in tags.items() if key != "name"}))
    rows = member(found, "rows", list, path)
    read = [_tags(row, f"{inside}rows[{number}]") for number, row in enumerate(rows)]
    return Grid(columns, read, {name: value for name, value in meta.items() if name != "ver"})


def _tags(found: Json, path: str) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise ValueShapeError(path, f"an object expected, not {shown(found)}")
    for name in found:
        if NAME.fullmatch(name) is None:
            raise ValueShapeError(path, f"{name!r} is no name of a tag: they begin with a small letter")
    read = {name: _value(value, f"{path}.{name}") for name, value in found.items()}
    return {name: value for name, value in read.items() if value is not None}


def _value(found: Json, path: str) -> Value:
    match found:
        case None | bool():
            return found
        case str():
            return _scalar(found, path)
        case int() | float():
            return Number(float(found))
        case list():
            return tuple(_value(item, f"{path}[{number}]") for number, item in enumerate(found))
        case _:
            return _grid(found, path) if _is_grid(found) else _tags(found, path)


def _scalar(text: str, path: str) -> Value:
    if text[1:2] != ":" or text[0] not in _READ:
        return text
    try:
        return _READ[text[0]](text[2:])
    except ValueError as error:
        raise ValueShapeError(path, str(error)) from None


def _number(text: str) -> Number:
    value, _, unit = text.partition(" ")
    if unit and UNIT.fullmatch(unit) is None:
        raise ValueError(f"{unit!r} is no unit")
    return Number(number_of(value).value, unit or None)


def _ref(text: str) -> Ref:
    name, _, dis = text.partition(" ")
    if REF_ID.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no id of a ref")
    return Ref(name, dis or None)


def _coord(text: str) -> Coord:
    lat, _, lng = text.partition(",")
    return Coord(float(lat), float(lng))


def _xstr(text: str) -> XStr:
    kind, _, value = text.partition(":")
    return XStr(kind, value)


_READ: dict[str, Callable[[str], Value]] = {
    "m": lambda _: MARKER,
    "z": lambda _: NA,
    "-": lambda _: REMOVE,
    "s": lambda text: text,
    "n": _number,
    "r": _ref,
    "y": Symbol,
    "u": Uri,
    "d": date.fromisoformat,
    "h": time.fromisoformat,
    "t": date_time_of,
    "c": _coord,
    "x": _xstr,
    "b": lambda text: XStr("Bin", text),
}
_SIGNS = {MARKER: "m:", NA: "z:", REMOVE: "-:"}


def _grid_json(grid: Grid) -> Json:
    return {
        "meta": {"ver": "3.0", **_tags_json(grid.meta)},
        "cols": [{"name": column.name, **_tags_json(column.meta)} for column in grid.columns],
        "rows": [_tags_json(row) for row in grid.rows],
    }


def _tags_json(tags: Dict) -> Json:
    return {name: _WRITE[type(value)](value) for name, value in tags.items() if value is not None}


def _string_json(text: str) -> str:
    """Return a string, with ``s:`` only where it would be taken for another kind."""
    return f"s:{text}" if text[1:2] == ":" else text


def _spaced(first: str, second: str | None) -> str:
    return first if second is None else f"{first} {second}"


_WRITE: dict[type, Callable[[Any], Json]] = {
    type(None): lambda _: None,
    str: _string_json,
    bool: lambda value: value,
    date: lambda value: f"d:{value.isoformat()}",
    time: lambda value: f"h:{value.isoformat()}",
    Sign: lambda sign: _SIGNS[sign],
    Number: lambda number: "n:" + _spaced(number_text(number.value), number.unit),
    Ref: lambda ref: "r:" + _spaced(ref.id, ref.dis),
    Symbol: lambda symbol: f"y:{symbol.name}",
    Uri: lambda uri: f"u:{uri.text}",
    DateTime: lambda each: f"t:{date_time_text(each.value)} {each.tz}",
    Coord: lambda coord: f"c:{number_text(coord.lat)},{number_text(coord.lng)}",
    XStr: lambda xstr: f"x:{xstr.type}:{xstr.text}",
    Grid: _grid_json,
    tuple: lambda items: [_WRITE[type(item)](item) for item in items],
    dict: _tags_json,
    MappingProxyType: _tags_json,
}
