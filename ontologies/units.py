"""BACnet's engineering units as QUDT, UCUM and Haystack write them, and Haystack's further ones.

The tables are ``data/bacnet_units.csv`` and ``data/haystack_units.csv``.
"""

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
_HAYSTACK = Path(__file__).parent / "data" / "haystack_units.csv"


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


def haystack_unit(name: str) -> NamedNode | None:
    """Return the QUDT unit of one of Haystack, by symbol (``°F``) or name; None where there is none."""
    return _by_haystack().get(name)


def haystack_note(name: str) -> str | None:
    """Return why QUDT has nothing for a unit of Haystack's; None for one that Haystack does not have either."""
    return _notes().get(name)


def haystack_symbol(unit: NamedNode) -> str | None:
    """Return Haystack's symbol for a QUDT unit."""
    return _by_qudt().get(unit)


@lru_cache(maxsize=1)
def qudt_units() -> frozenset[NamedNode]:
    """Return the units of QUDT that those of BACnet and of Haystack are."""
    of_bacnet = (unit.qudt for unit in bacnet_units().values() if unit.qudt is not None)
    return frozenset({*of_bacnet, *_by_haystack().values()})


@lru_cache(maxsize=1)
def _by_haystack() -> Mapping[str, NamedNode]:
    units = reversed(tuple(bacnet_units().values()))  # of several the first counts
    further = {name: UNIT[row["qudt"]] for row in _haystack_rows() if row["qudt"] for name in row["names"].split()}
    return {**further, **{unit.haystack: unit.qudt for unit in units if unit.haystack and unit.qudt}}


@lru_cache(maxsize=1)
def _by_qudt() -> Mapping[NamedNode, str]:
    units = reversed(tuple(bacnet_units().values()))
    further = {UNIT[row["qudt"]]: row["names"].split()[-1] for row in reversed(_haystack_rows()) if row["qudt"]}
    return {**further, **{unit.qudt: unit.haystack for unit in units if unit.haystack and unit.qudt}}


@lru_cache(maxsize=1)
def _notes() -> Mapping[str, str]:
    return {name: row["note"] for row in _haystack_rows() if row["note"] for name in row["names"].split()}


@lru_cache(maxsize=1)
def _haystack_rows() -> tuple[Mapping[str, str], ...]:
    return tuple(read_table(_HAYSTACK, ("names", "qudt", "note")))


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
