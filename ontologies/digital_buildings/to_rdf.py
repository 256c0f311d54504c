"""Building configs into quads.

An entity is of its type's class, with its GUID and code as identifiers. Each field that it translates is a point of
it, of the class that the field's subfields make, with its unit. A field that a virtual entity links to is the other
entity's point, and the virtual one has it too. What Brick has no word for is in ``urn:twinhouse:gdb:``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.digital_buildings import terms
from ontologies.digital_buildings.config import Config, Entity, Translation
from ontologies.digital_buildings.tables import (
    GENERIC,
    class_of_field,
    class_of_type,
    connection_kinds,
    unit_of,
)
from ontologies.identifiers import Scheme, identifier_quad
from ontologies.models.form import Options
from ontologies.models.report import NOT_EXPRESSED, NOT_UNDERSTOOD, WITHOUT_CLASS, Report
from ontologies.namespaces import BRICK, RDF, RDFS
from ontologies.points import PointSeries, reference_quads

_POINT = BRICK["Point"]


class ToRdf:
    """Turns one config into quads."""

    def __init__(self, config: Config, options: Options, report: Report) -> None:
        self._config = config
        self._options = options
        self._report = report

    def quads(self) -> Iterator[Quad]:
        """Yield the quads; the report is complete once the last one has been."""
        for entity in self._config.entities.values():
            if self._config.does(entity) == "DELETE":
                message = f"{entity.guid} is to be deleted; it is left out here, and stays where it was loaded before"
                self._report.add(NOT_UNDERSTOOD, f"line {entity.line}", message)
                continue
            self._report.counts["entities"] += 1
            yield from self._entity(entity)

    def _quad(self, subject: NamedNode, predicate: NamedNode, term: NamedNode | Literal) -> Quad:
        return Quad(subject, predicate, term, self._options.graph)

    def _node(self, guid: str) -> NamedNode:
        entity = self._config.entities.get(guid)
        if entity is not None and entity.origin is not None:
            return entity.origin.node
        return NamedNode(self._options.base + quote(guid, safe=""))

    def _point(self, guid: str, field: str) -> NamedNode:
        entity = self._config.entities.get(guid)
        item = entity.translation.get(field) if entity is not None else None
        if item is not None and item.origin is not None:
            return item.origin.node
        return NamedNode(f"{self._node(guid).value}/{quote(field, safe='')}")

    def _entity(self, entity: Entity) -> Iterator[Quad]:
        node = self._node(entity.guid)
        yield self._quad(node, RDF["type"], self._class(entity))
        yield identifier_quad(node, Scheme.GDB_GUID, entity.guid, self._options.graph)
        if entity.code is not None:
            yield identifier_quad(node, Scheme.GDB_CODE, entity.code, self._options.graph)
        label = entity.display_name or entity.code
        if label is not None:
            yield self._quad(node, RDFS["label"], Literal(label))
        texts = ((terms.TYPE, entity.type), (terms.DEVICE, entity.cloud_device_id), (terms.ETAG, entity.etag))
        yield from self._texts(node, texts)
        yield from self._connections(entity, node)
        for item in entity.translation.values():
            if item.missing:
                yield self._quad(node, terms.MISSING, Literal(item.name))
            else:
                yield from self._translation(entity, node, item)
        yield from self._links(entity, node)

    def _texts(self, node: NamedNode, texts: tuple[tuple[NamedNode, str | None], ...]) -> Iterator[Quad]:
        for predicate, text in texts:
            if text is not None:
                yield self._quad(node, predicate, Literal(text))

    def _class(self, entity: Entity) -> NamedNode:
        found = class_of_type(entity.type) if entity.type else None
        if found is None:
            message = f"{entity.type or 'no type'} of {entity.guid} has no class in Brick; it is an Equipment"
            self._report.add(WITHOUT_CLASS, f"line {entity.at('type')}", message)
        return found or GENERIC

    def _connections(self, entity: Entity, node: NamedNode) -> Iterator[Quad]:
        for item in entity.connections:
            if item.source not in self._config.entities:
                message = f"{item.kind} from {item.source}, which is not in the config"
                self._report.add(WITHOUT_CLASS, f"line {item.line}", message)
            relation = connection_kinds().get(item.kind) or terms.GDB[quote(item.kind, safe="")]
            yield self._quad(self._node(item.source), relation, node)

    def _translation(self, entity: Entity, node: NamedNode, item: Translation) -> Iterator[Quad]:
        point = self._point(entity.guid, item.name)
        self._report.counts["points"] += 1
        yield self._quad(node, BRICK["hasPoint"], point)
        yield self._quad(point, RDF["type"], self._field_class(item))
        yield self._quad(point, RDFS["label"], Literal(item.name))
        yield identifier_quad(point, Scheme.GDB_GUID, f"{entity.guid}/{item.name}", self._options.graph)
        if entity.code is not None:
            yield identifier_quad(point, Scheme.GDB_CODE, f"{entity.code}/{item.name}", self._options.graph)
        if item.origin is not None and item.origin.series is not None:
            yield from reference_quads([PointSeries(point.value, item.origin.series)], self._options.graph)
        texts = (
            (terms.FIELD, item.name),
            (terms.PRESENT_VALUE, item.present_value),
            (terms.UNITS_KEY, item.units_key),
            (terms.VALUE_RANGE, item.value_range),
        )
        yield from self._texts(point, texts)
        for predicate, content in ((terms.UNITS, item.units), (terms.STATES, item.states)):
            if content:
                yield self._quad(point, predicate, _json(content))
        for name in item.units:
            unit = unit_of(name)
            if unit is not None:
                yield self._quad(point, BRICK["hasUnit"], unit)
            else:
                self._report.add(NOT_EXPRESSED, f"line {item.line}", f"{name} of {item.name} is no unit of QUDT")

    def _field_class(self, item: Translation) -> NamedNode:
        found = class_of_field(item.name)
        if found is None:
            message = f"{item.name} is no standard field; what links to it tells its class"
            self._report.add(WITHOUT_CLASS, f"line {item.line}", message)
        return found.iri if found is not None else _POINT

    def _links(self, entity: Entity, node: NamedNode) -> Iterator[Quad]:
        links: dict[str, dict[str, str]] = {}
        for item in entity.links:
            links.setdefault(item.source, {})[item.field] = item.source_field
            point = self._point(item.source, item.source_field)
            yield self._quad(node, BRICK["hasPoint"], point)
            found = class_of_field(item.field)
            if found is not None:
                yield self._quad(point, RDF["type"], found.iri)
        if links:
            self._report.counts["links"] += len(entity.links)
            yield self._quad(node, terms.LINKS, _json(links))


def _json(content: Mapping[str, object]) -> Literal:
    return Literal(json.dumps(content, ensure_ascii=False, sort_keys=True), datatype=RDF["JSON"])
