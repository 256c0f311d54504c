"""The terms of DTDL and what they stand for: classes, properties, schemas, semantic types and units.

A term is written short where a context defines it (``double``), or as its DTMI
(``dtmi:dtdl:instance:Schema:double;2``). Semantic types are part of DTDL 2, and in DTDL 3 of the
QuantitativeTypes extension.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from ontologies.data_tables import read_table
from ontologies.dtdl.metamodel import ABSTRACT, COMMAND_TYPES, GEOSPATIAL, PRIMITIVES, classes

_DATA = Path(__file__).parent / "data"
QUANTITATIVE = "dtmi:dtdl:extension:quantitativeTypes;1"
IOT_CENTRAL = "dtmi:iotcentral:context;2"
_QUANTITATIVE_TERMS = "dtmi:dtdl:extension:quantitativeTypes:v1"


@dataclass(frozen=True, slots=True)
class Standard:
    """An element that the language itself defines: its DTMI, its term and its class."""

    dtmi: str
    term: str
    kind: str


@dataclass(frozen=True, slots=True)
class SemanticType:
    """A type beside the class of an element: the classes that may have it, and what it asks of them.

    ``unit_type`` is the class of its ``unit``; ``schemas`` are the schemas that it allows, by term.
    """

    term: str
    classes: tuple[str, ...]
    unit_type: str | None = None
    unit_needed: bool = True
    schemas: frozenset[str] | None = None
    abstract: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What each term and each DTMI means where a context is in force."""

    classes: Mapping[str, str]
    abstract: frozenset[str]
    properties: Mapping[str, str]
    standards: Mapping[str, Standard]
    semantic: Mapping[str, SemanticType]

    def defines(self, term: str) -> bool:
        return (
            term in self.classes
            or term in self.abstract
            or term in self.properties
            or term in self.standards
            or term in self.semantic
        )


@lru_cache(maxsize=16)
def vocabulary(version: int, extensions: frozenset[str]) -> Vocabulary:
    """Return the terms of a version of DTDL with the extensions whose contexts are in force."""
    table = classes(version)
    names = {p.name for properties in table.values() for p in properties.values()} | {"languageMajorVersion"}
    semantic, units = _semantic(version, extensions)
    properties = _both(names, f"dtmi:dtdl:property:{{}};{version}")
    if version == 2:
        properties |= _both({"unit"}, "dtmi:dtdl:property:{};2")
    elif QUANTITATIVE in extensions:
        properties |= _both({"unit"}, f"{_QUANTITATIVE_TERMS}:property:{{}}")
    return Vocabulary(
        MappingProxyType(_both(table, f"dtmi:dtdl:class:{{}};{version}")),
        frozenset(_both(ABSTRACT, f"dtmi:dtdl:class:{{}};{version}")) | {unit.kind for unit in units.values()},
        MappingProxyType(properties),
        MappingProxyType(_standards(version, extensions) | units),
        MappingProxyType(semantic),
    )


def _both(names: Mapping[str, object] | set[str] | tuple[str, ...], pattern: str) -> dict[str, str]:
    """Return the name for each name, and for the DTMI that it stands for."""
    return {key: name for name in names for key in (name, pattern.format(name))}


def _standards(version: int, extensions: frozenset[str]) -> dict[str, Standard]:
    groups = [
        ("PrimitiveSchema", PRIMITIVES, f"dtmi:dtdl:instance:Schema:{{}};{version}"),
        ("GeospatialSchema", GEOSPATIAL, f"dtmi:standard:schema:geospatial:{{}};{version}"),
        ("CommandType", COMMAND_TYPES, f"dtmi:dtdl:instance:CommandType:{{}};{version}"),
    ]
    if IOT_CENTRAL in extensions:
        groups.append(("IotCentralSchema", ("geopoint", "vector"), "dtmi:iotcentral:schema:{};2"))
    return {
        key: Standard(dtmi, term, kind)
        for kind, terms, pattern in groups
        for term in terms
        for dtmi in (pattern.format(term),)
        for key in (term, dtmi)
    }


def _semantic(version: int, extensions: frozenset[str]) -> tuple[dict[str, SemanticType], dict[str, Standard]]:
    types: dict[str, SemanticType] = {}
    units: dict[str, Standard] = {}
    if version == 2 or QUANTITATIVE in extensions:
        pattern = "dtmi:standard:{}:{};2" if version == 2 else f"{_QUANTITATIVE_TERMS}:{{}}:{{}}"
        for row in read_table(_DATA / "semantic_types.csv", ("type", "unit_type", "since")):
            if int(row["since"]) <= version:
                kind = SemanticType(row["type"], _QUANTIFIED[version], row["unit_type"])
                types |= dict.fromkeys((row["type"], pattern.format("class", row["type"])), kind)
        for row in read_table(_DATA / "units.csv", ("unit", "unit_type", "since")):
            if int(row["since"]) <= version:
                dtmi = pattern.format("unit", row["unit"])
                units |= dict.fromkeys((row["unit"], dtmi), Standard(dtmi, row["unit"], row["unit_type"]))
    types["SemanticType"] = SemanticType("SemanticType", (), abstract=True)
    if IOT_CENTRAL in extensions:
        types |= _iot_central()
    return types, units


_QUANTIFIED = {
    2: ("Property", "Telemetry"),
    3: ("CommandRequest", "CommandResponse", "Field", "MapValue", "Property", "Telemetry"),
}


def _iot_central() -> dict[str, SemanticType]:
    asked = {
        "AccelerationVector": (("vector",), "AccelerationUnit"),
        "Event": (("integer", "string"), None),
        "Location": (("geopoint", *GEOSPATIAL), None),
        "State": (("Enum",), None),
        "VelocityVector": (("vector",), "VelocityUnit"),
    }
    both = ("Property", "Telemetry")
    return {
        key: SemanticType(
            name,
            ("Telemetry",) if name == "Event" else both,
            unit_type,
            unit_needed=False,
            schemas=frozenset(schemas),
        )
        for name, (schemas, unit_type) in asked.items()
        for key in (name, f"dtmi:iotcentral:class:{name};2")
    }
