"""A graph as Haystack's records: those that were records come back as they were, and others are made.

A record that is made has the UUID of its entity as id, for a point that of its series, and its IRI as the tag
``iri`` and its class as ``rdfType``, so that it comes back as the same entity. Its markers are those of its class, by
the table of classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pyoxigraph import NamedNode, Quad

from ontologies.errors import FormatError
from ontologies.haystack.classes import Row, relation_predicates, row_of
from ontologies.haystack.encoding import DIS_OF, decode
from ontologies.haystack.entities import FED_BY, LOCATED_IN, PART_OF, POINT_OF, Entities, Entity, collect
from ontologies.haystack.kinds import MARKER, Dict, Ref, Uri, Value
from ontologies.haystack.reading import IRI, RDF_TYPE
from ontologies.identity import point_uuid
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import QUDT, RDF, REC, REF, compact
from ontologies.point_terms import is_point_class
from ontologies.points import PointSeries, find_points
from ontologies.tagging.proposals import haystack_tags
from ontologies.units import haystack_symbol

_BOOLS = ("Status", "Alarm")
_SITES = frozenset({REC["Site"]})
_OUTER = frozenset({REC["Building"]})
# What a marker of the equipment that feeds another makes of the ref to it.
_FED = (
    ("ahu", "airRef"),
    ("rooftop", "airRef"),
    ("vav", "airRef"),
    ("fan", "airRef"),
    ("chilled", "chilledWaterRef"),
    ("chiller", "chilledWaterRef"),
    ("hot", "hotWaterRef"),
    ("boiler", "hotWaterRef"),
    ("condenser", "condenserWaterRef"),
    ("steam", "steamRef"),
)
_NO_RECORD = frozenset(
    {QUDT["Unit"], QUDT["QuantityKind"], RDF["Property"], REF["TimeseriesReference"], REF["BACnetReference"]}
)


def records_of(quads: Iterable[Quad], report: Report) -> list[Dict]:
    """Return a graph's records, by id; the report tells what has no record, and what none can hold."""
    entities = collect(quads)
    points = {NamedNode(point.point): point for point in find_points(entities.of_points)}
    writer = _Writer(entities, report, points)
    records = [*writer.loaded(), *writer.made()]
    _report_others(entities, report)
    report.counts["records"] = len(records)
    return sorted(records, key=_by_id)


def _report_others(entities: Entities, report: Report) -> None:
    for predicate, subjects in sorted(entities.others.items(), key=lambda pair: (-len(pair[1]), pair[0].value)):
        # What a record's own refs mean was made of them, and comes back with them.
        meant = predicate in relation_predicates()
        count = sum(not (meant and entities.found[subject].tags) for subject in subjects)
        if count:
            report.add(NOT_EXPRESSED, compact(predicate.value), f"{count} triples", count)


def _by_id(record: Dict) -> tuple[bool, str]:
    ref = record.get("id")
    return not isinstance(ref, Ref), ref.id if isinstance(ref, Ref) else ""


