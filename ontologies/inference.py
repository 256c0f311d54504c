"""What follows from a model by the rules of an ontology: SHACL-AF, run to a fixed point by pyshifty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, Triple, parse, serialize

from ontologies.catalog import Ontology
from ontologies.namespaces import RDF, RDFS

INFERRED = NamedNode("urn:twinhouse:inferred")
"""The graph of what was inferred."""

_GENID = "urn:twinhouse:genid:"


def infer(model: bytes, ontology: Ontology, *, closure: bool = False) -> list[Quad]:
    """Return what a model, as N-Triples, does not say and its ontology's rules do, for the graph `INFERRED`.

    With `closure` also each class above those that something is of. What would be about a blank node is left out,
    since nothing could name that node in another graph.
    """
    import shifty  # heavy: imported by those who infer

    said = {_named(triple) for triple in _triples(model)}
    result = shifty.infer(_n_triples(said), _rules(ontology))
    known = set(_triples(result.graph_ntriples.encode()))
    found = {triple for triple in known - said if _lasting(triple)}
    if closure:
        found |= set(_closure(known, ontology)) - said
    return [Quad(t.subject, t.predicate, t.object, INFERRED) for t in sorted(found, key=str) if _lasting(t)]


def _triples(document: bytes) -> Iterator[Triple]:
    for quad in parse(document, RdfFormat.N_TRIPLES):
        yield quad.triple


def _n_triples(triples: Iterable[Triple]) -> bytes:
    return serialize(triples, format=RdfFormat.N_TRIPLES) or b""


@lru_cache(maxsize=2)
def _rules(ontology: Ontology) -> bytes:
    return _n_triples(quad.triple for quad in ontology.quads())


def _named(triple: Triple) -> Triple:
    """Give blank nodes names, as validation does: rules that make triples of them might never end."""
    subject, value = triple.subject, triple.object
    return Triple(
        NamedNode(_GENID + subject.value) if isinstance(subject, BlankNode) else subject,
        triple.predicate,
        NamedNode(_GENID + value.value) if isinstance(value, BlankNode) else value,
    )


def _lasting(triple: Triple) -> bool:
    return not any(
        isinstance(term, BlankNode) or (isinstance(term, NamedNode) and term.value.startswith(_GENID))
        for term in (triple.subject, triple.object)
    )


def _closure(triples: Iterable[Triple], ontology: Ontology) -> Iterator[Triple]:
    """Yield each class above those that something is of."""
    above = _above(ontology)
    for triple in triples:
        if triple.predicate == RDF["type"] and isinstance(triple.object, NamedNode):
            for cls in above.get(triple.object, ()):
                yield Triple(triple.subject, triple.predicate, cls)


@lru_cache(maxsize=2)
def _above(ontology: Ontology) -> Mapping[NamedNode, frozenset[NamedNode]]:
    direct: defaultdict[NamedNode, set[NamedNode]] = defaultdict(set)
    for quad in ontology.quads():
        lower, higher = quad.subject, quad.object
        if quad.predicate == RDFS["subClassOf"] and isinstance(lower, NamedNode) and isinstance(higher, NamedNode):
            direct[lower].add(higher)
    return {cls: frozenset(_reached(cls, direct)) for cls in list(direct)}


def _reached(cls: NamedNode, direct: Mapping[NamedNode, set[NamedNode]]) -> set[NamedNode]:
    found, edge = set[NamedNode](), set(direct.get(cls, ()))
    while edge:
        found |= edge
        edge = {higher for each in edge for higher in direct.get(each, ())} - found
    return found
