"""BACnet's engineering units as QUDT, UCUM and Haystack write them: the table is ``data/bacnet_units.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pyoxigraph import NamedNode

from ontologies.data_tables import read_table
from ontologies.namespaces import UNIT

TABLE = Path(__file__).parent / "data" / "bacnet_units.csv"


@dataclass(frozen=True, slots=True)
class EngineeringUnit:
    """A unit of BACnet (135, clause 21): its number and name there, what it measures, and its names elsewhere.

    ``note`` says why there is no QUDT unit, where there is none.
    """

    number: int
    name: str
    quantity: str
    qudt: NamedNode | None
    ucum: str | None
    haystack: str | None
    note: str | None


@lru_cache(maxsize=1)
def bacnet_units() -> Mapping[str, EngineeringUnit]:
    """Return all units by their names in BACnet, such as ``degrees-celsius``."""
    rows = read_table(TABLE, ("number", "unit", "quantity", "qudt", "ucum", "haystack", "note"))
    return MappingProxyType({row["unit"]: _unit(row) for row in rows})


def bacnet_unit(name: str | None) -> EngineeringUnit | None:
    """Return a unit by its name or its number as text; None for a proprietary one, or none."""
    if name is None:
        return None
    return bacnet_units().get(name) or (_by_number().get(int(name)) if name.isdecimal() else None)


def haystack_unit(symbol: str) -> NamedNode | None:
    """Return the QUDT unit of a symbol of Haystack's, such as ``°F``; None for one that is not known."""
    return _by_haystack().get(symbol)


def haystack_symbol(unit: NamedNode) -> str | None:
    """Return Haystack's symbol for a QUDT unit."""
    return _by_qudt().get(unit)


@lru_cache(maxsize=1)
def _by_haystack() -> Mapping[str, NamedNode]:
    units = reversed(tuple(bacnet_units().values()))  # of several the first counts
    return {unit.haystack: unit.qudt for unit in units if unit.haystack and unit.qudt}


@lru_cache(maxsize=1)
def _by_qudt() -> Mapping[NamedNode, str]:
    units = reversed(tuple(bacnet_units().values()))
    return {unit.qudt: unit.haystack for unit in units if unit.haystack and unit.qudt}


@lru_cache(maxsize=1)
def _by_number() -> Mapping[int, EngineeringUnit]:
    return {unit.number: unit for unit in bacnet_units().values()}


def _unit(row: Mapping[str, str]) -> EngineeringUnit:
    return EngineeringUnit(
        int(row["number"]),
        row["unit"],
        row["quantity"],
        UNIT[row["qudt"]] if row["qudt"] else None,
        row["ucum"] or None,
        row["haystack"] or None,
        row["note"] or None,
    )
