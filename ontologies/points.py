"""Points and their series: the one place that reads and writes the reference between them.

Written is ``ref:TimeseriesReference`` alone (Brick 1.3 and later). Read are also the older and foreign forms:
``brick:timeseries`` (Brick 1.2), ``brick:uuid`` (Mortar), ``senaps:stream_id`` (BTS) and ASHRAE 223P's
``s223:hasExternalReference``, which makes a property a point whatever it refers to. A point without any is known by
``hasPoint``, ``isPointOf`` or its Brick class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad

from ontologies import point_terms as terms
from ontologies.identity import looks_damaged, parse_uuid, point_uuid, reference_iri, series_uuid
from ontologies.namespaces import REF
from ontologies.point_terms import SERIES_CONSTRUCT, is_point_class


@dataclass(frozen=True, slots=True)
class SeriesReference:
    """What a model says of a point's series: its id there, where it is kept, whether it is the one to use."""

    id: str
    stored_at: str | None = None
    preferred: bool = False


@dataclass(frozen=True, slots=True)
class PointSeries:
    """A point and the UUID of its series.

    ``canonical`` tells that the model itself gives this very UUID in a ``ref:TimeseriesReference``. ``names`` are
    what sources call the point, such as its id in Haystack.
    """

    point: str
    uuid: UUID
    references: tuple[SeriesReference, ...] = ()
    canonical: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about points that a person should know: what kind, in words, and which points."""

    kind: str
    message: str
    points: tuple[str, ...] = ()


def find_points(quads: Iterable[Quad], findings: list[Finding] | None = None) -> list[PointSeries]:
    """Return every point with its series, by IRI; the same for the same quads in any order.

    Of several references the preferred one decides, then the first that is a UUID, then the first at all. A
    point that is a blank node is left out, since nothing could name it twice: ``findings`` tells of it, of
    points that share a series and of ids that were meant to be UUIDs.
    """
    statements = _collect(quads)
    points = [statements.series_of(node) for node in statements.named()]
    if findings is not None:
        findings += [*_unnamed(statements), *check_points(points)]
    return points


def check_points(points: Iterable[PointSeries]) -> list[Finding]:
    """Return the points that share a series, and the ids that look like damaged UUIDs."""
    sharing: defaultdict[UUID, list[str]] = defaultdict(list)
    damaged: list[Finding] = []
    for point in points:
        sharing[point.uuid].append(point.point)
        damaged += [
            Finding("damaged-id", f"series id {reference.id!r} looks like a damaged UUID", (point.point,))
            for reference in point.references
            if looks_damaged(reference.id)
        ]
    shared = (
        Finding("shared-series", f"{len(names)} points share the series {uuid}", tuple(names))
        for uuid, names in sharing.items()
        if len(names) > 1
    )
    return [*shared, *damaged]


def reference_quads(points: Iterable[PointSeries], graph: NamedNode | DefaultGraph) -> Iterator[Quad]:
    """Write a ``ref:TimeseriesReference`` for each point whose model does not give its UUID in that form.

    The references have IRIs of their own that depend on the point and its UUID alone, so that writing them
    again adds nothing, and reading them back gives the same UUID whatever else the model says.
    """
    for point in points:
        if point.canonical:
            continue
        node = NamedNode(reference_iri(point.point, point.uuid))
        yield Quad(NamedNode(point.point), terms.LINK, node, graph)
        yield Quad(node, terms.TYPE, REF["TimeseriesReference"], graph)
        yield Quad(node, REF["hasTimeseriesId"], Literal(str(point.uuid)), graph)
        # Brick allows one preferred reference a point.
        if not any(reference.preferred for reference in point.references):
            yield Quad(node, terms.PREFERRED, Literal(True), graph)


@dataclass(slots=True)
class _Statements:
    """The triples that matter, by subject."""

    points: set[object] = field(default_factory=set)
    links: defaultdict[object, set[tuple[NamedNode, object]]] = field(default_factory=lambda: defaultdict(set))
    ids: defaultdict[object, set[str]] = field(default_factory=lambda: defaultdict(set))
    stores: defaultdict[object, set[str]] = field(default_factory=lambda: defaultdict(set))
    preferred: set[object] = field(default_factory=set)
    own_ids: defaultdict[object, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: defaultdict[object, set[str]] = field(default_factory=lambda: defaultdict(set))

    def nodes(self) -> set[object]:
        linked = {point for point, links in self.links.items() if any(node in self.ids for _, node in links)}
        return self.points | self.own_ids.keys() | linked

    def named(self) -> list[NamedNode]:
        return sorted((n for n in self.nodes() if isinstance(n, NamedNode)), key=lambda n: n.value)

    def series_of(self, point: NamedNode) -> PointSeries:
        references = {SeriesReference(own) for own in self.own_ids.get(point, ())}
        for _, node in self.links.get(point, ()):
            references.update(self._references(node))
        ordered = tuple(sorted(references, key=_order))
        uuid = self._recorded(point) or _choose(point.value, ordered)
        names = tuple(sorted(self.names.get(point, ())))
        return PointSeries(point.value, uuid, ordered, self._is_canonical(point, uuid), names)

    def _references(self, node: object) -> Iterator[SeriesReference]:
        stored_at = min(self.stores.get(node, ()), default=None)
        for series_id in self.ids.get(node, ()):
            yield SeriesReference(series_id, stored_at, node in self.preferred)

    def _recorded(self, point: NamedNode) -> UUID | None:
        """Return the UUID that an earlier import wrote, which stands whatever the model's own ids are."""
        for _, node in sorted(self.links.get(point, ()), key=str):
            if not isinstance(node, NamedNode):
                continue
            for uuid in filter(None, map(parse_uuid, sorted(self.ids.get(node, ())))):
                if node.value == reference_iri(point.value, uuid):
                    return uuid
        return None

    def _is_canonical(self, point: NamedNode, uuid: UUID) -> bool:
        nodes = (node for link, node in self.links.get(point, ()) if link == terms.LINK)
        return any(str(uuid) in self.ids.get(node, ()) for node in nodes)


