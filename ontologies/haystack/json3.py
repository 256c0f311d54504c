"""Haystack's JSON, version 3: each scalar a string whose first letters tell its kind (``n:12 kW``), in and out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, time
from types import MappingProxyType
from typing import Any

from ontologies.errors import OntologyError, ValueShapeError
from ontologies.haystack.json_text import (
    Json,
    are_tag_names,
    item_path,
    member,
    member_path,
    parse_json,
    plain_number,
    shown,
    tag_name,
)
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
from ontologies.haystack.scalars import REF_ID, UNIT, Remembered, date_time_of, number_of
from ontologies.haystack.zinc_text import date_time_text, number_text


def read_json3(text: str) -> Grid:
    """Read a grid, a list of dicts, or one dict. Raises FormatError, or ValueShapeError, which names the path."""
    document = parse_json(text)
    try:
        return _Reader().document(document, None)
    except OntologyError:  # now with the paths, which take time to write
        return _Reader().document(document, "")


def write_json3(grid: Grid) -> str:
    """Return a grid as a document."""
    return json.dumps(_grid_json(grid), ensure_ascii=False, separators=(",", ":"))


def _is_grid(found: Mapping[str, Json]) -> bool:
    return "cols" in found and "rows" in found


class _Reader:
    """Reads a document, each distinct scalar of it once; a path of None is for those who do not need it."""

    def __init__(self) -> None:
        self._scalars = Remembered(_scalar)

    def document(self, document: Json, path: str | None) -> Grid:
        if isinstance(document, dict) and _is_grid(document):
            return self._grid(document, path)
        rows = document if isinstance(document, list) else [document]
        return grid_of([self._tags(row, item_path(path, number)) for number, row in enumerate(rows)])

    def _grid(self, found: dict[str, Json], path: str | None) -> Grid:
        meta = self._tags(found.get("meta") or {}, member_path(path, "meta"))
        columns = []
        cols, rows = member_path(path, "cols"), member_path(path, "rows")
        for number, each in enumerate(member(found, "cols", list, path or "")):
            tags = self._tags(each, item_path(cols, number))
            name = member(each, "name", str, item_path(cols, number) or "")
            columns.append(Column(name, {key: value for key, value in tags.items() if key != "name"}))
        listed = enumerate(member(found, "rows", list, path or ""))
        read = [self._tags(row, item_path(rows, number)) for number, row in listed]
        return Grid(columns, read, {name: value for name, value in meta.items() if name != "ver"})

    def _tags(self, found: Json, path: str | None) -> dict[str, Value]:
        if not isinstance(found, dict):
            raise ValueShapeError(path or "", f"an object expected, not {shown(found)}")
        with suppress(TypeError, ValueError):  # something else than scalars, or a bad one
            if are_tag_names(found):
                return dict(zip(found, map(self._scalars.__getitem__, found.values()), strict=True))
        tags: dict[str, Value] = {}
        for name, value in found.items():
            tag_name(name, path)
            if value is not None:
                tags[name] = self._value(value, member_path(path, name))
        return tags

    def _value(self, found: Json, path: str | None) -> Value:
        match found:
            case str():
                return self._text(found, path)
            case None | bool():
                return found
            case int() | float():
                return plain_number(found, path)
            case list():
                return tuple(self._value(item, item_path(path, number)) for number, item in enumerate(found))
            case _:
                return self._grid(found, path) if _is_grid(found) else self._tags(found, path)

    def _text(self, text: str, path: str | None) -> Value:
        try:
            return self._scalars[text]
        except ValueError as error:
            raise ValueShapeError(path or "", str(error)) from None


def _scalar(text: str) -> Value:
    """Return what a string is. Raises ValueError."""
    return text if text[1:2] != ":" or text[0] not in _READ else _READ[text[0]](text[2:])


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
