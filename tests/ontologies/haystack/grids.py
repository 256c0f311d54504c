"""Grids to try the forms with: real ones, awkward ones, and ones that hypothesis makes up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

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
    Symbol,
    Uri,
    Value,
    XStr,
    grid_of,
)
from ontologies.haystack.zinc import read_zinc
from tests.support.data import shared

SITES = "haystack/sites/carytown"


def carytown() -> Grid:
    return read_zinc(shared(f"{SITES}/carytown.zinc").read_text())


NEW_YORK = DateTime(datetime(2020, 7, 17, 16, 55, 42, 977000, timezone(timedelta(hours=-4))), "New_York")
SCALARS: tuple[Value, ...] = (
    "",
    "T",
    "n:1",
    "a\nb\t\"q\" \\ $x é ✓, 'x' // y",
    "-- no end",
    "2020-01-01",
    "@a",
    True,
    False,
    MARKER,
    NA,
    REMOVE,
    Number(0.0),
    Number(-5.4e-45, "kWh"),
    Number(1e300),
    Number(float("inf")),
    Number(float("-inf")),
    Number(20.0, "_kwh_per_ft"),
    Number(9.23, "$"),
    Number(50.0, "%RH"),
    Ref("p:demo:r:1a-2.b~c"),
    Ref("a", 'Dis "q" x'),
    Symbol("elec-meter"),
    Uri("http://x/y\\#z?q=1"),
    Uri("a`b"),
    date(2010, 3, 13),
    time(8, 12, 5, 123000),
    time(0, 0),
    NEW_YORK,
    DateTime(datetime(2020, 7, 17, 20, 55, 42, tzinfo=UTC), "UTC"),
    DateTime(datetime(2010, 11, 28, 12, 22, 27, tzinfo=timezone(timedelta(hours=-3))), "GMT+3"),
    Coord(37.55, -77.45),
    XStr("Span", "today, or \\ so"),
)
NESTED: tuple[Value, ...] = (
    (),
    (Number(1.0), "two", None, (Ref("a", "x"), MARKER), {"a": (True,)}),
    {"dis": "Building", "site": MARKER, "area": Number(35000.0, "ft²"), "deep": {"deeper": Coord(1.0, 2.0)}},
    Grid([Column("a"), Column("b", {"unit": "°C"})], [{"a": Number(1.0)}, {"b": MARKER}], {"dis": "inside"}),
)


def awkward() -> Grid:
    """A grid with every kind, in a column that comes after one of names."""
    rows: list[dict[str, Value]] = [{"n": str(n), "v": value} for n, value in enumerate((*SCALARS, *NESTED))]
    return Grid([Column("n", {"dis": "Number"}), Column("v")], [*rows, {"n": "null"}], {"foo": MARKER, "bar": "x y"})


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
_NAMES = st.from_regex(r"[a-z][A-Za-z0-9_]{0,6}", fullmatch=True).filter(lambda name: name != "ver")
_IDS = st.from_regex(r"[A-Za-z0-9_:.~-]{1,12}", fullmatch=True)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([value for value in SCALARS if value != "n:1"]),
    _TEXT,
    st.builds(Number, _NUMBERS, st.sampled_from([None, "°F", "kW", "_foo", "gH₂O/kgAir", "%"])),
    st.builds(Ref, _IDS, st.none() | _TEXT.filter(bool)),
    st.builds(Uri, st.from_regex(r"[a-z/.?=&é ]{0,9}", fullmatch=True)),
    st.dates(),
    st.times(),
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_NAMES, inner, max_size=3)
        | st.lists(st.dictionaries(_NAMES, inner, min_size=1, max_size=3), max_size=2).map(grid_of)
    ),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=5), max_size=4)
