"""Brick's classes of points, each as the words of its name and its kind: read from the packaged ontology."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import NamedNode, Quad

from ontologies.catalog import find
from ontologies.namespaces import BRICK, OWL, RDFS

KINDS = ("sensor", "setpoint", "command", "status", "alarm", "parameter", "limit")

# One thing measured, commanded or set: a unit of one of them rules the others out.
QUANTITIES = frozenset(
    {
        "temperature",
        "pressure",
        "flow",
        "humidity",
        "power",
        "energy",
        "current",
        "voltage",
        "frequency",
        "speed",
        "position",
        "enthalpy",
        "dewpoint",
        "co2",
        "co",
        "no2",
        "tvoc",
        "illuminance",
        "luminance",
        "torque",
        "irradiance",
        "conductivity",
        "pm1",
        "pm10",
        "pm2.5",
        "ozone",
        "level",
        "time",
        "usage",
    }
)


# What tells one of several such points from another: nobody means it without saying so.
QUALIFIERS = frozenset(
    {
        "average",
        "coldest",
        "warmest",
        "highest",
        "lowest",
        "occupied",
        "unoccupied",
        "standby",
        "high",
        "medium",
        "low",
        "max",
        "min",
        "differential",
        "effective",
        "enable",
        "disable",
        "reset",
        "integral",
        "proportional",
        "derivative",
        "lead",
        "lag",
        "warm",
        "cold",
        "fixed",
    }
)


@dataclass(frozen=True, slots=True)
class PointClass:
    """A class, the words that tell it from others of its kind, and the kind: one of `KINDS`, or None for Point."""

    iri: str
    name: str
    kind: str | None
    words: frozenset[str]

    @property
    def quantities(self) -> frozenset[str]:
        return self.words & QUANTITIES


@dataclass(frozen=True, slots=True)
class PointClasses:
    """All classes to choose from, by name, and how much each word tells (0 to about 2)."""

    classes: tuple[PointClass, ...]
    weights: dict[str, float]
    replaced: dict[str, str]


@lru_cache(maxsize=1)
def point_classes() -> PointClasses:
    """Return the classes of points of the packaged Brick that are not deprecated."""
    quads = list(find("brick").quads())
    below: defaultdict[object, set[NamedNode]] = defaultdict(set)
    for quad in quads:
        if quad.predicate == RDFS["subClassOf"] and isinstance(quad.subject, NamedNode):
            below[quad.object].add(quad.subject)
    gone = {quad.subject for quad in quads if quad.predicate == OWL["deprecated"]}
    found = {iri.value for iri in _closure(BRICK["Point"], below) if iri in BRICK and iri not in gone}
    classes = tuple(sorted(map(_point_class, found), key=lambda c: c.name))
    return PointClasses(classes, _weights(classes), _replaced(quads))


def _closure(root: NamedNode, below: defaultdict[object, set[NamedNode]]) -> set[NamedNode]:
    found, edge = {root}, {root}
    while edge:
        edge = {lower for upper in edge for lower in below.get(upper, ())} - found
        found |= edge
    return found


def _point_class(iri: str) -> PointClass:
    name = iri.removeprefix(BRICK.iri)
    words = [word.lower() for word in name.split("_")]
    kind = next((word for word in reversed(words) if word in KINDS), None)
    # In Setpoint_Limit it is the limit that is meant.
    rest = frozenset(words) - {kind} - ({"setpoint"} if kind == "limit" else set())
    return PointClass(iri, name, kind, rest)


def _weights(classes: tuple[PointClass, ...]) -> dict[str, float]:
    """Weigh each word by how few classes have it, within bounds."""
    count = Counter(word for found in classes for word in found.words)
    return {word: min(1.6, max(0.7, math.log(len(classes) / number) / 3)) for word, number in sorted(count.items())}


def _replaced(quads: list[Quad]) -> dict[str, str]:
    return {
        quad.subject.value: quad.object.value
        for quad in quads
        if quad.predicate == BRICK["isReplacedBy"]
        and isinstance(quad.subject, NamedNode)
        and isinstance(quad.object, NamedNode)
    }
