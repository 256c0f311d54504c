"""What a person decided about points, and how the graph remembers it for the next import (W3C PROV-O)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.identity import bacnet_uuid
from ontologies.namespaces import PROV, RDF, TWH, XSD

REVIEWS = NamedNode("urn:twinhouse:reviews")
"""The graph that decisions are in: no import replaces it."""

VERDICTS = {"accept": "accepted", "correct": "corrected", "reject": "rejected"}

_REVIEW = TWH["Review"]
_TEXTS = {
    TWH["verdict"]: "verdict",
    TWH["reviewedName"]: "name",
    TWH["equipmentName"]: "equipment",
    TWH["locationName"]: "location",
    TWH["reviewer"]: "by",
    PROV["endedAtTime"]: "at",
}
_CLASS = TWH["reviewedClass"]
_TAG = TWH["haystackTag"]

DECISIONS_CONSTRUCT = f"CONSTRUCT {{ ?review ?p ?o }} WHERE {{ ?review a {_REVIEW} ; ?p ?o }}"
"""A SPARQL query, for a union default graph, of what ``decisions_of`` reads."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on one point: the class that holds, or none where it is not known to be anything but a point.

    ``name`` is what the point was called when it was reviewed; ``at`` an xsd:dateTime. An empty equipment or
    location says that there is none, None that nothing was said of it.
    """

    point: str
    verdict: str
    class_iri: str | None = None
    tags: tuple[str, ...] = ()
    equipment: str | None = None
    location: str | None = None
    name: str | None = None
    by: str | None = None
    at: str | None = None

    @property
    def status(self) -> str:
        """The verdict as a state: ``accepted``, ``corrected`` or ``rejected``."""
        return VERDICTS[self.verdict]


def decision_quads(decisions: Iterable[Decision], graph: NamedNode = REVIEWS) -> Iterator[Quad]:
    """Return what the graph remembers of decisions: one node a point, so that a later decision takes its place.

    To change one, its node (``review_iri``) is to be deleted first.
    """
    for decision in decisions:
        node = review_iri(decision.point)
        yield Quad(node, RDF["type"], _REVIEW, graph)
        yield Quad(node, RDF["type"], PROV["Activity"], graph)
        yield Quad(node, PROV["used"], NamedNode(decision.point), graph)
        if decision.class_iri:
            yield Quad(node, _CLASS, NamedNode(decision.class_iri), graph)
        for tag in decision.tags:
            yield Quad(node, _TAG, Literal(tag), graph)
        for predicate, field in _TEXTS.items():
            value = getattr(decision, field)
            if value is not None:
                kind = XSD["dateTime"] if predicate == PROV["endedAtTime"] else XSD["string"]
                yield Quad(node, predicate, Literal(value, datatype=kind), graph)


def review_iri(point: str) -> NamedNode:
    """Return the node of a point's review."""
    return NamedNode(bacnet_uuid("review", point).urn)


def decisions_of(quads: Iterable[Quad]) -> tuple[Decision, ...]:
    """Read decisions back, by point; what is no review of ours, or lacks its point or verdict, is passed over."""
    facts: defaultdict[object, dict[str, str]] = defaultdict(dict)
    tags: defaultdict[object, set[str]] = defaultdict(set)
    for quad in quads:
        value = getattr(quad.object, "value", "")
        if quad.predicate == PROV["used"]:
            facts[quad.subject]["point"] = value
        elif quad.predicate == _CLASS:
            facts[quad.subject]["class_iri"] = value
        elif quad.predicate == _TAG:
            tags[quad.subject].add(value)
        elif quad.predicate in _TEXTS:
            facts[quad.subject][_TEXTS[quad.predicate]] = value
    whole = (
        Decision(**found, tags=tuple(sorted(tags[node])))
        for node, found in facts.items()
        if "point" in found and found.get("verdict") in VERDICTS
    )
    return tuple(sorted(whole, key=lambda decision: decision.point))
