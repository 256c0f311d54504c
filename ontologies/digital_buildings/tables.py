"""The tables between Digital Buildings and Brick, and how a field is read by them, subfield by subfield."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pyoxigraph import NamedNode

from ontologies.data_tables import read_table
from ontologies.namespaces import BRICK, PREFIXES, UNIT
from ontologies.tagging.classes import PointClass, point_classes
from ontologies.units import bacnet_unit, bacnet_units

# A field that would be a standard one, did it not lack the units or states that these must have (see ``choosing``).
_WITHOUT_RULES = "value"
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class FieldClass:
    """What a field is in Brick: its class, and the subfields that the class does not say."""

    iri: NamedNode
    unsaid: tuple[str, ...]


@lru_cache(maxsize=1)
def connection_kinds() -> Mapping[str, NamedNode | None]:
    """Return each kind of connection, and the relation from source to target that it is."""
    rows = read_table(_DATA / "connections.csv", ("kind", "relation"))
    return MappingProxyType({row["kind"]: _term(row["relation"]) for row in rows})


@lru_cache(maxsize=1)
def _types() -> Mapping[tuple[str, str], NamedNode]:
    rows = read_table(_DATA / "types.csv", ("namespace", "name", "class"))
    return MappingProxyType({(row["namespace"], row["name"]): _sure(row["class"]) for row in rows})


def class_of_type(name: str) -> NamedNode | None:
    """Return the class of a type such as ``HVAC/FCU_DFSS``: that of its namespace and the first part of its name."""
    namespace, _, local = name.rpartition("/")
    first = local.split("_")[0].upper()
    return _types().get((namespace, first)) or _types().get(("", first))


@lru_cache(maxsize=1)
def _subfields() -> Mapping[str, tuple[str, ...]]:
    rows = read_table(_DATA / "subfields.csv", ("subfield", "words"))
    return MappingProxyType({row["subfield"]: tuple(row["words"].split()) for row in rows})


@lru_cache(maxsize=1)
def _point_types() -> Mapping[str, str | None]:
    rows = read_table(_DATA / "point_types.csv", ("point_type", "kind"))
    return MappingProxyType({row["point_type"]: row["kind"] or None for row in rows})


@lru_cache(maxsize=8192)
def class_of_field(name: str) -> FieldClass | None:
    """Return what a field is in Brick, None for a name that is no field.

    Its last subfield is the type of point, which is the class's kind. Of the classes of that kind all of whose
    words the other subfields say, the one with the most telling words is chosen; the first by name of equals.
    """
    parts = [part for part in name.lower().split("_") if not part.isdecimal()]
    if parts[-1:] == [_WITHOUT_RULES]:
        del parts[-1]
    if not parts or parts[-1] not in _point_types():
        return None
    kind = _point_types()[parts[-1]]
    said = dict(_read(parts))
    words = frozenset(word for found in said.values() for word in found)
    chosen = _best(kind, words)
    unsaid = tuple(part for part, found in said.items() if not found or not set(found) <= chosen.words)
    return FieldClass(NamedNode(chosen.iri), unsaid)


def _read(parts: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the subfields, two side by side where these mean something together, each with its words."""
    at = 0
    while at < len(parts) - 1:
        both = "_".join(parts[at : at + 2])
        length = 2 if both in _subfields() else 1
        name = both if length > 1 else parts[at]
        yield name, _subfields().get(name, (name,))
        at += length
    if parts[-1] == "mode" and at < len(parts):
        yield "mode", ("mode",)


def _best(kind: str | None, words: frozenset[str]) -> PointClass:
    known = point_classes()
    fitting = [found for found in known.classes if found.kind == kind and found.words <= words]
    if kind is None or not fitting:
        wanted = kind.title() if kind else "Point"
        return next(found for found in known.classes if found.name == wanted)
    return max(fitting, key=lambda found: (sum(known.weights[word] for word in found.words), _reversed(found.name)))


def _reversed(name: str) -> tuple[int, ...]:
    """Return a key by which the first name in order is the greatest."""
    return tuple(-ord(character) for character in name)


@lru_cache(maxsize=1)
def _units() -> Mapping[str, NamedNode | None]:
    rows = read_table(_DATA / "units.csv", ("unit", "qudt"))
    return MappingProxyType({row["unit"]: UNIT[row["qudt"]] if row["qudt"] else None for row in rows})


def unit_of(name: str) -> NamedNode | None:
    """Return QUDT's unit for a unit of Digital Buildings, None where it has none."""
    if name in _units():
        return _units()[name]
    known = bacnet_unit(name.replace("_", "-"))
    return known.qudt if known is not None else None


def _term(text: str) -> NamedNode | None:
    return _sure(text) if text else None


def _sure(text: str) -> NamedNode:
    prefix, _, local = text.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


GENERIC = BRICK["Equipment"]


@lru_cache(maxsize=1)
def _unit_names() -> Mapping[str, str]:
    own = {unit.value: name for name, unit in sorted(_units().items(), reverse=True) if unit is not None}
    others = {
        unit.qudt.value: name.replace("-", "_") for name, unit in bacnet_units().items() if unit.qudt is not None
    }
    return MappingProxyType(others | own)


def unit_named(term: object) -> str | None:
    """Return what Digital Buildings calls a unit of QUDT, None for anything that it does not name."""
    return _unit_names().get(term.value) if isinstance(term, NamedNode) else None
