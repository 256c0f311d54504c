"""Haystack's JSON, version 4, which people call Hayson (Project Haystack 4.0, chapter Json), in.

Scalars are made while the document is parsed, and most of them once. Where that fails it is read again in the plain
way, which knows the path of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, time
from typing import Any

from ontologies.errors import OntologyError, ValueShapeError
from ontologies.haystack.json_text import (
    Json,
    are_tag_names,
    item_path,
    member,
    member_path,
    members,
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
from ontologies.haystack.scalars import MOST_REMEMBERED, REF_ID, SYMBOL, date_time_of, number_of

NUMERIC = (int, float)
_READY = frozenset({str, bool, Sign, Number, Ref, Symbol, Uri, DateTime, date, time, Coord, XStr})
_NESTED = frozenset({"grid", "dict"})
_TEXTS = frozenset({str})
Members = Sequence[tuple[str, Json]]


def read_hayson(text: str) -> Grid:
    """Read a grid, a list of dicts, or one dict. Raises FormatError, or ValueShapeError, which names the path."""
    try:
        return _document(parse_json(text, _Scalars().made_of), None)
    except (OntologyError, ValueError, LookupError, TypeError, AttributeError):
        return _document(parse_json(text), "")


def _document(document: Json, path: str | None) -> Grid:
    if isinstance(document, dict) and _is_grid(document):
        return _grid(document, path)
    rows = document if isinstance(document, list) else [document]
    return grid_of([_row(row, item_path(path, number)) for number, row in enumerate(rows)])


class _Scalars(dict[tuple[tuple[str, str], ...], Value]):
    """The scalars of a document by their members, each made when it is first met."""

    def made_of(self, pairs: Members) -> Json:
        """Return a scalar where members make one, else the object. Raises an error for what is neither."""
        if not pairs or pairs[0][0] != "_kind" or (kind := pairs[0][1]) in _NESTED:
            return members(pairs)
        if kind == "number":  # not remembered, since True and -0.0 equal other numbers
            return _number(members(pairs), None)
        try:
            return self[tuple(pairs)]
        except TypeError:  # a member that is an object or a list
            return members(pairs)

    def __missing__(self, pairs: tuple[tuple[str, Json], ...]) -> Value:
        found = members(pairs)
        value = _READ[found["_kind"]](found, None)
        if len(self) < MOST_REMEMBERED and _TEXTS.issuperset(map(type, found.values())):
            self[pairs] = value
        return value


def value_of(found: Json, path: str | None = "") -> Value:
    """Return a value of any kind. Raises ValueShapeError; a path of None is for those who do not need it."""
    if found is None or type(found) in _READY:
        value: Value = found
        return value
    if isinstance(found, int | float):
        return plain_number(found, path)
    if isinstance(found, list):
        return tuple(value_of(item, item_path(path, number)) for number, item in enumerate(found))
    kind = found.get("_kind", "dict")
    if not isinstance(kind, str) or kind not in _READ:
        raise ValueShapeError(path or "", f"{shown(kind)} is no kind; known: {', '.join(_READ)}")
    try:
        return _READ[kind](found, path)
    except ValueError as error:
        raise ValueShapeError(path or "", str(error)) from None


def _is_grid(document: dict[str, Json]) -> bool:
    return document.get("_kind") == "grid" or ("cols" in document and "rows" in document)


def _grid(found: dict[str, Json], path: str | None) -> Grid:
    meta = _tags(found.get("meta") or {}, member_path(path, "meta"))
    cols = member_path(path, "cols")
    columns = [
        _column(each, item_path(cols, number)) for number, each in enumerate(member(found, "cols", list, path or ""))
    ]
    names = {column.name for column in columns}
    rows = [
        _row(each, item_path(member_path(path, "rows"), number)) for number, each in enumerate(_rows(found, path))
    ]
    for number, row in enumerate(rows):
        if not names.issuperset(row):
            unknown = next(name for name in row if name not in names)
            raise ValueShapeError(
                item_path(member_path(path or "", "rows"), number) or "", f"there is no column {unknown!r}"
            )
    return Grid(columns, rows, {name: value for name, value in meta.items() if name != "ver"})


def _rows(found: dict[str, Json], path: str | None) -> list[Json]:
    rows: list[Json] = member(found, "rows", list, path or "")
    return rows


def _column(found: Json, path: str | None) -> Column:
    if not isinstance(found, dict):
        raise ValueShapeError(path or "", f"an object expected, not {shown(found)}")
    name = tag_name(member(found, "name", str, path or ""), path)
    return Column(name, _tags(found.get("meta") or {}, member_path(path, "meta")))


def _row(found: Json, path: str | None) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise ValueShapeError(path or "", f"an object expected, not {shown(found)}")
    if found.get("_kind", "dict") != "dict":
        raise ValueShapeError(path or "", f"a dict expected, not {shown(found)}")
    return _tags(found, path)


def _tags(found: dict[str, Json], path: str | None) -> dict[str, Value]:
    if are_tag_names(found) and _READY.issuperset(map(type, found.values())):
        return found
    tags: dict[str, Value] = {}
    for name, value in found.items():
        if value is None or name == "_kind":
            continue
        tag_name(name, path)
        tags[name] = value if type(value) in _READY else value_of(value, member_path(path, name))
    return tags


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
    return Number(plain_number(member(found, "val", NUMERIC, path or ""), member_path(path, "val")).value, unit)


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
    lat, lng = (plain_number(member(found, name, NUMERIC, path or ""), path).value for name in ("lat", "lng"))
    return Coord(lat, lng)


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
