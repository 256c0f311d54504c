"""Counts of what a model says: its classes, and its points with and without series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pyoxigraph import NamedNode, Quad

from ontologies.namespaces import RDF

_TYPE = RDF["type"]


@dataclass(slots=True)
class Census:
    """Counts while quads go by: ``classes`` by IRI."""

    triples: int = 0
    classes: Counter[str] = field(default_factory=Counter)

    def passing(self, quads: Iterable[Quad]) -> Iterator[Quad]:
        """Count quads, and yield each."""
        for quad in quads:
            self.triples += 1
            if quad.predicate == _TYPE and isinstance(quad.object, NamedNode):
                self.classes[quad.object.value] += 1
            yield quad
