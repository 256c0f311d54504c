"""Haystack's JSON, version 4, which people call Hayson, out: each value by a function for its kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from math import isfinite
from types import MappingProxyType
from typing import Any

from ontologies.haystack.kinds import Column, Coord, DateTime, Dict, Grid, Number, Ref, Sign, Symbol, Uri, Value, XStr
from ontologies.haystack.zinc_text import date_time_text, number_text

_string = json.JSONEncoder(ensure_ascii=False).encode
_SIGNS = {sign: f'{{"_kind":"{sign.value}"}}' for sign in Sign}


def write_hayson(grid: Grid) -> str:
    """Return a grid as a document."""
    return _grid(grid)


def _grid(grid: Grid) -> str:
    meta = _dict({"ver": "3.0", **grid.meta})
    names = {name: f"{_string(name)}:" for row in grid.rows for name in row}
    rows = (_object(row, names) for row in grid.rows)
    return f'{{"_kind":"grid","meta":{meta},"cols":{_array(map(_column, grid.columns))},"rows":{_array(rows)}}}'


def _column(column: Column) -> str:
    meta = f',"meta":{_dict(column.meta)}' if column.meta else ""
    return f'{{"name":{_string(column.name)}{meta}}}'


def _dict(tags: Dict) -> str:
    return _object(tags, {name: f"{_string(name)}:" for name in tags})


def _object(tags: Dict, names: Mapping[str, str]) -> str:
    # Cells that are null are left out: phable fails on them.
    write = _WRITE
    members = [names[name] + write[type(value)](value) for name, value in tags.items() if value is not None]
    return f"{{{','.join(members)}}}"


def _array(items: Iterable[str]) -> str:
    return f"[{','.join(items)}]"


def _value(value: Value) -> str:
    return _WRITE[type(value)](value)


def _number(number: Number) -> str:
    text = number_text(number.value)
    plain = text if isfinite(number.value) else f'"{text}"'
    if number.unit is not None:
        return f'{{"_kind":"number","val":{plain},"unit":{_string(number.unit)}}}'
    return plain if plain is text else f'{{"_kind":"number","val":{plain}}}'


def _ref(ref: Ref) -> str:
    dis = "" if ref.dis is None else f',"dis":{_string(ref.dis)}'
    return f'{{"_kind":"ref","val":{_string(ref.id)}{dis}}}'


def _date_time(each: DateTime) -> str:
    return f'{{"_kind":"dateTime","val":"{date_time_text(each.value)}","tz":{_string(each.tz)}}}'


_WRITE: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    str: _string,
    bool: lambda value: "true" if value else "false",
    date: lambda value: f'{{"_kind":"date","val":"{value.isoformat()}"}}',
    time: lambda value: f'{{"_kind":"time","val":"{value.isoformat()}"}}',
    Sign: lambda sign: _SIGNS[sign],
    Number: _number,
    Ref: _ref,
    Symbol: lambda symbol: f'{{"_kind":"symbol","val":{_string(symbol.name)}}}',
    Uri: lambda uri: f'{{"_kind":"uri","val":{_string(uri.text)}}}',
    DateTime: _date_time,
    Coord: lambda coord: f'{{"_kind":"coord","lat":{number_text(coord.lat)},"lng":{number_text(coord.lng)}}}',
    XStr: lambda xstr: f'{{"_kind":"xstr","type":{_string(xstr.type)},"val":{_string(xstr.text)}}}',
    Grid: _grid,
    tuple: lambda items: _array(map(_value, items)),
    dict: _dict,
    MappingProxyType: _dict,
}
