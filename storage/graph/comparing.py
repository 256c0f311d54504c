"""Compares the graphs of a store: which predicates, and which classes, have triples that several of them have.

Mostly no subject is in two graphs, and so no triple. Else the engine counts the quads of a kind and their triples:
where there are fewer of these, some are shared. It counts both in one query, that is, in one state of the store, and
keeps the triples of the kind in memory meanwhile. Where that is too much, it looks for each quad in other graphs:
without memory, but for some ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyoxigraph as ox

from storage.graph.rewriting.shared import NOTHING, Shared
from storage.graph.rewriting.triples import TYPE

_PAIRS = (
    "GRAPH ?g {{ {0} }} GRAPH ?h {{ {0} }} FILTER(!sameTerm(?g, ?h))",
    "{0} GRAPH ?h {{ {0} }}",
)


class TooMany(Exception):
    """There are more quads of a kind than may be in memory."""


class _Kind(NamedTuple):
    """Triples with a predicate; of rdf:type with a class, which is "" for all that have no IRI as their object."""

    predicate: str
    of_class: str | None = None

    @property
    def pattern(self) -> str:
        known = f"?s {ox.NamedNode(self.predicate)} "
        if self.of_class:
            return f"{known}{ox.NamedNode(self.of_class)}"
        return f"{known}?o" if self.of_class is None else f"{known}?o FILTER(!isIRI(?o))"


def shared_by(store: ox.Store, most: int, *, look_up: bool = True) -> Shared:
    """Return what the graphs have in common. The engine compares, without the GIL, up to `most` quads in memory.

    Raises TooMany where there are more of a kind, unless it may `look_up` each of these. What is written meanwhile
    may be found or not.
    """
    if not are_several(store):
        return NOTHING
    comparison = _Comparison(store, most, look_up=look_up)
    return NOTHING if comparison.are_apart() else comparison.shared(comparison.kinds())


def still_shared(store: ox.Store, before: Shared, most: int) -> Shared:
    """Return what graphs still have in common of what they had; see shared_by."""
    if before.everything:
        return shared_by(store, most)
    kinds = [*map(_Kind, before.predicates), *(_Kind(TYPE, each) for each in before.classes)]
    return _Comparison(store, most).shared(kinds)


def shared_with(store: ox.Store, quads: Iterable[ox.Quad], known: Shared) -> Shared:
    """Return what is known, and what these quads of the store have in common with other graphs."""
    for quad in quads:
        kind = kind_of(quad)
        if not known.has(*kind) and is_elsewhere(store, quad):
            known |= _as_shared([kind])
    return known


def meeting(store: ox.Store, graph: ox.NamedNode | ox.DefaultGraph) -> Iterator[ox.Quad]:
    """Yield the quads of a graph whose subjects are in others, too. The engine finds these, without the GIL.

    That takes a sixth of what it takes to look up each quad: one of some with a subject is enough.
    """
    inside, others = "?s ?p ?o", ["GRAPH ?h { ?s ?q ?r }"]
    if isinstance(graph, ox.NamedNode):
        inside, others = f"GRAPH {graph} {{ {inside} }}", [f"{others[0]} FILTER(!sameTerm(?h, {graph}))", "?s ?q ?r"]
    for other in others:  # without memory: a graph has the quads of a subject one after the other
        rows = store.query(f"SELECT REDUCED ?s {{ {{ SELECT REDUCED ?s {{ {inside} }} }} {other} }}")
        for row in rows:  # type: ignore[union-attr] # it is a SELECT
            yield from store.quads_for_pattern(row[0], None, None, graph)


def kind_of(quad: ox.Quad) -> _Kind:
    """Return the predicate of a quad, and if that is rdf:type the class."""
    predicate = quad.predicate.value
    if predicate != TYPE:
        return _Kind(predicate)
    return _Kind(TYPE, quad.object.value if isinstance(quad.object, ox.NamedNode) else "")


def is_elsewhere(store: ox.Store, quad: ox.Quad) -> bool:
    """Tell whether another graph has the triple of a quad."""
    found = store.quads_for_pattern(quad.subject, quad.predicate, quad.object, None)
    return any(other.graph_name != quad.graph_name for other in found)


def _as_shared(kinds: list[_Kind]) -> Shared:
    predicates = (kind.predicate for kind in kinds if kind.of_class is None)
    return NOTHING.with_more(predicates, (kind.of_class for kind in kinds if kind.of_class is not None))


def are_several(store: ox.Store) -> bool:
    """Tell whether several graphs are not empty."""
    holding = 0
    for graph in (ox.DefaultGraph(), *store.named_graphs()):
        holding += next(store.quads_for_pattern(None, None, None, graph), None) is not None
        if holding > 1:
            return True
    return False


class _Comparison:
    def __init__(self, store: ox.Store, most: int, *, look_up: bool = True) -> None:
        self._store = store
        self._most = most
        self._look_up = look_up
        self._unnamed = next(store.quads_for_pattern(None, None, None, ox.DefaultGraph()), None) is not None

    def are_apart(self) -> bool:
        """Tell whether no subject is in two graphs, which takes half of the time; False where they are too many."""
        most = self._most + self._most // 2  # of pairs of a subject and a graph, which need as much memory as a quad
        some = f"SELECT DISTINCT ?s ?g {{ {self._anywhere('?s ?p ?o')} }} LIMIT {most + 1}"
        text = f"SELECT (COUNT(*) AS ?pairs) (COUNT(DISTINCT ?s) AS ?subjects) {{ {some} }}"
        [row] = self._store.query(text)  # type: ignore[misc] # it is a SELECT
        pairs, subjects = (int(number.value) for number in row)
        return pairs == subjects <= most

    def kinds(self) -> Iterator[_Kind]:
        """Yield all kinds, each as soon as it is found."""
        for predicate in self._distinct("?p", "?s ?p ?o"):
            if predicate.value != TYPE:
                yield _Kind(predicate.value)
                continue
            yield from (_Kind(TYPE, each.value) for each in self._distinct("?o", f"?s <{TYPE}> ?o FILTER(isIRI(?o))"))
            yield _Kind(TYPE, "")

    def _distinct(self, term: str, pattern: str) -> Iterator[ox.NamedNode]:
        rows = self._store.query(f"SELECT DISTINCT {term} {{ {self._anywhere(pattern)} }}")
        return (row[0] for row in rows)  # type: ignore[union-attr] # it is a SELECT

    def _anywhere(self, pattern: str) -> str:
        named = f"GRAPH ?g {{ {pattern} }}"
        return f"{{ {named} }} UNION {{ {pattern} }}" if self._unnamed else named

    def shared(self, kinds: Iterable[_Kind]) -> Shared:
        """Return those of the kinds of which several graphs have a triple. They are looked for meanwhile."""
        with ThreadPoolExecutor(1) as thread:
            found = [(kind, thread.submit(self._is_shared, kind)) for kind in kinds]
            return _as_shared([kind for kind, shared in found if shared.result()])

    def _is_shared(self, kind: _Kind) -> bool:
        try:
            if self._are_distinct("?s", kind):  # which takes half of the time and of the memory
                return False
            return bool(kind.of_class) or not self._are_distinct("?s ?o", kind)
        except TooMany:
            if not self._look_up:
                raise
        pairs = _PAIRS[: 1 + self._unnamed]
        return any(bool(self._store.query(f"ASK {{ {pair.format(kind.pattern)} }}")) for pair in pairs)

    def _are_distinct(self, terms: str, kind: _Kind) -> bool:
        some = f"SELECT {terms} {{ {self._anywhere(kind.pattern)} }} LIMIT {self._most + 1}"
        text = f"SELECT (COUNT(*) AS ?quads) (COUNT(DISTINCT *) AS ?distinct) {{ {some} }}"
        [row] = self._store.query(text)  # type: ignore[misc] # it is a SELECT
        quads, distinct = (int(number.value) for number in row)
        if quads > self._most:
            raise TooMany
        return quads == distinct
