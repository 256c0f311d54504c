"""Haystack's JSON, version 4, which people call Hayson (Project Haystack 4.0, chapter Json), in and out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from math import isfinite
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
from ontologies.haystack.scalars import NAME, REF_ID, SYMBOL, date_time_of, number_of
from ontologies.haystack.zinc_text import date_time_text, number_text

NUMERIC = (int, float)


def read_hayson(text: str) -> Grid:
    """Read a grid, a list of dicts, or one dict. Raises FormatError, or ValueShapeError, which names the path."""
    document = parse_json(text)
    if isinstance(document, dict) and _is_grid(document):
        return _grid(document, "")
    rows = document if isinstance(document, list) else [document]
    return grid_of([_row(row, f"[{number}]") for number, row in enumerate(rows)])


def write_hayson(grid: Grid) -> str:
    """Return a grid as a document."""
    return json.dumps(_grid_json(grid), ensure_ascii=False, separators=(",", ":"))


def value_of(found: Json, path: str = "") -> Value:
    """Return a value of any kind. Raises ValueShapeError."""
    if found is None or isinstance(found, str | bool):
        return found
    if isinstance(found, int | float):
        return Number(float(found))
    if isinstance(found, list):
        return tuple(value_of(item, f"{path}[{number}]") for number, item in enumerate(found))
    kind = found.get("_kind", "dict")
    if not isinstance(kind, str) or kind not in _READ:
        raise ValueShapeError(path, f"{shown(kind)} is no kind; known: {', '.join(_READ)}")
    try:
        return _READ[kind](found, path)
    except ValueError as error:
        raise ValueShapeError(path, str(error)) from None


def json_of(value: Value) -> Json:
    """Return a value as JSON can hold it."""
    return _WRITE[type(value)](value)


def _is_grid(document: dict[str, Json]) -> bool:
    return document.get("_kind") == "grid" or ("cols" in document and "rows" in document)


def _grid(found: dict[str, Json], path: str) -> Grid:
    inside = f"{path}." if path else ""
    meta = _tags(found.get("meta") or {}, f"{inside}meta")
    cols = member(found, "cols", list, path)
    columns = [_column(each, f"{inside}cols[{number}]") for number, each in enumerate(cols)]
    names = {column.name for column in columns}
    rows = []
    for number, each in enumerate(member(found, "rows", list, path)):
        row = _row(each, f"{inside}rows[{number}]")
        if not names.issuperset(row):
            unknown = next(name for name in row if name not in names)
            raise ValueShapeError(f"{inside}rows[{number}]", f"there is no column {unknown!r}")
        rows.append(row)
    return Grid(columns, rows, {name: value for name, value in meta.items() if name != "ver"})


def _column(found: Json, path: str) -> Column:
    if not isinstance(found, dict):
        raise ValueShapeError(path, f"an object expected, not {shown(found)}")
    name = member(found, "name", str, path)
    return Column(_name(name, path), _tags(found.get("meta") or {}, f"{path}.meta"))


def _name(name: str, path: str) -> str:
    if NAME.fullmatch(name) is None:
        raise ValueShapeError(path, f"{name!r} is no name of a tag: they begin with a small letter")
    return name


def _row(found: Json, path: str) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise ValueShapeError(path, f"an object expected, not {shown(found)}")
    if found.get("_kind", "dict") != "dict":
        raise ValueShapeError(path, f"a dict expected, not {shown(found)}")
    return _tags(found, path)


def _tags(found: Mapping[str, Json], path: str) -> dict[str, Value]:
    tags = {}
    for name, value in found.items():
        if value is None or name == "_kind":
            continue
        tags[_name(name, path)] = value if type(value) is str else value_of(value, f"{path}.{name}")
    return tags


def _matching(text: str, pattern: Any, what: str) -> str:  # noqa: ANN401 - a compiled pattern
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no {what}")
    return text


def _number(found: dict[str, Json], path: str) -> Number:
    value, unit = found.get("val"), found.get("unit")
    if unit is not None and not isinstance(unit, str):
        raise ValueShapeError(f"{path}.unit", f"a string expected, not {shown(unit)}")
    if isinstance(value, str) and value in ("INF", "-INF", "NaN"):
        return Number(number_of(value).value, unit)
    return Number(float(member(found, "val", NUMERIC, path)), unit)


def _ref(found: dict[str, Json], path: str) -> Ref:
    dis = found.get("dis")
    if dis is not None and not isinstance(dis, str):
        raise ValueShapeError(f"{path}.dis", f"a string expected, not {shown(dis)}")
    return Ref(_matching(member(found, "val", str, path), REF_ID, "id of a ref"), dis)


def _date_time(found: dict[str, Json], path: str) -> DateTime:
    tz = found.get("tz")
    if tz is not None and not isinstance(tz, str):
        raise ValueShapeError(f"{path}.tz", f"a string expected, not {shown(tz)}")
    return date_time_of(member(found, "val", str, path), tz)


def _coord(found: dict[str, Json], path: str) -> Coord:
    return Coord(*(float(member(found, name, NUMERIC, path)) for name in ("lat", "lng")))


_READ: dict[str, Callable[[dict[str, Json], str], Value]] = {
    "marker": lambda *_: MARKER,
    "na": lambda *_: NA,
    "remove": lambda *_: REMOVE,
    "number": _number,
    "ref": _ref,
    "symbol": lambda found, path: Symbol(_matching(member(found, "val", str, path), SYMBOL, "symbol")),
    "uri": lambda found, path: Uri(member(found, "val", str, path)),
    "date": lambda found, path: date.fromisoformat(member(found, "val", str, path)),
    "time": lambda found, path: time.fromisoformat(member(found, "val", str, path)),
    "dateTime": _date_time,
    "coord": _coord,
    "xstr": lambda found, path: XStr(member(found, "type", str, path), member(found, "val", str, path)),
    "grid": _grid,
    "dict": _tags,
}


def _grid_json(grid: Grid) -> Json:
    return {
        "_kind": "grid",
        "meta": {"ver": "3.0", **_tags_json(grid.meta)},
        "cols": list(_columns_json(grid)),
        "rows": [_tags_json(row) for row in grid.rows],
    }


def _columns_json(grid: Grid) -> Iterator[Json]:
    for column in grid.columns:
        yield {"name": column.name, "meta": _tags_json(column.meta)} if column.meta else {"name": column.name}


def _tags_json(tags: Dict) -> Json:
    # Cells that are null are left out: phable fails on them.
    write = _WRITE
    return {name: write[type(value)](value) for name, value in tags.items() if value is not None}


def _number_json(number: Number) -> Json:
    value = number.value
    if not isfinite(value):
        boxed = {"_kind": "number", "val": number_text(value)}
        return boxed if number.unit is None else {**boxed, "unit": number.unit}
    plain = int(value) if abs(value) < _WHOLE and value.is_integer() else value
    return plain if number.unit is None else {"_kind": "number", "val": plain, "unit": number.unit}


def _ref_json(ref: Ref) -> Json:
    boxed = {"_kind": "ref", "val": ref.id}
    return boxed if ref.dis is None else {**boxed, "dis": ref.dis}


_WHOLE = 1e15
_SIGNS = {sign: {"_kind": sign.value} for sign in Sign}
_WRITE: dict[type, Callable[[Any], Json]] = {
    type(None): lambda _: None,
    str: lambda value: value,
    bool: lambda value: value,
    date: lambda value: {"_kind": "date", "val": value.isoformat()},
    time: lambda value: {"_kind": "time", "val": value.isoformat()},
    Sign: lambda sign: _SIGNS[sign],
    Number: _number_json,
    Ref: _ref_json,
    Symbol: lambda symbol: {"_kind": "symbol", "val": symbol.name},
    Uri: lambda uri: {"_kind": "uri", "val": uri.text},
    DateTime: lambda each: {"_kind": "dateTime", "val": date_time_text(each.value), "tz": each.tz},
    Coord: lambda coord: {"_kind": "coord", "lat": coord.lat, "lng": coord.lng},
    XStr: lambda xstr: {"_kind": "xstr", "type": xstr.type, "val": xstr.text},
    Grid: _grid_json,
    tuple: lambda items: [json_of(item) for item in items],
    dict: _tags_json,
    MappingProxyType: _tags_json,
}
