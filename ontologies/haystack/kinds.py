"""Haystack's kinds as values (Project Haystack 4.0, chapter Kinds): small, frozen, equal when they are the same.

Str, Bool, Date, Time and null are Python's own str, bool, date, time and None; a list is a tuple, a dict a mapping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from typing import Union


class Sign(Enum):
    """The kinds that have one value each."""

    MARKER = "marker"
    NA = "na"
    REMOVE = "remove"


MARKER, NA, REMOVE = Sign.MARKER, Sign.NA, Sign.REMOVE


@dataclass(frozen=True, slots=True)
class Number:
    """A 64-bit float with or without a unit, as its symbol in Haystack's database of units."""

    value: float
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """What refers to a record: its id without the ``@``, and the name to show where one came along."""

    id: str
    dis: str | None = None


@dataclass(frozen=True, slots=True)
class Symbol:
    """The name of a def, without the ``^``."""

    name: str


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI as Haystack writes it: a backslash before a reserved character is part of it."""

    text: str


@dataclass(frozen=True, slots=True)
class DateTime:
    """A time with its offset, and the name of its timezone: the city alone (``New_York``)."""

    value: datetime
    tz: str


@dataclass(frozen=True, slots=True)
class Coord:
    """Latitude and longitude in decimal degrees."""

    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class XStr:
    """A string with the name of a type that is no kind of Haystack's own."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a grid."""

    name: str
    meta: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. A row holds its cells that are not null, by their columns' names; ``meta`` is without ``ver``."""

    columns: Sequence[Column]
    rows: Sequence[Dict]
    meta: Mapping[str, Value] = field(default_factory=dict)


Value = Union[
    None, str, bool, date, time, Sign, Number, Ref, Symbol, Uri, DateTime, Coord, XStr,
    "Grid", "Dict", "tuple[Value, ...]",
]  # fmt: skip
Dict = Mapping[str, Value]


def grid_of(rows: Sequence[Dict], meta: Dict | None = None) -> Grid:
    """Return dicts as a grid: its columns are their tags, ``id`` and ``dis`` first, the others by name."""
    names = {name for row in rows for name in row}
    first = [name for name in ("id", "dis") if name in names]
    columns = [Column(name) for name in (*first, *sorted(names.difference(first)))]
    return Grid(columns or [Column("empty")], rows, meta or {})


def kind_of(value: Value) -> str:
    """Return the name of a value's kind, as Haystack's ``kind`` tag says it."""
    if isinstance(value, Sign):
        return "NA" if value is NA else value.value.capitalize()
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    raise TypeError(f"{type(value).__name__} is no kind of Haystack's")


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "Null"),
    (bool, "Bool"),
    (Number, "Number"),
    (str, "Str"),
    (Ref, "Ref"),
    (Symbol, "Symbol"),
    (Uri, "Uri"),
    (DateTime, "DateTime"),
    (date, "Date"),
    (time, "Time"),
    (Coord, "Coord"),
    (XStr, "XStr"),
    (Grid, "Grid"),
    (tuple, "List"),
    (Mapping, "Dict"),
)
