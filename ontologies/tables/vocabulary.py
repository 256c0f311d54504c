"""What cells say: classes, units and BACnet objects, in the ways in which lists of points write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pyoxigraph import NamedNode

from ontologies.catalog import find
from ontologies.data_tables import read_table
from ontologies.formats import repair_iri
from ontologies.namespaces import BRICK, OWL, PREFIXES, RDF, REC, UNIT
from ontologies.tagging.tokens import fold
from ontologies.units import bacnet_unit, bacnet_units

_DATA = Path(__file__).parent / "data"
_SIGNS = re.compile(r"[^a-z0-9]+")
_OBJECT = re.compile(r"([A-Za-z][A-Za-z -]*?)[\s:,;.#-]*(\d+)")
_COMMON_UNITS = {
    "degc": "degrees-celsius",
    "c": "degrees-celsius",
    "celsius": "degrees-celsius",
    "degf": "degrees-fahrenheit",
    "f": "degrees-fahrenheit",
    "fahrenheit": "degrees-fahrenheit",
    "rh": "percent-relative-humidity",
    "%rh": "percent-relative-humidity",
    "% rh": "percent-relative-humidity",
    "%r.h.": "percent-relative-humidity",
    "pct": "percent",
    "l/s": "liters-per-second",
    "m3/h": "cubic-meters-per-hour",
    "m³/h": "cubic-meters-per-hour",
    "cfm": "cubic-feet-per-minute",
    "gpm": "us-gallons-per-minute",
    "psi": "pounds-force-per-square-inch",
    "inwc": "inches-of-water",
    "in wc": "inches-of-water",
    "inh2o": "inches-of-water",
    "ppm": "parts-per-million",
    "rpm": "revolutions-per-minute",
    "btu/h": "btus-per-hour",
    "tons": "tons-refrigeration",
}


def plain(text: str) -> str:
    """Return a text in small letters and digits only, with one space between words."""
    return _SIGNS.sub(" ", fold(text).lower()).strip()


@lru_cache(maxsize=1)
def _classes() -> Mapping[str, NamedNode]:
    found: dict[str, NamedNode] = {}
    for quad in find("brick").quads():
        node = quad.subject
        if quad.predicate == RDF["type"] and quad.object == OWL["Class"] and isinstance(node, NamedNode):
            for space in (REC, BRICK):
                if node in space:
                    name = plain(node.value.removeprefix(space.iri)).replace(" ", "")
                    if space is BRICK or name not in found:
                        found[name] = node
    return MappingProxyType(found)


def class_named(text: str) -> NamedNode | None:
    """Return the class of Brick or RealEstateCore that a cell names: an IRI, ``brick:X``, or its words."""
    if text.startswith(("http://", "https://", "urn:")):
        return NamedNode(repair_iri(text))
    prefix, colon, local = text.partition(":")
    if colon and prefix in PREFIXES and local and " " not in text:
        return NamedNode(repair_iri(PREFIXES[prefix] + local))
    return _classes().get(plain(text).replace(" ", ""))


@lru_cache(maxsize=1)
def _units() -> Mapping[str, str]:
    table: dict[str, str] = {}
    for name, unit in bacnet_units().items():
        spelt = (name, name.replace("-", " "), name.replace("-", "_"), unit.ucum, unit.haystack)
        for text in (*spelt, unit.qudt and unit.qudt.value.removeprefix(UNIT.iri)):
            if text:
                table.setdefault(text, name)
    return MappingProxyType(table)


def unit_named(text: str) -> str | None:
    """Return BACnet's name of the unit that a cell names, by its own, UCUM's, Haystack's or QUDT's, or as usual."""
    if text in _units():
        return _units()[text]
    bare = text.replace("°", "deg").replace("unit:", "").strip()
    folded = {name.lower(): known for name, known in reversed(list(_units().items()))}
    joined = bare.lower().replace(" ", "").replace("deg.", "deg")
    return (
        _units().get(bare) or _COMMON_UNITS.get(bare.lower()) or folded.get(bare.lower()) or _COMMON_UNITS.get(joined)
    )


def qudt_of(unit: str) -> NamedNode | None:
    """Return QUDT's unit for one of BACnet's by name."""
    known = bacnet_unit(unit)
    return known.qudt if known is not None else None


@lru_cache(maxsize=1)
def _object_types() -> Mapping[str, str]:
    table: dict[str, str] = {}
    for row in read_table(_DATA / "object_types.csv", ("number", "name", "short")):
        for text in (row["number"], row["name"], row["short"], row["name"].replace("multi-state", "multistate")):
            if text:
                table[plain(text).replace(" ", "")] = row["name"]
    return MappingProxyType(table)


def object_type(text: str) -> str | None:
    """Return BACnet's name of an object type that a cell names: by number, name or short name."""
    return _object_types().get(plain(text).replace(" ", ""))


def object_named(text: str) -> tuple[str, int] | None:
    """Return the type and instance of a BACnet object: ``analog-input,3``, ``AI:3``, ``AI3``, ``Analog Input 3``."""
    found = _OBJECT.fullmatch(text.strip())
    kind = object_type(found[1]) if found else None
    return (kind, int(found[2])) if found and kind is not None else None


@lru_cache(maxsize=1)
def _object_numbers() -> Mapping[str, int]:
    rows = read_table(_DATA / "object_types.csv", ("number", "name", "short"))
    return MappingProxyType({row["name"]: int(row["number"]) for row in rows})


def object_number(name: str) -> int | None:
    """Return the number of an object type; None for one that is not BACnet's."""
    return _object_numbers().get(name)
