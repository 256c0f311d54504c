"""What follows from a model by an ontology's rules (SHACL-AF, by pyshifty) and its class hierarchy (RDFS).

Brick's rules give tags, inverse properties, and the terms of RealEstateCore that are the same (its document has REC's
shapes). Like `validation`, this may run for as long as it likes: who cannot wait runs it in a process of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, Triple

from ontologies.catalog import Ontology
from ontologies.formats import read_quads
from ontologies.namespaces import RDF, RDFS
from ontologies.skolem import is_skolem, named
from ontologies.validation import ntriples

_TYPE = RDF["type"]


def infer(model: Iterable[Quad] | bytes, ontology: Ontology, *, classes: bool = False) -> list[Triple]:
    """Return what follows from a model (quads, or N-Triples) and is not in it, in order.

    Each triple is about a node of the model. With `classes`, each node also gets all classes above its own. What
    would be about a blank node is left out: no other graph can name it (RDF 1.1 Concepts, section 3.4).
    """
    import shifty  # heavy: imported by those who infer

    quads = list(read_quads(model, RdfFormat.N_TRIPLES) if isinstance(model, bytes) else model)
    stated = [quad.triple for quad in map(named, quads)]
    rules = list(ontology.quads())
    found = shifty.infer(ntriples(map(named, quads)) + ntriples(rules)).inferred_ntriples
    inferred = {quad.triple for quad in read_quads(found.encode(), RdfFormat.N_TRIPLES)}
    if classes:
        inferred |= set(_classes_above([*stated, *inferred], _superclasses(rules)))
    nodes: set[object] = {triple.subject for triple in stated}
    return sorted((t for t in inferred.difference(stated) if _is_about(t, nodes)), key=str)


def _is_about(triple: Triple, nodes: set[object]) -> bool:
    ends = (triple.subject, triple.object)
    return not nodes.isdisjoint(ends) and not any(isinstance(end, BlankNode) or is_skolem(end) for end in ends)


def _superclasses(ontology: Iterable[Quad]) -> Mapping[object, set[NamedNode]]:
    """Return the named classes right above each class."""
    above: defaultdict[object, set[NamedNode]] = defaultdict(set)
    for quad in ontology:
        if quad.predicate == RDFS["subClassOf"] and isinstance(quad.object, NamedNode):
            above[quad.subject].add(quad.object)
    return above


def _classes_above(triples: Iterable[Triple], above: Mapping[object, set[NamedNode]]) -> Iterable[Triple]:
    closed: dict[object, set[NamedNode]] = {}
    for triple in triples:
        if triple.predicate == _TYPE:
            if triple.object not in closed:
                closed[triple.object] = _closure(triple.object, above)
            yield from (Triple(triple.subject, _TYPE, kind) for kind in closed[triple.object])


def _closure(start: object, above: Mapping[object, set[NamedNode]]) -> set[NamedNode]:
    found: set[NamedNode] = set()
    ahead: list[object] = [start]
    while ahead:
        new = above.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found
