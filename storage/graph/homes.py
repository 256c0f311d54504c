"""Knows in which graphs the triples of a predicate are, where these are few: no others need to be searched."""

from __future__ import annotations

import pyoxigraph as ox

from storage.graph.rewriting.triples import TYPE

Graph = ox.NamedNode | ox.BlankNode | ox.DefaultGraph
_MOST = 1000  # triples of a predicate that are read, once, to know their graphs
_KEPT = 5000  # predicates and classes


class Homes:
    """The graphs that may have triples of a predicate, of rdf:type by class; kept up by who writes the store."""

    def __init__(self, store: ox.Store) -> None:
        self._store = store
        self._known: dict[tuple[ox.NamedNode, ox.NamedNode | None], set[Graph] | None] = {}

    def may_be_elsewhere(self, quad: ox.Quad) -> bool:
        """Tell whether another graph may have the triple of a quad that is about to be added."""
        term = quad.object if quad.predicate.value == TYPE else None
        key = quad.predicate, term if isinstance(term, ox.NamedNode) else None
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self.forget()
            self._known[key] = self._found(*key)
        graphs = self._known[key]
        if graphs is None:
            return True
        graphs.add(quad.graph_name)
        return len(graphs) > 1

    def _found(self, predicate: ox.NamedNode, of_class: ox.NamedNode | None) -> set[Graph] | None:
        """Return the graphs, or None where the triples are too many to be read."""
        graphs = set[Graph]()
        for number, quad in enumerate(self._store.quads_for_pattern(None, predicate, of_class, None)):
            if number >= _MOST:
                return None
            graphs.add(quad.graph_name)
        return graphs

    def forget(self) -> None:
        """Know nothing any more: triples have been added, or will be, of which nobody has told."""
        self._known.clear()