@dataclass(slots=True)
class _Writer:
    entities: Entities
    report: Report
    points: dict[NamedNode, PointSeries]
    rows: dict[NamedNode, Row | None] = field(default_factory=dict)
    kinds: dict[NamedNode, str] = field(default_factory=dict)

    def loaded(self) -> Iterator[Dict]:
        """Yield the records that were loaded as such."""
        for node, entity in self.entities.found.items():
            if entity.tags:
                yield self._loaded(node, entity)

    def _loaded(self, node: NamedNode, entity: Entity) -> Dict:
        record: dict[str, Value] = {}
        ids = self.entities.ids
        if node in ids:
            record["id"] = Ref(ids[node], entity.beside.get("id", {}).get(DIS_OF))
        for name, terms in entity.tags.items():
            if len(set(terms)) > 1:
                self.report.add(
                    NOT_EXPRESSED, compact(node.value), f"{len(set(terms))} values of {name}: one is written"
                )
            try:
                record[name] = decode(min(terms, key=str), entity.beside.get(name, {}), ids)
            except FormatError as error:
                raise FormatError(f"{node.value}, {name}: {error}") from None
        return record

    def made(self) -> Iterator[Dict]:
        """Yield records for what never was one, and has a class that is a point, equipment or a place."""
        fresh = [node for node, entity in self.entities.found.items() if not entity.tags and self._is_entity(entity)]
        fresh.sort(key=lambda node: node.value)
        for node in fresh:
            self._classify(node)
        has_site = any(kind == "site" for kind in self.kinds.values())
        for node in fresh:
            if not has_site and self._class(node) in _OUTER:
                self.kinds[node] = "site"
            if node not in self.entities.ids:
                point = self.points.get(node)
                self.entities.ids[node] = str(point.uuid if point is not None else point_uuid(node.value))
        for node in fresh:
            if node in self.kinds:
                yield self._made(node, self.entities.found[node], self.kinds[node])
            else:
                names = ", ".join(sorted(compact(cls.value) for cls in self.entities.found[node].classes))
                self.report.add(NOT_EXPRESSED, compact(node.value), f"no record for a {names}")

    def _is_entity(self, entity: Entity) -> bool:
        return bool(entity.classes - _NO_RECORD)

    def _class(self, node: NamedNode) -> NamedNode | None:
        row = self.rows.get(node)
        return row.cls if row is not None else None

    def _classify(self, node: NamedNode) -> None:
        classes = self.entities.found[node].classes
        row = self.rows[node] = row_of(classes)
        if node in self.points or any(is_point_class(cls.value) for cls in classes):
            self.kinds[node] = "point"
        elif row is not None:
            self.kinds[node] = row.type if row.type != "other" else "equip"

    def _made(self, node: NamedNode, entity: Entity, kind: str) -> Dict:
        label = entity.label
        record: dict[str, Value] = {"id": self._ref(node), "dis": label or _local_name(node), kind: MARKER}
        record |= dict.fromkeys(sorted(self._markers(node, entity, kind)), MARKER)
        record |= {IRI: Uri(node.value), RDF_TYPE: _types(entity)}
        record |= self._places(node, kind)
        return {**record, **self._of_point(node, entity)} if kind == "point" else record

    def _markers(self, node: NamedNode, entity: Entity, kind: str) -> set[str]:
        row = self.rows.get(node)
        names = sorted(cls.value.rpartition("#")[2] for cls in entity.classes)
        # The words of a class of points say more than a row of one above it does.
        exact = row is not None and row.cls in entity.classes
        words = {tag for name in names for tag in haystack_tags(name)} if kind == "point" and not exact else set()
        return {*(row.markers if row is not None and row.type in (kind, "other") else ()), *words, *entity.markers}

    def _ref(self, node: NamedNode) -> Ref:
        name = self.entities.ids[node]
        entity = self.entities.found.get(node)
        return Ref(name, entity.label if entity is not None else None)

    def _places(self, node: NamedNode, kind: str) -> dict[str, Value]:
        """Return the refs to the nearest equipment, space and site above, and to what feeds it."""
        refs: dict[str, Value] = {}
        for above in self._ancestors(node):
            name = {"equip": "equipRef", "space": "spaceRef", "site": "siteRef"}.get(self._kind_of(above))
            if name is not None and name not in refs and kind != "site":
                refs[name] = self._ref(above)
        for source in self.entities.found[node].parents(FED_BY):
            if (name := self._fed_tag(source)) is not None:
                refs.setdefault(name, self._ref(source))
            else:
                self.report.add(NOT_EXPRESSED, compact(node.value), f"fed by {compact(source.value)}")
        return refs

    def _kind_of(self, node: NamedNode) -> str:
        entity = self.entities.found[node]
        marked = next((name for name in ("equip", "space", "site") if name in entity.tags), "")
        return self.kinds.get(node) or marked

    def _ancestors(self, node: NamedNode) -> list[NamedNode]:
        """Return what is above a node, the nearest first."""
        order, seen, edge = list[NamedNode](), {node}, [node]
        while edge:
            above = [up for each in edge for up in self._above(each)]
            edge = [up for up in dict.fromkeys(above) if up not in seen]
            seen.update(edge)
            order += edge
        return order

    def _above(self, node: NamedNode) -> list[NamedNode]:
        entity = self.entities.found.get(node)
        return entity.parents(POINT_OF, PART_OF, LOCATED_IN) if entity is not None else []

    def _fed_tag(self, source: NamedNode) -> str | None:
        row = self.rows.get(source)
        markers = row.markers if row is not None and source in self.entities.ids else frozenset()
        return next((tag for marker, tag in _FED if marker in markers), None)

    def _of_point(self, node: NamedNode, entity: Entity) -> dict[str, Value]:
        found: dict[str, Value] = {}
        symbols = sorted(filter(None, map(haystack_symbol, entity.units)))
        if symbols:
            found["unit"] = symbols[0]
        row = self.rows.get(node)
        local = [cls.value.rpartition("_")[2] for cls in entity.classes]
        is_bool = not symbols and any(name in _BOOLS for name in local)
        found["kind"] = row.kind if row is not None and row.kind else "Bool" if is_bool else "Number"
        point = self.points.get(node)
        if point is not None and point.references:
            found["his"] = MARKER
            found["tz"] = "UTC"
        return found


def _types(entity: Entity) -> Value:
    iris = tuple(Uri(cls.value) for cls in sorted(entity.classes - _NO_RECORD, key=lambda cls: cls.value))
    return iris[0] if len(iris) == 1 else iris


def _local_name(node: NamedNode) -> str:
    return node.value.rpartition("#")[2].rpartition("/")[2] or node.value
