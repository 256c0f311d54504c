"""Compares the graphs of a store: which predicates, and which classes, have triples that several of them have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox

from storage.graph.counting import graph_of
from storage.graph.rewriting.shared import NOTHING, Shared
from storage.graph.rewriting.triples import TYPE

_PAIRS = (
    "GRAPH ?g { ?s ?p ?o } GRAPH ?h { ?s ?p ?o } FILTER(!sameTerm(?g, ?h))",
    "?s ?p ?o GRAPH ?h { ?s ?p ?o }",
)


def graphs_of(store: ox.Store, most: int) -> list[str | None]:
    """Return the graphs that are not empty, up to `most`; None is the default graph, and "" one without an IRI."""
    names = [ox.DefaultGraph(), *store.named_graphs()]
    found = list[str | None]()
    for name in names:
        if len(found) < most and next(store.quads_for_pattern(None, None, None, name), None) is not None:
            found.append(name.value if isinstance(name, ox.NamedNode) else None if name == names[0] else "")
    return found


def shared_by(store: ox.Store, graphs: Iterable[str | None] | None) -> Shared:
    """Return what these graphs (None: all) have in common with others. The engine compares, without the GIL."""
    holding = graphs_of(store, most=2)
    if len(holding) < 2:
        return NOTHING
    unnamed = None in holding  # it would be the first
    patterns = _PAIRS[: 1 + unnamed] if graphs is None else [p for g in graphs for p in _with_others(g, unnamed)]
    found = NOTHING
    for pattern in patterns:
        found |= _terms(store, pattern)
    return found


def _with_others(graph: str | None, unnamed: bool) -> Iterator[str]:
    """Yield the pairs of a graph with each other one; the default graph is among these if it is not empty."""
    if graph is None:
        yield _PAIRS[1]
    else:
        own = f"GRAPH {graph_of(graph)} {{ ?s ?p ?o }}"
        yield f"{own} GRAPH ?h {{ ?s ?p ?o }} FILTER(!sameTerm(?h, {graph_of(graph)}))"
        if unnamed:
            yield f"{own} ?s ?p ?o"


def still_shared(store: ox.Store, before: Shared) -> Shared:
    """Return what graphs still have in common of what they had."""
    if before.everything:
        return shared_by(store, None)
    predicates = (p for p in before.predicates if _is_shared(store, f"VALUES ?p {{ {ox.NamedNode(p)} }}"))
    classes = (c for c in before.classes if _is_shared(store, _of_class(c)))
    return NOTHING.with_more(predicates, classes)


def _is_shared(store: ox.Store, condition: str) -> bool:
    return any(bool(store.query(f"ASK {{ {condition} {pattern} }}")) for pattern in _PAIRS)


def _of_class(term: str) -> str:
    known = f"VALUES ?o {{ {ox.NamedNode(term)} }}" if term else "FILTER(!isIRI(?o))"
    return f"VALUES ?p {{ <{TYPE}> }} {known}"


def _terms(store: ox.Store, pattern: str) -> Shared:
    of_class = f"BIND(IF(sameTerm(?p, <{TYPE}>), IF(isIRI(?o), STR(?o), ''), ?none) AS ?class)"
    rows = store.query(f"SELECT DISTINCT ?p ?class {{ {pattern} {of_class} }}")
    predicates, classes = set[str](), set[str]()
    for p, of in rows:  # type: ignore[union-attr] # it is a SELECT
        if of is None:
            predicates.add(p.value)
        else:
            classes.add(of.value)
    return NOTHING.with_more(predicates, classes)