def _collect(quads: Iterable[Quad]) -> _Statements:
    found = _Statements()
    kinds: dict[str, bool] = {}
    for quad in quads:
        predicate = quad.predicate
        if predicate == terms.TYPE:
            if isinstance(quad.object, NamedNode):
                name = quad.object.value
                if name not in kinds:
                    kinds[name] = is_point_class(name)
                if kinds[name]:
                    found.points.add(quad.subject)
        elif predicate in terms.PREDICATES:
            _take(found, quad)
    return found


def _take(found: _Statements, quad: Quad) -> None:
    subject, predicate, value = quad.subject, quad.predicate, quad.object
    if predicate in terms.HAS_POINT:
        if isinstance(value, NamedNode | BlankNode):
            found.points.add(value)
    elif predicate in terms.IS_POINT_OF:
        found.points.add(subject)
    elif predicate in terms.LINKS:
        found.links[subject].add((predicate, value))
        if predicate == terms.PROPERTY_LINK:
            found.points.add(subject)
    elif predicate in terms.NAMES:
        if isinstance(value, Literal):
            found.names[subject].add(value.value)
    elif predicate == terms.PREFERRED:
        if isinstance(value, Literal) and value.value in ("true", "1"):
            found.preferred.add(subject)
    elif isinstance(value, Literal | NamedNode):
        texts = found.ids if predicate in terms.IDS else found.stores if predicate in terms.STORES else found.own_ids
        texts[subject].add(value.value)


def _order(reference: SeriesReference) -> tuple[bool, bool, str, str]:
    return (
        not reference.preferred,
        parse_uuid(reference.id) is None,
        reference.id,
        reference.stored_at or "",
    )


def _choose(point: str, ordered: tuple[SeriesReference, ...]) -> UUID:
    return series_uuid(ordered[0].id, ordered[0].stored_at) if ordered else point_uuid(point)


def _unnamed(statements: _Statements) -> Iterator[Finding]:
    count = sum(isinstance(node, BlankNode) for node in statements.nodes())
    if count:
        yield Finding("unnamed-point", f"{count} points are blank nodes and were left out: give them IRIs")


__all__ = [
    "SERIES_CONSTRUCT",
    "Finding",
    "PointSeries",
    "SeriesReference",
    "check_points",
    "find_points",
    "is_point_class",
    "looks_damaged",
    "point_uuid",
    "reference_quads",
    "series_uuid",
]
