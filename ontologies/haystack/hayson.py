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
_NAMES: set[str] = set()  # of tags that were seen, so that each is looked at once
_MOST_NAMES = 10_000


def read_hayson(text: str) -> Grid:
    """Read a grid, a list of dicts, or one dict. Raises FormatError, or ValueShapeError, which names the path."""
    document = parse_json(text)
    try:
        return _document(document, None)
    except ValueShapeError:  # now with the paths, which take time to write
        return _document(document, "")


def _document(document: Json, path: str | None) -> Grid:
    if isinstance(document, dict) and _is_grid(document):
        return _grid(document, path)
    rows = document if isinstance(document, list) else [document]
    return grid_of([_row(row, _item(path, number)) for number, row in enumerate(rows)])


def _item(path: str | None, number: int) -> str | None:
    return None if path is None else f"{path}[{number}]"


def _member(path: str | None, name: str) -> str | None:
    return None if path is None else f"{path}.{name}" if path else name


def write_hayson(grid: Grid) -> str:
    """Return a grid as a document."""
    return json.dumps(_grid_json(grid), ensure_ascii=False, separators=(",", ":"))


def value_of(found: Json, path: str | None = "") -> Value:
    """Return a value of any kind. Raises ValueShapeError; a path of None is for those who do not need it."""
    if found is None or isinstance(found, str | bool):
        return found
    if isinstance(found, int | float):
        return Number(float(found))
    if isinstance(found, list):
        return tuple(value_of(item, _item(path, number)) for number, item in enumerate(found))
    kind = found.get("_kind", "dict")
    if not isinstance(kind, str) or kind not in _READ:
        raise ValueShapeError(path or "", f"{shown(kind)} is no kind; known: {', '.join(_READ)}")
    try:
        return _READ[kind](found, path)
    except ValueError as error:
        raise ValueShapeError(path or "", str(error)) from None


def json_of(value: Value) -> Json:
    """Return a value as JSON can hold it."""
    return _WRITE[type(value)](value)


def _is_grid(document: dict[str, Json]) -> bool:
    return document.get("_kind") == "grid" or ("cols" in document and "rows" in document)


def _grid(found: dict[str, Json], path: str | None) -> Grid:
    meta = _tags(found.get("meta") or {}, _member(path, "meta"))
    cols = _member(path, "cols")
    columns = [
        _column(each, _item(cols, number)) for number, each in enumerate(member(found, "cols", list, path or ""))
    ]
    names = {column.name for column in columns}
    rows = [_row(each, _item(_member(path, "rows"), number)) for number, each in enumerate(_rows(found, path))]
    for number, row in enumerate(rows):
        if not names.issuperset(row):
            unknown = next(name for name in row if name not in names)
            raise ValueShapeError(_item(_member(path or "", "rows"), number) or "", f"there is no column {unknown!r}")
    return Grid(columns, rows, {name: value for name, value in meta.items() if name != "ver"})


def _rows(found: dict[str, Json], path: str | None) -> list[Json]:
    rows: list[Json] = member(found, "rows", list, path or "")
    return rows


def _column(found: Json, path: str | None) -> Column:
    if not isinstance(found, dict):
        raise ValueShapeError(path or "", f"an object expected, not {shown(found)}")
    name = _name(member(found, "name", str, path or ""), path)
    return Column(name, _tags(found.get("meta") or {}, _member(path, "meta")))


def _name(name: str, path: str | None) -> str:
    if NAME.fullmatch(name) is None:
        raise ValueShapeError(path or "", f"{name!r} is no name of a tag: they begin with a small letter")
    return name


def _row(found: Json, path: str | None) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise ValueShapeError(path or "", f"an object expected, not {shown(found)}")
    if found.get("_kind", "dict") != "dict":
        raise ValueShapeError(path or "", f"a dict expected, not {shown(found)}")
    return _tags(found, path)


def _tags(found: Mapping[str, Json], path: str | None) -> dict[str, Value]:
    tags: dict[str, Value] = {}
    for name, value in found.items():
        if value is None or name == "_kind":
            continue
        if name not in _NAMES:
            _remember(_name(name, path))
        tags[name] = value if type(value) is str else value_of(value, _member(path, name))
    return tags


def _remember(name: str) -> None:
    if len(_NAMES) < _MOST_NAMES:
        _NAMES.add(name)


def _matching(text: str, pattern: Any, what: str) -> str:  # noqa: ANN401 - a compiled pattern
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no {what}")
    return text


def _number(found: dict[str, Json], path: str | None) -> Number:
    value, unit = found.get("val"), found.get("unit")
    if unit is not None and not isinstance(unit, str):
        raise ValueShapeError(f"{path}.unit", f"a string expected, not {shown(unit)}")
    if isinstance(value, str) and value in ("INF", "-INF", "NaN"):
        return Number(number_of(value).value, unit)
    return Number(float(member(found, "val", NUMERIC, path or "")), unit)


def _ref(found: dict[str, Json], path: str | None) -> Ref:
    dis = found.get("dis")
    if dis is not None and not isinstance(dis, str):
        raise ValueShapeError(f"{path}.dis", f"a string expected, not {shown(dis)}")
    return Ref(_matching(member(found, "val", str, path or ""), REF_ID, "id of a ref"), dis)


def _date_time(found: dict[str, Json], path: str | None) -> DateTime:
    tz = found.get("tz")
    if tz is not None and not isinstance(tz, str):
        raise ValueShapeError(f"{path}.tz", f"a string expected, not {shown(tz)}")
    return date_time_of(member(found, "val", str, path or ""), tz)


def _coord(found: dict[str, Json], path: str | None) -> Coord:
    return Coord(*(float(member(found, name, NUMERIC, path or "")) for name in ("lat", "lng")))


_READ: dict[str, Callable[[dict[str, Json], str | None], Value]] = {
    "marker": lambda *_: MARKER,
    "na": lambda *_: NA,
    "remove": lambda *_: REMOVE,
    "number": _number,
    "ref": _ref,
    "symbol": lambda found, path: Symbol(_matching(member(found, "val", str, path or ""), SYMBOL, "symbol")),
    "uri": lambda found, path: Uri(member(found, "val", str, path or "")),
    "date": lambda found, path: date.fromisoformat(member(found, "val", str, path or "")),
    "time": lambda found, path: time.fromisoformat(member(found, "val", str, path or "")),
    "dateTime": _date_time,
    "coord": _coord,
    "xstr": lambda found, path: XStr(member(found, "type", str, path or ""), member(found, "val", str, path or "")),
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
