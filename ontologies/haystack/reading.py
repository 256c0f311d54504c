"""Records into a graph: each tag, losslessly (see ``encoding``), and what it means in Brick and REC.

A record gets its class by the table of markers or by its tag ``rdfType``, its label, its unit in QUDT, the relations
that its refs mean, and a point with ``his`` a reference to its series. Its IRI is the base and its id, or that of its
tag ``iri``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from ontologies.errors import FormatError
from ontologies.haystack.classes import class_of, kind_of_target, relations_of, type_of
from ontologies.haystack.encoding import DIS_OF, encode, refs_of
from ontologies.haystack.kinds import MARKER, DateTime, Dict, Ref, Uri
from ontologies.identifiers import Scheme, identifier_quad
from ontologies.identity import parse_uuid, point_uuid
from ontologies.models.report import NOT_UNDERSTOOD, WITHOUT_CLASS, Report
from ontologies.namespaces import BRICK, RDF, RDFS, TAG
from ontologies.points import PointSeries, reference_quads
from ontologies.units import haystack_note, haystack_unit

_TYPE, _LABEL, _HAS_UNIT = RDF["type"], RDFS["label"], BRICK["hasUnit"]
_GENERAL = frozenset({BRICK["Point"], BRICK["Equipment"]})
IRI = "iri"
"""The tag with a record's IRI, where its id is not what the IRI is made of."""
RDF_TYPE = "rdfType"
"""The tag with the IRI of a record's class, or a list of them: it says more than markers do."""

Numbered = tuple[str, Dict]
"""A record, and where it is in its document: ``line 12``."""


def record_quads(
    records: Iterable[Numbered], graph: NamedNode | DefaultGraph, base: str, report: Report
) -> Iterator[Quad]:
    """Yield the quads of a document's records. Raises FormatError for two records with one id, and for a history."""
    listed = list(records)
    if listed and all("id" not in record and isinstance(record.get("ts"), DateTime) for _, record in listed):
        raise FormatError(f"{listed[0][0]}: this is a history, not a model: its rows are times (ts), and have no id")
    reader = _Reader(graph, base, report, _iris(listed, base), _targets(listed))
    for number, (where, record) in enumerate(listed, 1):
        report.counts["records"] += 1
        yield from reader.quads(record, where, number)
    yield from reader.unknown_refs()


def _iris(records: list[Numbered], base: str) -> dict[str, str]:
    """Return the IRI of each id of the document."""
    iris: dict[str, str] = {}
    first: dict[str, str] = {}
    for where, record in records:
        ref = record.get("id")
        if not isinstance(ref, Ref):
            continue
        if ref.id in iris:
            raise FormatError(f"{where}: a record before it, at {first[ref.id]}, has the id @{ref.id} as well")
        own = record.get(IRI)
        iris[ref.id] = own.text if isinstance(own, Uri) and _is_iri(own.text) else base + ref.id
        first[ref.id] = where
    return iris


def _targets(records: list[Numbered]) -> dict[str, str]:
    """Return what each id is to the relations that lead to it, where that is anything special."""
    found: dict[str, str] = {}
    for _, record in records:
        ref = record.get("id")
        if isinstance(ref, Ref) and type_of(record) != "point":
            kind = next(filter(None, map(kind_of_target, _classes(record))), "")
            if kind:
                found[ref.id] = kind
    return found


def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return ":" in text


