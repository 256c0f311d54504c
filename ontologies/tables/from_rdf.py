"""Points, equipment and places of a model as rows: what ``to_rdf`` reads, under the names of its roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from ontologies.identifiers import NOTATION
from ontologies.models.form import Options
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import BACNET_2020, BRICK, QUDT, RDF, RDFS, REC, REF, TWH, compact, modern_quads
from ontologies.points import find_points
from ontologies.tables.mapping import Role
from ontologies.tables.to_rdf import COLUMN, UNIT_TEXT
from ontologies.tagging.classes import point_classes

_TYPE = RDF["type"]
POINT_ROLES = (
    *(Role.ID, Role.NAME, Role.LABEL, Role.CLASS, Role.UNIT, Role.EQUIPMENT, Role.EQUIPMENT_CLASS, Role.ROOM),
    *(
        Role.FLOOR,
        Role.BUILDING,
        Role.SERIES,
        Role.STORED_AT,
        Role.BACNET_DEVICE,
        Role.BACNET_OBJECT,
        Role.DESCRIPTION,
    ),
)
EQUIPMENT_ROLES = (
    *(Role.ID, Role.LABEL, Role.CLASS, Role.ROOM, Role.FLOOR, Role.BUILDING, Role.FEEDS, Role.PART_OF),
    Role.DESCRIPTION,
)
PLACE_ROLES = (Role.ID, Role.LABEL, Role.CLASS, Role.PART_OF, Role.DESCRIPTION)
_HAS_POINT, _IS_POINT_OF = (BRICK["hasPoint"], REC["hasPoint"]), (BRICK["isPointOf"], REC["isPointOf"])
_LOCATED = (BRICK["hasLocation"], REC["locatedIn"])
_LOCATES = (BRICK["isLocationOf"], REC["isLocationOf"])
_PART_OF, _HAS_PART = (BRICK["isPartOf"], REC["isPartOf"]), (BRICK["hasPart"], REC["hasPart"])
_FEEDS, _FED_BY = (BRICK["feeds"], REC["feeds"]), (BRICK["isFedBy"], REC["isFedBy"])
_PLACES = {
    **dict.fromkeys((REC["Room"], BRICK["Room"]), Role.ROOM),
    **dict.fromkeys((REC["Level"], BRICK["Floor"]), Role.FLOOR),
    **dict.fromkeys((REC["Building"], BRICK["Building"]), Role.BUILDING),
}
_SAID = frozenset(
    (
        *(_TYPE, RDFS["label"], RDFS["comment"], BRICK["hasUnit"], REF["hasExternalReference"], UNIT_TEXT, NOTATION),
        *(TWH["classStatus"], TWH["confidence"], TWH["reason"]),
        *(*_HAS_POINT, *_IS_POINT_OF, *_LOCATED, *_LOCATES, *_PART_OF, *_HAS_PART, *_FEEDS, *_FED_BY),
    )
)

Term = NamedNode | BlankNode | Literal


@dataclass(frozen=True, slots=True)
class Table:
    """A table to be written: its columns, and its rows, as wide as these."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)


