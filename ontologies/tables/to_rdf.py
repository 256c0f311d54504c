"""Rows of points and equipment into quads.

A row's entity is ``<base><id>``; a point that has a name only is below its equipment, where it has one, since names
repeat. Classes are those that the table names. Where it names none they are proposed by the point's texts, as those
of BACnet objects, and say so (``twh:classStatus``). A column without a role is ``urn:twinhouse:column:<name>``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.errors import FormatError
from ontologies.formats import repair_iri
from ontologies.identifiers import Scheme, identifier_quad
from ontologies.identity import parse_uuid, reference_iri, series_uuid
from ontologies.models.form import Options
from ontologies.models.report import NOT_UNDERSTOOD, RENAMED, WITHOUT_CLASS, Report
from ontologies.namespaces import BACNET_2020, BRICK, QUDT, RDF, RDFS, REC, REF, TWH, XSD, Namespace
from ontologies.tables.mapping import POINTS, ColumnMapping, Role
from ontologies.tables.sheets import Row, Sheet
from ontologies.tables.vocabulary import class_named, object_named, object_type, qudt_of, unit_named
from ontologies.tagging.evidence import PointText
from ontologies.tagging.places import equipment_named
from ontologies.tagging.proposals import chosen_of, class_iri
from ontologies.tagging.suggesting import Guess, suggest
from ontologies.tagging.vocabulary import standard_vocabulary
from ontologies.units import bacnet_unit

COLUMN = Namespace("urn:twinhouse:column:")
UNIT_TEXT = TWH["unitText"]
_SEPARATED = re.compile(r"\s*[;|]\s*|\s*,\s+|\s*\n\s*")
_IRI = re.compile(r"(?:https?://|urn:)\S+")
_PLACES = ((Role.ROOM, REC["Room"]), (Role.FLOOR, REC["Level"]), (Role.BUILDING, REC["Building"]))
_PLACE_CLASSES = frozenset((*(kind for _, kind in _PLACES), *(BRICK[name] for name in ("Room", "Floor", "Building"))))


@dataclass(slots=True)
class _Point:
    node: NamedNode
    row: Row
    text: PointText
    classes: list[NamedNode] = field(default_factory=list)


class ToRdf:
    """Turns one table into quads."""

    def __init__(self, sheet: Sheet, mapping: ColumnMapping, options: Options, report: Report) -> None:
        self._sheet = sheet
        self._mapping = mapping
        self._options = options
        self._report = report
        self._at = {role: sheet.header.cells.index(name) for name, role in mapping.columns.items()}
        self._kept = [
            (sheet.header.cells.index(name), name) for name, role in mapping.columns.items() if role is Role.KEEP
        ]
        self._seen: dict[NamedNode, int] = {}
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._written: set[Quad] = set()

    def quads(self) -> Iterator[Quad]:
        """Yield the quads, each once; the report is complete once the last one has been."""
        self._show_mapping()
        self._show_odd_cells()
        rows = self._points() if self._mapping.kind == POINTS else self._equipments()
        for quad in rows:
            if quad not in self._written:
                self._written.add(quad)
                yield quad
        for (what, text), count in sorted(self._unknown.items()):
            self._report.add(WITHOUT_CLASS, text, f"no {what} is called so ({count} rows)", count)

    def _show_mapping(self) -> None:
        where = f"{self._sheet.name}: " if self._sheet.name else ""
        for name, role in self._mapping.columns.items():
            if role is Role.KEEP:
                self._report.add(NOT_UNDERSTOOD, f"{where}column {name}", "plays no role; it is kept with its name")
            elif role is not Role.IGNORE:
                self._report.add(
                    RENAMED, f"{where}column {name}", f"read as the {role.value} of {self._mapping.kind}"
                )

    def _show_odd_cells(self) -> None:
        width = len(self._sheet.header.cells)
        for row in self._sheet.rows:
            beyond = [cell for cell in row.cells[width:] if cell]
            if beyond:
                texts = ", ".join(map(repr, beyond[:3]))
                message = f"no column has a name for {texts}; is a separator in a cell without quotes?"
                self._report.add(NOT_UNDERSTOOD, self._where(row), message)

    def _cell(self, row: Row, role: Role) -> str | None:
        at = self._at.get(role)
        return row.cells[at] or None if at is not None and at < len(row.cells) else None

    def _quad(self, subject: NamedNode, predicate: NamedNode, term: NamedNode | Literal) -> Quad:
        return Quad(subject, predicate, term, self._options.graph)

    def _node(self, *path: str) -> NamedNode:
        if _IRI.fullmatch(path[-1]):
            return NamedNode(repair_iri(path[-1]))
        return NamedNode(self._options.base + "/".join(quote(part, safe="") for part in path))

    def _key(self, row: Row) -> NamedNode:
        """Return a row's entity. Raises FormatError for a row without a name, and one whose name is there already."""
        identifier, name = self._cell(row, Role.ID), self._cell(row, Role.NAME)
        equipment = self._cell(row, Role.EQUIPMENT) if self._mapping.kind == POINTS else None
        if identifier is not None:
            node = self._node(identifier)
        elif name is not None:
            node = self._node(*filter(None, (equipment, name)))
        else:
            raise FormatError(f"{self._where(row)}: no id and no name in this row", line=row.number)
        if node in self._seen:
            message = f"{identifier or name} is there already, in row {self._seen[node]}; give each an id of its own"
            raise FormatError(f"{self._where(row)}: {message}", line=row.number)
        self._seen[node] = row.number
        return node

    def _where(self, row: Row) -> str:
        return f"sheet {self._sheet.name}, row {row.number}" if self._sheet.name else f"line {row.number}"

    def _points(self) -> Iterator[Quad]:
        points = [_Point(self._key(row), row, self._text(row)) for row in self._sheet.rows]
        self._report.counts["points"] += len(points)
        for point in points:
            point.classes = list(self._classes(point.row, Role.CLASS))
        open_ones = [point for point in points if not point.classes]
        guesses = suggest([point.text for point in open_ones]) if open_ones else []
        proposed = {point.node: guess for point, guess in zip(open_ones, guesses, strict=True)}
        for point in points:
            yield from self._point(point, proposed.get(point.node))

    def _text(self, row: Row) -> PointText:
        unit = unit_named(self._cell(row, Role.UNIT) or "")
        known = bacnet_unit(unit)
        named = self._object(row)
        name = self._cell(row, Role.NAME) or self._cell(row, Role.LABEL) or self._cell(row, Role.ID) or ""
        context = (self._cell(row, Role.EQUIPMENT), self._cell(row, Role.EQUIPMENT_CLASS))
        return PointText(
            name,
            self._cell(row, Role.DESCRIPTION) or "",
            named[0] if named else object_type(self._cell(row, Role.OBJECT_TYPE) or ""),
            unit,
            known.quantity if known else None,
            context=tuple(text for text in context if text),
        )

    def _classes(self, row: Row, role: Role) -> Iterator[NamedNode]:
        cell = self._cell(row, role)
        for text in _SEPARATED.split(cell) if cell else ():
            found = class_named(text)
            if found is not None:
                yield found
            else:
                self._unknown["class", text] += 1

    def _point(self, point: _Point, guess: Guess | None) -> Iterator[Quad]:
        node, row = point.node, point.row
        for found in point.classes:
            yield self._quad(node, RDF["type"], found)
        if guess is not None:
            yield from self._proposed(node, guess)
        named = (self._cell(row, Role.ID), self._cell(row, Role.NAME))
        name = next((text for text in named if text is not None and not _IRI.fullmatch(text)), None)
        if name is not None:
            yield identifier_quad(node, Scheme.TABLE, name, self._options.graph)
        yield from self._texts(node, row)
        yield from self._unit(node, row)
        yield from self._series(node, row)
        yield from self._bacnet(node, row)
        holder = self._cell(row, Role.EQUIPMENT)
        places = list(self._places(row))
        if holder is not None:
            equipment = self._node(holder)
            yield self._quad(equipment, BRICK["hasPoint"], node)
            yield from self._equipment(equipment, holder, list(self._classes(row, Role.EQUIPMENT_CLASS)))
            yield from self._located(equipment, places)
        elif places:
            yield self._quad(places[0][0], REC["hasPoint"], node)  # Brick's leads from no place of REC
        yield from self._places_quads(places)

    def _proposed(self, node: NamedNode, guess: Guess) -> Iterator[Quad]:
        chosen = chosen_of(guess)
        if chosen is not guess.suggestions[0]:
            self._report.add(WITHOUT_CLASS, node.value, f"{chosen.name}: {chosen.reason}")
        self._report.counts["proposed classes"] += 1
        yield self._quad(node, RDF["type"], NamedNode(class_iri(chosen.name)))
        yield self._quad(node, TWH["classStatus"], Literal("proposed"))
        yield self._quad(node, TWH["confidence"], Literal(f"{chosen.confidence:.3f}", datatype=XSD["decimal"]))
        yield self._quad(node, TWH["reason"], Literal(chosen.reason))

    def _texts(self, node: NamedNode, row: Row) -> Iterator[Quad]:
        label = self._cell(row, Role.LABEL) or self._cell(row, Role.NAME)
        if label is not None:
            yield self._quad(node, RDFS["label"], Literal(label))
        description = self._cell(row, Role.DESCRIPTION)
        if description is not None:
            yield self._quad(node, RDFS["comment"], Literal(description))
        for at, name in self._kept:
            if at < len(row.cells) and row.cells[at]:
                yield self._quad(node, COLUMN[quote(name, safe="")], Literal(row.cells[at]))

    def _unit(self, node: NamedNode, row: Row) -> Iterator[Quad]:
        text = self._cell(row, Role.UNIT)
        if text is None:
            return
        known = unit_named(text)
        unit = qudt_of(known) if known is not None else None
        if unit is None:
            self._unknown["unit", text] += 1
            yield self._quad(node, UNIT_TEXT, Literal(text))
            return
        yield self._quad(node, BRICK["hasUnit"], unit)
        yield self._quad(unit, RDF["type"], QUDT["Unit"])

    def _series(self, node: NamedNode, row: Row) -> Iterator[Quad]:
        series, stored = self._cell(row, Role.SERIES), self._cell(row, Role.STORED_AT)
        if series is None:
            return
        self._report.counts["points with series"] += 1
        uuid = parse_uuid(series) or series_uuid(series, stored)
        reference = NamedNode(reference_iri(node.value, uuid))
        yield self._quad(node, REF["hasExternalReference"], reference)
        yield self._quad(reference, RDF["type"], REF["TimeseriesReference"])
        yield self._quad(reference, REF["hasTimeseriesId"], Literal(series))
        if stored is not None:
            yield self._quad(reference, REF["storedAt"], Literal(stored))

    def _object(self, row: Row) -> tuple[str, int] | None:
        cell = self._cell(row, Role.BACNET_OBJECT)
        kind, number = self._cell(row, Role.OBJECT_TYPE), self._cell(row, Role.OBJECT_INSTANCE)
        if cell is not None:
            return object_named(cell)
        known = object_type(kind) if kind is not None else None
        return (known, int(number)) if known is not None and number is not None and number.isdecimal() else None

    def _bacnet(self, node: NamedNode, row: Row) -> Iterator[Quad]:
        found, device = self._object(row), self._cell(row, Role.BACNET_DEVICE)
        if found is None:
            cell = self._cell(row, Role.BACNET_OBJECT)
            if cell is not None:
                self._unknown["BACnet object", cell] += 1
            return
        reference = NamedNode(f"{node.value}/bacnet")
        identifier = f"{found[0]},{found[1]}"
        yield self._quad(node, REF["hasExternalReference"], reference)
        yield self._quad(reference, RDF["type"], REF["BACnetReference"])
        yield self._quad(reference, BACNET_2020["object-identifier"], Literal(identifier))
        yield self._quad(reference, BACNET_2020["object-type"], Literal(found[0]))
        if device is not None and device.isdecimal():
            uri = Literal(f"bacnet://{device}/{identifier}/present-value")
            yield self._quad(reference, REF["BACnetURI"], uri)

    def _places(self, row: Row) -> Iterator[tuple[NamedNode, str, NamedNode]]:
        """Yield a row's places, the smallest first; a floor's IRI has its building's name, since floors repeat."""
        building = self._cell(row, Role.BUILDING)
        for role, kind in _PLACES:
            cell = self._cell(row, role)
            if cell is not None:
                inside = building if role is Role.FLOOR else None
                yield self._node(*filter(None, (inside, cell))), cell, kind

    def _places_quads(self, places: list[tuple[NamedNode, str, NamedNode]]) -> Iterator[Quad]:
        for node, name, kind in places:
            yield self._quad(node, RDF["type"], kind)
            if not _IRI.fullmatch(name):
                yield self._quad(node, RDFS["label"], Literal(name))
        for (inner, _, _), (outer, _, _) in pairwise(places):
            yield self._quad(inner, REC["isPartOf"], outer)

    def _located(self, node: NamedNode, places: list[tuple[NamedNode, str, NamedNode]]) -> Iterator[Quad]:
        if places:
            yield self._quad(node, REC["locatedIn"], places[0][0])

    def _equipment(self, node: NamedNode, name: str, classes: Iterable[NamedNode]) -> Iterator[Quad]:
        found = list(classes)
        if not found:
            named = equipment_named([name], standard_vocabulary())
            found = [BRICK[named.class_name]] if named is not None else [BRICK["Equipment"]]
        for each in found:
            yield self._quad(node, RDF["type"], each)
        if not _IRI.fullmatch(name):
            yield self._quad(node, RDFS["label"], Literal(name))

    def _equipments(self) -> Iterator[Quad]:
        for row in self._sheet.rows:
            node = self._key(row)
            name = self._cell(row, Role.LABEL) or self._cell(row, Role.NAME) or self._cell(row, Role.ID) or ""
            classes = list(self._classes(row, Role.CLASS))
            self._report.counts["places" if _PLACE_CLASSES.intersection(classes) else "equipment"] += 1
            yield from self._equipment(node, name, classes)
            yield from (quad for quad in self._texts(node, row) if quad.predicate != RDFS["label"])
            places = list(self._places(row))
            yield from self._located(node, places)
            yield from self._places_quads(places)
            is_recs = any(each in REC or each in _PLACE_CLASSES for each in classes)
            part_of = REC["isPartOf"] if is_recs else BRICK["isPartOf"]
            for role, predicate in ((Role.FEEDS, BRICK["feeds"]), (Role.PART_OF, part_of)):
                cell = self._cell(row, role)
                for text in _SEPARATED.split(cell) if cell else ():
                    yield self._quad(node, predicate, self._node(text))
