"""What a point is, for a list that a person reads: label, class, unit, equipment, room, floor, building.

The facts come from a store in small queries, each a walk along a few index ranges, and are joined here: one
query with an OPTIONAL for every column rescans what it joins. Brick's and RealEstateCore's terms are read,
each with its inverse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pyoxigraph import NamedNode

from ontologies.namespaces import BRICK, QUDT, RDF, RDFS, REC, S223, any_brick
from ontologies.point_terms import HAS_POINT, IDS, IS_POINT_OF, LINKS

Rows = Iterable[tuple[str, str]]

_PLACES: tuple[tuple[str, tuple[NamedNode, ...]], ...] = (
    ("building", (*any_brick("Building"), REC["Building"])),
    ("floor", (*any_brick("Floor"), REC["Level"])),
    ("room", (*any_brick("Room"), REC["Room"])),
    ("site", (*any_brick("Site"), REC["Site"])),
    # Everything else that is somewhere; the last, since a building is a space as well.
    ("zone", (*any_brick("HVAC_Zone"), *(v[local] for v in (BRICK, REC) for local in ("Zone", "Space")))),
    ("zone", (REC["HVACZone"], S223["PhysicalSpace"], S223["DomainSpace"])),
)
_PLACE_ORDER = {kind: rank for rank, (kind, _) in reversed(list(enumerate(_PLACES)))}


def _either(forward: Iterable[NamedNode], backward: Iterable[NamedNode] = ()) -> str:
    return "|".join((*sorted(map(str, forward)), *(f"^{term}" for term in sorted(map(str, backward)))))


def _both(local: str) -> tuple[NamedNode, ...]:
    return (*any_brick(local), REC[local])


def _is_point(variable: str) -> str:
    return f"{variable} {_either(LINKS)} ?reference . ?reference {_either(IDS)} ?id ."


_IS_POINT = _is_point("?subject")
_LABELS = (RDFS["label"], REC["name"])
_LOCATED = (*_both("hasLocation"), *any_brick("hasSite"), REC["locatedIn"])
_UNITS = (*any_brick("hasUnit"), QUDT["hasUnit"], QUDT["unit"])


def _pairs(pattern: str) -> str:
    return f"SELECT DISTINCT ?subject ?value WHERE {{ {pattern} }}"


def _place_query() -> str:
    roots = " ".join(f'({root} "{kind}")' for kind, classes in _PLACES for root in classes)
    # The classes first, in a sub-select, so that the types are looked up by class and not scanned.
    classes = (
        f"SELECT DISTINCT ?class ?value WHERE {{ VALUES (?root ?value) {{ {roots} }}"
        f" ?class {RDFS['subClassOf']}* ?root }}"
    )
    return _pairs(f"{{ {classes} }} ?subject {RDF['type']} ?class")


DESCRIBE_POINTS: Mapping[str, str] = {
    "label": _pairs(f"{_IS_POINT} ?subject {_either(_LABELS)} ?value"),
    "class": _pairs(f"{_IS_POINT} ?subject {RDF['type']} ?value FILTER(isIRI(?value))"),
    "unit": _pairs(f"{_IS_POINT} ?subject {_either(_UNITS)} ?value FILTER(!isBlank(?value))"),
    "holder": _pairs(f"?subject {_either(IS_POINT_OF, HAS_POINT)} ?value FILTER(isIRI(?value))"),
    "whole": _pairs(f"?subject {_either(_both('isPartOf'), _both('hasPart'))} ?value"),
    "location": _pairs(f"?subject {_either(_LOCATED, _both('isLocationOf'))} ?value"),
    "fed": _pairs(f"?subject {_either(_both('feeds'), _both('isFedBy'))} ?value"),
    "place": _place_query(),
    "superclass": _pairs(
        f"{{ SELECT DISTINCT ?subject WHERE {{ {_is_point('?point')} ?point {RDF['type']} ?subject }} }}"
        f" ?subject {RDFS['subClassOf']}+ ?value FILTER(isIRI(?value))"
    ),
}
"""SPARQL queries for a union default graph, each with the columns ``?subject`` and ``?value``, in any order.