class FromRdf:
    """Turns quads into a table of points, one of equipment, and one of rooms, floors and buildings."""

    def __init__(self, quads: Iterable[Quad], options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        listed = list(modern_quads(quads))
        self._out: defaultdict[object, defaultdict[NamedNode, list[Term]]] = defaultdict(lambda: defaultdict(list))
        self._in: defaultdict[object, defaultdict[NamedNode, list[NamedNode]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for quad in sorted(listed, key=str):
            if isinstance(quad.object, (NamedNode, BlankNode, Literal)):
                self._out[quad.subject][quad.predicate].append(quad.object)
                if isinstance(quad.subject, NamedNode):
                    self._in[quad.object][quad.predicate].append(quad.subject)
        classes = {known.iri for known in point_classes().classes}
        self._points = {NamedNode(found.point) for found in find_points(listed)} | {
            node
            for node, said in self._out.items()
            if isinstance(node, NamedNode)
            and any(isinstance(term, NamedNode) and term.value in classes for term in said.get(_TYPE, ()))
        }

    def tables(self) -> tuple[Table, Table, Table]:
        """Return the points, the equipment and the places, sorted by IRI."""
        points = sorted(self._points, key=lambda node: node.value)
        named = [node for node in list(self._out) if isinstance(node, NamedNode)]
        equipment = sorted(filter(self._is_equipment, named), key=lambda node: node.value)
        places = sorted(filter(self._is_place, named), key=lambda node: node.value)
        self._report.counts.update(points=len(points), equipment=len(equipment), places=len(places))
        self._report_unsaid([*points, *equipment, *places])
        return (
            self._table(POINT_ROLES, points, self._point_cells),
            self._table(EQUIPMENT_ROLES, equipment, self._equipment_cells),
            self._table(PLACE_ROLES, places, self._place_cells),
        )

    def _is_place(self, node: NamedNode) -> bool:
        return any(term in _PLACES for term in self._out[node].get(_TYPE, ()))

    def _is_equipment(self, node: NamedNode) -> bool:
        if node in self._points:
            return False
        types = [term for term in self._out[node].get(_TYPE, ()) if isinstance(term, NamedNode)]
        return any(term in BRICK or term in REC for term in types) and not any(term in _PLACES for term in types)

    def _table(
        self, roles: tuple[Role, ...], nodes: list[NamedNode], cells: Callable[[NamedNode], dict[Role, str]]
    ) -> Table:
        kept = sorted({term.value for node in nodes for term in self._out[node] if term in COLUMN})
        table = Table((*(role.value for role in roles), *(unquote(name.removeprefix(COLUMN.iri)) for name in kept)))
        for node in nodes:
            found = cells(node)
            others = tuple(self._literal(node, NamedNode(name)) for name in kept)
            table.rows.append((*(found.get(role, "") for role in roles), *others))
        return table

    def _point_cells(self, node: NamedNode) -> dict[Role, str]:
        cells = self._common(node)
        if cells[Role.ID] == node.value:
            cells[Role.NAME] = self._literal(node, NOTATION)
        cells[Role.UNIT] = next(
            (compact(unit.value).removeprefix("unit:") for unit in self._nodes(node, BRICK["hasUnit"])),
            self._literal(node, UNIT_TEXT),
        )
        holders = [*self._sources(node, *_HAS_POINT), *self._nodes(node, *_IS_POINT_OF)]
        holder = next((each for each in holders if self._is_equipment(each)), None)
        if holder is not None:
            cells[Role.EQUIPMENT] = self._id(holder)
            cells[Role.EQUIPMENT_CLASS] = self._classes(holder)
        cells |= self._where(holder if holder is not None else node, [each for each in holders if each != holder])
        return cells | self._references(node)

    def _equipment_cells(self, node: NamedNode) -> dict[Role, str]:
        cells = self._common(node) | self._where(node, [])
        fed = {*self._nodes(node, *_FEEDS), *self._sources(node, *_FED_BY)}
        cells[Role.FEEDS] = "; ".join(sorted(map(self._id, fed)))
        return cells | self._wholes(node)

    def _place_cells(self, node: NamedNode) -> dict[Role, str]:
        return self._common(node) | self._wholes(node)

    def _wholes(self, node: NamedNode) -> dict[Role, str]:
        wholes = {*self._nodes(node, *_PART_OF), *self._sources(node, *_HAS_PART)}
        return {Role.PART_OF: "; ".join(sorted(map(self._id, wholes)))}

    def _common(self, node: NamedNode) -> dict[Role, str]:
        return {
            Role.ID: self._id(node),
            Role.LABEL: self._literal(node, RDFS["label"]),
            Role.CLASS: self._classes(node),
            Role.DESCRIPTION: self._literal(node, RDFS["comment"]),
        }

    def _id(self, node: NamedNode) -> str:
        """Return what gives an entity its IRI again: what is after the base, or else all of it."""
        local = unquote(node.value.removeprefix(self._options.base))
        return local if node.value.startswith(self._options.base) and "/" not in local else node.value

    def _classes(self, node: NamedNode) -> str:
        return "; ".join(compact(term.value) for term in self._nodes(node, _TYPE))

    def _where(self, node: NamedNode, nearer: list[NamedNode]) -> dict[Role, str]:
        """Return the room, floor and building of an entity, by what it is located in and part of."""
        found: dict[Role, NamedNode] = {}
        waiting = [*nearer, *self._nodes(node, *_LOCATED), *self._sources(node, *_LOCATES)]
        seen: set[NamedNode] = set()
        while waiting:
            place = waiting.pop(0)
            if place in seen:
                continue
            seen.add(place)
            role = next((_PLACES[term] for term in self._nodes(place, _TYPE) if term in _PLACES), None)
            if role is not None:
                found.setdefault(role, place)
            waiting += [*self._nodes(place, *_PART_OF), *self._sources(place, *_HAS_PART)]
        building = self._id(found[Role.BUILDING]) if Role.BUILDING in found else None
        return {role: self._place(place, building if role is Role.FLOOR else None) for role, place in found.items()}

    def _place(self, place: NamedNode, building: str | None) -> str:
        """Return what gives a place its IRI again: its name below its building's, or all of it."""
        inside = f"{self._options.base}{quote(building, safe='')}/" if building is not None else ""
        local = place.value.removeprefix(inside) if inside else ""
        return unquote(local) if inside and local != place.value and "/" not in local else self._id(place)

    def _references(self, node: NamedNode) -> dict[Role, str]:
        cells: dict[Role, str] = {}
        for term in self._out[node].get(REF["hasExternalReference"], ()):
            said = self._out[term]
            for predicate, role in (
                (REF["hasTimeseriesId"], Role.SERIES),
                (REF["storedAt"], Role.STORED_AT),
                (BACNET_2020["object-identifier"], Role.BACNET_OBJECT),
            ):
                values = [value.value for value in said.get(predicate, ()) if isinstance(value, Literal)]
                if values:
                    cells.setdefault(role, values[0])
            uri = next((value.value for value in said.get(REF["BACnetURI"], ()) if isinstance(value, Literal)), "")
            if uri.startswith("bacnet://"):
                cells.setdefault(Role.BACNET_DEVICE, uri.removeprefix("bacnet://").partition("/")[0])
        return cells

    def _nodes(self, node: NamedNode, *predicates: NamedNode) -> list[NamedNode]:
        said = self._out[node]
        return [term for each in predicates for term in said.get(each, ()) if isinstance(term, NamedNode)]

    def _sources(self, node: NamedNode, *predicates: NamedNode) -> list[NamedNode]:
        return [term for each in predicates for term in self._in[node].get(each, ())]

    def _literal(self, node: NamedNode, predicate: NamedNode) -> str:
        return next((term.value for term in self._out[node].get(predicate, ()) if isinstance(term, Literal)), "")

    def _report_unsaid(self, nodes: list[NamedNode]) -> None:
        counts: defaultdict[str, int] = defaultdict(int)
        for node in nodes:
            for predicate, found in self._out[node].items():
                if predicate not in _SAID and predicate not in COLUMN and predicate not in QUDT:
                    counts[predicate.value] += len(found)
        for iri, count in sorted(counts.items()):
            self._report.add(NOT_EXPRESSED, iri, f"{count} statements: the tables have no column for it", count)
