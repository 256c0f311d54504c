"""The graph that queries over readings are asked of: as it is, or as an update that is not made would leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pyoxigraph as ox

from ontologies.points import SERIES_CONSTRUCT, find_points
from server.twin.cache import PerGeneration
from server.twin.hybrid.facts import Facts, facts, predicates_query
from server.twin.hybrid.kinds import kinds_query, read_kinds
from server.twin.resolve import PointIndex
from storage.graph.overlay import Overlay
from storage.graph.queries import Limits, Query
from storage.graph.results import Result

if TYPE_CHECKING:
    from server.twin.service import Twin

_NTRIPLES = ox.RdfFormat.N_TRIPLES.media_type
_INSIDE = Limits(seconds=300.0)
Run = Callable[[Query, Limits], Result]


class View(Protocol):
    """What queries over readings have to know of the graph."""

    def index(self, limits: Limits) -> PointIndex:
        """Return all points. Raises DeadlineExceeded, and what queries raise."""

    def facts(self, limits: Limits) -> Facts:
        """Return what the graph itself says with the vocabulary of readings. Raises as `index` does."""

    def overlay(self) -> Overlay:
        """Return an empty overlay, for quads that one query sees besides."""

    def run(self, query: Query, limits: Limits) -> Result:
        """Start a query; see ReaderPool.run."""


class Now:
    """The graph as it is, or newer."""

    def __init__(self, twin: Twin, public_url: str) -> None:
        self._twin = twin
        self._public_url = public_url
        self._indexed: tuple[PointIndex, Facts] | None = None
        self._facts = PerGeneration(lambda: twin.graph.generation, self._read_facts)
        twin.graph.watch(self._facts.soon)

    def index(self, limits: Limits) -> PointIndex:
        """Return all points. Raises DeadlineExceeded, and what queries raise."""
        return self._twin.index_within(limits)

    def facts(self, limits: Limits) -> Facts:
        """Return what the graph itself says with the vocabulary of readings. Raises as `index` does."""
        return self._facts.get(limits.end)

    def _read_facts(self) -> Facts:
        index, before = self._twin.index, self._indexed
        known = before[1] if before is not None and before[0] is index else None
        found = read_facts(self.run, _INSIDE, index, self._public_url, known)
        self._indexed = index, found
        return found

    def overlay(self) -> Overlay:
        """Return an empty overlay, for quads that one query sees besides."""
        return Overlay(self._twin.directory.snapshots)

    def run(self, query: Query, limits: Limits) -> Result:
        """Start a query; see ReaderPool.run."""
        return self._twin.readers.run(query, limits)


class After:
    """The graph as an update would leave it: each query is asked of a copy, on which its reader makes it first."""

    def __init__(self, twin: Twin, public_url: str, update: str, base_iri: str | None) -> None:
        self._twin = twin
        self._public_url = public_url
        self._update = update
        self._base_iri = base_iri
        self._index: PointIndex | None = None
        self._facts: Facts | None = None

    def index(self, limits: Limits) -> PointIndex:
        """Return all points. Raises DeadlineExceeded, and what queries raise."""
        if self._index is None:
            within = replace(_INSIDE, until=limits.end)
            triples = self.run(Query(SERIES_CONSTRUCT, _NTRIPLES), within).read()
            self._index = PointIndex.of(find_points(ox.parse(triples, ox.RdfFormat.N_TRIPLES)))
        return self._index

    def facts(self, limits: Limits) -> Facts:
        """Return what the graph itself says with the vocabulary of readings. Raises as `index` does."""
        if self._facts is None:
            within = replace(_INSIDE, until=limits.end)
            self._facts = read_facts(self.run, within, self.index(limits), self._public_url)
        return self._facts

    def overlay(self) -> Overlay:
        """Return an overlay without quads, which has the update. Raises QueryRefused for SERVICE and LOAD in it."""
        overlay = Overlay(self._twin.directory.snapshots)
        try:
            overlay.update_first(self._update, self._base_iri)
        except BaseException:
            overlay.close()
            raise
        return overlay

    def run(self, query: Query, limits: Limits) -> Result:
        """Start a query; see ReaderPool.run."""
        query = query if query.overlay is not None else replace(query, overlay=self.overlay())
        return self._twin.readers.run(query, limits)


def read_facts(run: Run, limits: Limits, index: PointIndex, public_url: str, known: Facts | None = None) -> Facts:
    """Ask a graph for its facts; `known` are those of an earlier one with the same points."""

    def rows(text: str) -> list[tuple[object, ...]]:
        found = ox.parse_query_results(run(Query(text), limits).read(), ox.QueryResultsFormat.JSON)
        assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - it is a SELECT, for the type checker
        return [tuple(row) for row in found]

    kinds = read_kinds(rows(kinds_query()))
    named = [term.value for (term,) in rows(predicates_query(public_url)) if isinstance(term, ox.NamedNode)]
    return facts(named, index.points, kinds, known)