@dataclass(slots=True)
class _Reader:
    graph: NamedNode | DefaultGraph
    base: str
    report: Report
    iris: dict[str, str]
    targets: dict[str, str]
    missing: dict[str, str] = field(default_factory=dict)

    def quads(self, record: Dict, where: str, number: int) -> Iterator[Quad]:
        ref = record.get("id")
        where = f"{where} (@{ref.id})" if isinstance(ref, Ref) else where
        name = self.iris[ref.id] if isinstance(ref, Ref) else f"{self.base}record-{number}"
        if not isinstance(ref, Ref):
            self.report.add(NOT_UNDERSTOOD, where, "the record has no id: nothing can refer to it")
        node = NamedNode(name)
        yield from self._tags(node, record, where)
        yield from self._meaning(node, record, where)

    def _tags(self, node: NamedNode, record: Dict, where: str) -> Iterator[Quad]:
        for name, value in record.items():
            if value is None:
                continue
            if name == "id" and isinstance(value, Ref):
                yield identifier_quad(node, Scheme.HAYSTACK, value.id, self.graph)
                beside = None if value.dis is None else (DIS_OF, value.dis)
            else:
                term, beside = encode(value, partial(self._target, where=f"{where}, {name}"))
                yield Quad(node, TAG[name], term, self.graph)
            if beside is not None:
                yield Quad(node, beside[0][name], Literal(beside[1]), self.graph)

    def _target(self, ref: Ref, where: str) -> NamedNode:
        if ref.id not in self.iris:
            self.missing.setdefault(ref.id, where)
        return NamedNode(self.iris.get(ref.id, self.base + ref.id))

    def _meaning(self, node: NamedNode, record: Dict, where: str) -> Iterator[Quad]:
        kind = type_of(record)
        classes = _classes(record)
        for cls in classes:
            yield Quad(node, _TYPE, cls, self.graph)
        if _GENERAL.issuperset(classes):
            markers = " ".join(sorted(name for name, value in record.items() if value is MARKER))
            self.report.add(WITHOUT_CLASS, where, f"no class of its own for: {markers or 'no marker at all'}")
        self.report.counts[kind] += 1
        label = _label(record)
        if label:
            yield Quad(node, _LABEL, Literal(label), self.graph)
        yield from self._relations(node, record, kind, where)
        if kind == "point":
            yield from self._point(node, record, where)

    def _relations(self, node: NamedNode, record: Dict, kind: str, where: str) -> Iterator[Quad]:
        for name, value in record.items():
            if not (relations := relations_of(kind, name)):
                continue
            for ref in refs_of(value):
                target, of_target = self._target(ref, f"{where}, {name}"), self.targets.get(ref.id, "")
                relation = next((each for each in relations if each.fits(record, of_target)), None)
                if relation is not None and relation.predicate is not None:
                    pair = (target, node) if relation.reverse else (node, target)
                    yield Quad(pair[0], relation.predicate, pair[1], self.graph)

    def _point(self, node: NamedNode, record: Dict, where: str) -> Iterator[Quad]:
        unit = record.get("unit")
        if isinstance(unit, str):
            known = haystack_unit(unit)
            if known is not None:
                yield Quad(node, _HAS_UNIT, known, self.graph)
            else:
                why = haystack_note(unit) or "it is no unit of Haystack's either"
                self.report.add(NOT_UNDERSTOOD, f"{where}, unit", f"{unit!r} is no unit of QUDT: {why}")
        if record.get("his") is MARKER:
            ref = record.get("id")
            uuid = parse_uuid(ref.id) if isinstance(ref, Ref) else None
            yield from reference_quads([PointSeries(node.value, uuid or point_uuid(node.value))], self.graph)

    def unknown_refs(self) -> Iterator[Quad]:
        """Yield the ids of what is referred to and is not in the document, so that the refs come back."""
        for name, where in self.missing.items():
            self.report.add(NOT_UNDERSTOOD, where, f"@{name} is not in the document")
            yield identifier_quad(NamedNode(self.base + name), Scheme.HAYSTACK, name, self.graph)


def _classes(record: Dict) -> list[NamedNode]:
    own = record.get(RDF_TYPE)
    told = [item for item in (own if isinstance(own, tuple) else (own,)) if isinstance(item, Uri)]
    classes = [NamedNode(item.text) for item in told if _is_iri(item.text)]
    row = None if classes else class_of(record)
    return classes if row is None else [row.cls]


def _label(record: Dict) -> str | None:
    ref = record.get("id")
    names = (record.get("dis"), ref.dis if isinstance(ref, Ref) else None, record.get("navName"), record.get("name"))
    return next((name for name in names if isinstance(name, str) and name), None)
