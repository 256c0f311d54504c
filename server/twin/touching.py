"""Tells updates that leave all points as they are, so that a stream of these costs no new index each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyoxigraph as ox

from ontologies.point_terms import PREDICATES, TYPE, is_point_class
from server.twin.hybrid.algebra import algebra
from server.twin.hybrid.operations import Operation, operations
from storage.graph.inserted import inserted_quads
from storage.graph.rewriting.syntax import Block, Element, Nested, Term, Triple
from storage.graph.rewriting.tokens import NotUnderstood, Token
from storage.graph.store import Change

_LONGEST = 1 << 14  # characters of an update whose templates are looked at
_READ = frozenset(predicate.value for predicate in PREDICATES)
_FORMS = ("INSERT", "DELETE", "WITH")


def leaves_points(text: str, base_iri: str | None = None) -> bool:
    """Tell whether an update, known to be valid, says nothing that `find_points` reads. False when in doubt."""
    quads = inserted_quads(text, base_iri)
    if quads is not None:
        return not any(map(_is_read, quads))
    try:
        return len(text) <= _LONGEST and all(map(_leaves_points, operations(text)))
    except NotUnderstood:
        return False


def leaves(change: Change | None) -> bool:
    """Tell whether a change says nothing that `find_points` reads. False when in doubt."""
    if change is None:
        return False
    quads = ox.parse(change.added + change.removed, ox.RdfFormat.N_QUADS)
    try:
        return not any(_is_read(quad) for quad in quads)
    except MemoryError:  # one has a literal that is too long to be read again, and the change is made already
        return False


def _is_read(quad: ox.Quad) -> bool:
    if quad.predicate == TYPE:
        return isinstance(quad.object, ox.NamedNode) and is_point_class(quad.object.value)
    return quad.predicate in PREDICATES


def _leaves_points(operation: Operation) -> bool:
    """Tell whether no template, whatever its variables are, says what is read. Raises NotUnderstood."""
    if operation.tokens[0].word not in _FORMS:
        return False
    return not any(_may_be_read(triple) for template in _templates(operation) for triple in _triples(template))


def _templates(operation: Operation) -> Iterator[Sequence[Element]]:
    """Yield the groups of an operation but for a WHERE that is no template. Raises NotUnderstood."""
    depth, start, where = 0, 0, False
    for token in operation.tokens:
        where = where or _is_where(operation, token)
        if token.sign == "{":
            start = token.start if depth == 0 else start
            depth += 1
        elif token.sign == "}":
            depth -= 1
            if depth == 0 and not where:
                group = operation.text[start : token.end]
                yield algebra(f"{operation.prologue} SELECT * WHERE {group}").group.elements


def _is_where(operation: Operation, token: Token) -> bool:
    return operation.query is not None and token.start == operation.query.start


def _triples(elements: Sequence[Element]) -> Iterator[Triple]:
    for element in elements:
        if isinstance(element, Block):
            yield from element.triples
        elif isinstance(element, Nested) and element.kind == "GRAPH":
            yield from _triples(element.groups[0].elements)
        else:
            raise NotUnderstood("more than triples")


def _may_be_read(triple: Triple) -> bool:
    verb, value = triple.verb, triple.object
    if isinstance(verb, Term) or verb.kind != "iri" or ":" not in verb.value:
        return True
    if verb.value != TYPE.value:
        return verb.value in _READ
    return value.kind != "iri" or is_point_class(value.value) or ":" not in value.value
