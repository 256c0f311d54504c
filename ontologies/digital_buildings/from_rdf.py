"""Quads into building configs.

Equipment and places become entities, their points fields. What was read from a config is written as it was; of other
models a field is named after its class, and the type is the one of the ontology that fits best. Without an ontology,
or where no type fits, a device passes its fields through (``GATEWAYS/PASSTHROUGH``), which the validator allows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from ontologies.digital_buildings import terms
from ontologies.digital_buildings.choosing import Chooser
from ontologies.digital_buildings.config import Config, Connection, Entity, Link, Translation
from ontologies.digital_buildings.origins import Origin
from ontologies.digital_buildings.tables import connection_kinds, unit_named
from ontologies.identifiers import NOTATION, Scheme, identifiers
from ontologies.identity import parse_uuid, point_uuid
from ontologies.models.form import Options
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import BRICK, OWL, RDF, RDFS, REC, S223, SH, modern_quads
from ontologies.point_terms import IDS, OWN_IDS
from ontologies.points import find_points
from ontologies.tagging.classes import point_classes

_TYPE = RDF["type"]
_HAS_POINT = (BRICK["hasPoint"], REC["hasPoint"])
_POINT_OF = (BRICK["isPointOf"], REC["isPointOf"])
# Relations that say a connection: its kind, and whether the subject is the source.
_CONNECTIONS: dict[NamedNode, tuple[str, bool]] = {
    **{relation: (kind, True) for kind, relation in connection_kinds().items() if relation is not None},
    BRICK["isLocationOf"]: ("CONTAINS", True),
    REC["feeds"]: ("FEEDS", True),
    REC["hasPart"]: ("HAS_PART", True),
    BRICK["hasLocation"]: ("CONTAINS", False),
    REC["locatedIn"]: ("CONTAINS", False),
    BRICK["isFedBy"]: ("FEEDS", False),
    REC["isFedBy"]: ("FEEDS", False),
    BRICK["isPartOf"]: ("HAS_PART", False),
    REC["isPartOf"]: ("HAS_PART", False),
    BRICK["isMeteredBy"]: ("MEASURES", False),
}
_NOT_ENTITIES = (OWL, RDFS, SH, S223)
_SAID = frozenset((_TYPE, NOTATION, RDFS["label"], BRICK["hasUnit"], *_HAS_POINT, *_POINT_OF, *OWN_IDS))
_DIGITS = 16

Term = NamedNode | BlankNode | Literal


class FromRdf:
    """Turns quads into one config."""

    def __init__(self, quads: Iterable[Quad], options: Options, report: Report, chooser: Chooser) -> None:
        self._options = options
        self._report = report
        self._chooser = chooser
        self._quads = [quad for quad in modern_quads(quads) if isinstance(quad.subject, (NamedNode, BlankNode))]
        self._about: defaultdict[Term, defaultdict[NamedNode, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for quad in sorted(self._quads, key=str):
            term = quad.object
            if isinstance(term, (NamedNode, BlankNode, Literal)):
                self._about[quad.subject][quad.predicate].append(term)  # type: ignore[index]  # it was looked at above
        self._series = {found.point: found.uuid for found in find_points(self._quads)}
        self._points = self._find_points()
        self._entities = self._find_entities()
        self._guids = self._identify()
        self._fields: dict[NamedNode, tuple[str, str]] = {}
        self._made_up = 0

    def config(self) -> Config:
        """Return the config."""
        config = Config(declared=True)
        owned = self._owners()
        for node in self._entities:
            entity = self._entity(node, owned[node])
            config.entities[entity.guid] = entity
        for node in self._entities:
            self._link(config.entities[self._guids[node]], node, owned[node])
            self._choose_type(config.entities[self._guids[node]], node)
        self._connect(config)
        self._report.counts.update(
            entities=len(config.entities), points=sum(len(each.translation) for each in config.entities.values())
        )
        self._report_unsaid()
        return config

    def _find_points(self) -> set[NamedNode]:
        found: set[NamedNode] = set()
        classes = {known.iri for known in point_classes().classes}
        for subject, said in self._about.items():
            for predicate in _HAS_POINT:
                found |= {term for term in said.get(predicate, ()) if isinstance(term, NamedNode)}
            is_point = any(said.get(predicate) for predicate in _POINT_OF)
            types = {term.value for term in said.get(_TYPE, ()) if isinstance(term, NamedNode)}
            if isinstance(subject, NamedNode) and (is_point or types & classes):
                found.add(subject)
        return found

    def _find_entities(self) -> list[NamedNode]:
        found = [
            node
            for node, said in self._about.items()
            if isinstance(node, NamedNode)
            and node not in self._points
            and any(
                isinstance(term, NamedNode) and (term in BRICK or term in REC or said.get(terms.TYPE))
                for term in said.get(_TYPE, ())
            )
            and not any(term in space for term in said[_TYPE] for space in _NOT_ENTITIES)
        ]
        return sorted(found, key=lambda node: node.value)

    def _identify(self) -> dict[NamedNode, str]:
        known = identifiers(self._quads, Scheme.GDB_GUID)
        guids: dict[NamedNode, str] = {}
        for node in self._entities:
            local = unquote(node.value.removeprefix(self._options.base))
            uuid = parse_uuid(local) or parse_uuid(node.value.rpartition(":")[2])
            guids[node] = known.get(node.value) or str(uuid or point_uuid(node.value))
        return guids

    def _owners(self) -> dict[NamedNode, list[NamedNode]]:
        """Return the points that each entity translates: a point has one owner, the others link to it."""
        claims: defaultdict[NamedNode, list[NamedNode]] = defaultdict(list)
        for node in self._entities:
            said = self._about[node]
            for term in (term for predicate in _HAS_POINT for term in said.get(predicate, ())):
                if isinstance(term, NamedNode):
                    claims[term].append(node)
        for point in self._points:
            for term in (term for predicate in _POINT_OF for term in self._about[point].get(predicate, ())):
                if isinstance(term, NamedNode) and term in self._guids:
                    claims[point].append(term)
        owned: dict[NamedNode, list[NamedNode]] = {node: [] for node in self._entities}
        for point in sorted(self._points, key=lambda node: node.value):
            candidates = sorted(set(claims[point]), key=lambda node: (not _is_inside(point, node), node.value))
            if candidates:
                owned[candidates[0]].append(point)
            else:
                self._report.add(NOT_EXPRESSED, point.value, "a point of no entity has no place in a config")
        return owned

    def _entity(self, node: NamedNode, points: list[NamedNode]) -> Entity:
        entity = Entity(self._guids[node], 0)
        entity.code = self._notation(node, Scheme.GDB_CODE)
        if node.value != self._options.base + quote(entity.guid, safe=""):
            entity.origin = Origin(node)
        label = self._text(node, RDFS["label"])
        if entity.code is None:
            entity.code = label or unquote(node.value.rpartition("#")[2].rpartition("/")[2].rpartition(":")[2])
        elif label not in (None, entity.code):
            entity.display_name = label
        entity.type = self._text(node, terms.TYPE)
        entity.cloud_device_id = self._text(node, terms.DEVICE)
        entity.etag = self._text(node, terms.ETAG)
        for point in points:
            item = self._translation(point, entity)
            item.origin = self._origin(point, f"{node.value}/{quote(item.name, safe='')}")
            entity.translation[item.name] = item
            self._fields[point] = (entity.guid, item.name)
        for term in self._about[node].get(terms.MISSING, ()):
            if isinstance(term, Literal):
                entity.translation[term.value] = Translation(term.value, 0, missing=True)
        if entity.translation and entity.cloud_device_id is None:
            entity.cloud_device_id = str(point_uuid(node.value).int)[-_DIGITS:]
            self._made_up += 1
        return entity

    def _origin(self, point: NamedNode, implied: str) -> Origin | None:
        """Return what a config says of a point in a comment, which it need not where that is what is implied."""
        uuid = self._series.get(point.value, point_uuid(point.value))
        series = None if uuid == point_uuid(point.value) else uuid
        return Origin(point, series) if series is not None or point.value != implied else None

    def _translation(self, point: NamedNode, entity: Entity) -> Translation:
        units: dict[str, str] = self._json(point, terms.UNITS)
        if not units:
            named = (unit_named(term) for term in self._about[point].get(BRICK["hasUnit"], ()))
            units = {unit: unit for unit in named if unit is not None}
        name = self._text(point, terms.FIELD)
        if name is None:
            name = self._chooser.field(self._classes(point), set(entity.translation), units)
        item = Translation(name, 0, present_value=self._text(point, terms.PRESENT_VALUE), units=units)
        item.present_value = item.present_value or f"points.{name}.present_value"
        if item.units:
            item.units_key = self._text(point, terms.UNITS_KEY) or f"pointset.points.{name}.units"
        states = self._json(point, terms.STATES)
        item.states = {key: tuple(raw) for key, raw in states.items()} or self._chooser.states(name)
        item.value_range = self._text(point, terms.VALUE_RANGE)
        return item

    def _classes(self, point: NamedNode) -> list[str]:
        return [term.value for term in self._about[point].get(_TYPE, ()) if isinstance(term, NamedNode)]

    def _link(self, entity: Entity, node: NamedNode, own: list[NamedNode]) -> None:
        """Link an entity to the points that it has and another one translates."""
        known: dict[str, dict[str, str]] = self._json(node, terms.LINKS)
        for source, fields in known.items():
            entity.links += [Link(source, field, source_field, 0) for field, source_field in fields.items()]
        said = {(link.source, link.source_field) for link in entity.links}
        for term in (term for predicate in _HAS_POINT for term in self._about[node].get(predicate, ())):
            target = self._fields.get(term) if isinstance(term, NamedNode) else None
            if target is not None and term not in own and target not in said:
                taken = {link.field for link in entity.links} | set(entity.translation)
                name = self._chooser.field(self._classes(term), taken)  # type: ignore[arg-type]  # it is a key above
                entity.links.append(Link(target[0], name, target[1], 0))

    def _choose_type(self, entity: Entity, node: NamedNode) -> None:
        if entity.type is not None:
            return
        classes = [term.value for term in self._about[node][_TYPE] if isinstance(term, NamedNode)]
        fields = set(entity.translation) | {link.field for link in entity.links}
        entity.type, fits = self._chooser.type(classes, fields)
        if not fits:
            self._report.counts["entities passed through"] += 1
            message = f"{entity.guid} is written as {entity.type}: no type of the ontology has its class and fields"
            self._report.add(NOT_EXPRESSED, node.value, message)

    def _connect(self, config: Config) -> None:
        for node, said in list(self._about.items()):
            for predicate, found in said.items():
                kind, forward = self._kind(predicate)
                for term in found:
                    if kind is not None and isinstance(term, NamedNode) and isinstance(node, NamedNode):
                        source, target = (node, term) if forward else (term, node)
                        self._connection(config, source, kind, target)

    def _kind(self, predicate: NamedNode) -> tuple[str | None, bool]:
        if predicate in _CONNECTIONS:
            return _CONNECTIONS[predicate]
        local = predicate.value.removeprefix(terms.GDB.iri)
        return (local, True) if local in connection_kinds() else (None, True)

    def _connection(self, config: Config, source: NamedNode, kind: str, target: NamedNode) -> None:
        if target not in self._guids or source in self._points:
            return
        guid = self._guids.get(source) or unquote(source.value.removeprefix(self._options.base))
        item = Connection(guid, kind, 0)
        listed = config.entities[self._guids[target]].connections
        if item not in listed:
            listed.append(item)

    def _report_unsaid(self) -> None:
        if self._made_up:
            message = f"{self._made_up} devices get a cloud_device_id that is made up; put their own in its place"
            self._report.add(NOT_EXPRESSED, "", message, self._made_up)
        counts: defaultdict[str, int] = defaultdict(int)
        for node in (*self._entities, *self._points):
            for predicate, found in self._about[node].items():
                said = predicate in _SAID or predicate in _CONNECTIONS or predicate in terms.GDB
                lost = 0 if said else sum(not self._about[term].keys() & IDS for term in found)
                if lost:
                    counts[predicate.value] += lost
        for iri, count in sorted(counts.items()):
            self._report.add(NOT_EXPRESSED, iri, f"{count} statements: a config has no place for it", count)

    def _notation(self, node: NamedNode, scheme: Scheme) -> str | None:
        found = (term for term in self._about[node].get(NOTATION, ()) if isinstance(term, Literal))
        return next((term.value for term in found if term.datatype == scheme.value), None)

    def _text(self, node: NamedNode, predicate: NamedNode) -> str | None:
        found = (term.value for term in self._about[node].get(predicate, ()) if isinstance(term, Literal))
        return next(found, None)

    def _json(self, node: NamedNode, predicate: NamedNode) -> dict[str, Any]:
        text = self._text(node, predicate)
        return json.loads(text) if text is not None else {}


def _is_inside(point: NamedNode, entity: NamedNode) -> bool:
    return point.value.startswith(f"{entity.value}/")