A point is what has a series reference, as everything has that was imported.
"""


@dataclass(frozen=True, slots=True)
class PointDescription:
    """What is known of a point; IRIs, but for the label. Without a building its site stands for it."""

    point: str
    label: str | None = None
    class_iri: str | None = None
    unit: str | None = None
    equipment: str | None = None
    room: str | None = None
    floor: str | None = None
    building: str | None = None


def describe_points(points: Iterable[str], facts: Mapping[str, Rows]) -> list[PointDescription]:
    """Join the rows of ``DESCRIBE_POINTS``, by the same names, into one description for each point.

    A place is the point's own, else its equipment's, else that of what the equipment is part of, else what
    the equipment feeds; each column is left empty where that leaves a choice.
    """
    building = _Facts(facts)
    return [building.describe(point) for point in points]


class _Facts:
    def __init__(self, facts: Mapping[str, Rows]) -> None:
        def index(name: str) -> Mapping[str, set[str]]:
            values: defaultdict[str, set[str]] = defaultdict(set)
            for subject, value in facts.get(name, ()):
                values[subject].add(value)
            return values

        self._label, self._class, self._unit = index("label"), index("class"), index("unit")
        self._holder, self._whole, self._location = index("holder"), index("whole"), index("location")
        self._fed, self._superclass = index("fed"), index("superclass")
        self._kind = {place: min(kinds, key=_PLACE_ORDER.__getitem__) for place, kinds in index("place").items()}
        self._parts: defaultdict[str, set[str]] = defaultdict(set)
        for part, wholes in self._whole.items():
            for whole in wholes:
                self._parts[whole].add(part)

    def describe(self, point: str) -> PointDescription:
        equipment = self._equipment(point)
        places = list(self._levels(point, equipment))
        return PointDescription(
            point,
            label=min(self._label.get(point, ()), default=None),
            class_iri=self._most_specific(point),
            unit=min(self._unit.get(point, ()), default=None),
            equipment=equipment,
            room=_first(map(self._room, places)),
            floor=_first(self._above(level, "floor") for level in places),
            building=_first(self._above(level, kind) for kind in ("building", "site") for level in places),
        )

    def _most_specific(self, point: str) -> str | None:
        classes = self._class.get(point, set())
        above = {sup for sub in classes for sup in self._superclass.get(sub, ()) if not self._is_a(sup, sub)}
        return min((classes - above) or classes, key=lambda iri: (not iri.startswith(BRICK.iri), iri), default=None)

    def _is_a(self, sub: str, sup: str) -> bool:
        return sup in self._superclass.get(sub, ())

    def _equipment(self, point: str) -> str | None:
        holders = {h for h in self._holders(point) if h not in self._kind}
        outer = {whole for holder in holders for whole in self._closure({holder}) if whole != holder}
        return min(holders - outer or holders, default=None)

    def _holders(self, point: str) -> set[str]:
        return self._holder.get(point) or self._whole.get(point, set())

    def _levels(self, point: str, equipment: str | None) -> Iterator[set[str]]:
        """Yield sets of places, the nearest to the point first."""
        yield self._location.get(point, set()) | {h for h in self._holders(point) if h in self._kind}
        if equipment is None:
            return
        yield self._location.get(equipment, set())
        yield self._closure({equipment}) & self._kind.keys()
        yield self._fed.get(equipment, set()) & self._kind.keys()

    def _room(self, places: set[str]) -> str | None:
        rooms = self._of_kind(places, "room")
        zones = self._of_kind(places, "zone")
        inside = self._of_kind({part for zone in zones for part in self._parts.get(zone, ())}, "room")
        return _only(rooms) or _only(inside) or (None if rooms else _only(zones))

    def _above(self, places: set[str], kind: str) -> str | None:
        inside = {part for zone in self._of_kind(places, "zone") for part in self._parts.get(zone, ())}
        return _only(self._of_kind(self._closure(places | self._of_kind(inside, "room")), kind))

    def _of_kind(self, places: Iterable[str], kind: str) -> set[str]:
        return {place for place in places if self._kind.get(place) == kind}

    def _closure(self, things: set[str]) -> set[str]:
        """Return the things and everything that they are part of or located in."""
        found, edge = set(things), set(things)
        while edge:
            edge = {up for t in edge for up in (*self._whole.get(t, ()), *self._location.get(t, ()))} - found
            found |= edge
        return found


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _only(values: set[str]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None
