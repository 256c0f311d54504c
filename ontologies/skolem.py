"""Names for blank nodes, for engines that cannot do with nodes without one (RDF 1.1 Concepts, section 3.5)."""

from __future__ import annotations

import re

from pyoxigraph import BlankNode, NamedNode, Quad

_GENID = "urn:twinhouse:genid:"
_NAMED = re.compile(rb"<" + re.escape(_GENID.encode()) + rb"([^>]+)>")


def named(quad: Quad) -> Quad:
    """Return the quad with a name for each of its blank nodes; the same node always has the same."""
    subject = _name(quad.subject) if isinstance(quad.subject, BlankNode) else quad.subject
    value = _name(quad.object) if isinstance(quad.object, BlankNode) else quad.object
    return Quad(subject, quad.predicate, value)


def _name(node: BlankNode) -> NamedNode:
    return NamedNode(_GENID + node.value)


def is_skolem(term: object) -> bool:
    """Tell whether a term is such a name."""
    return isinstance(term, NamedNode) and term.value.startswith(_GENID)


def unnamed(iri: str) -> str:
    """Return an IRI as a person should see it: what stands for a blank node as `_:label`."""
    return f"_:{iri.removeprefix(_GENID)}" if iri.startswith(_GENID) else iri


def unnamed_triples(triples: bytes) -> bytes:
    """Return N-Triples with the blank nodes that the names stand for."""
    return _NAMED.sub(rb"_:\1", triples)
