"""RDF as the tests need it: documents as quads, and a graph to look things up in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

import pyoxigraph as ox

from ontologies.formats import format_of_file
from tests.conformance import archive
from tests.conformance.cases import Sources

Resource = ox.NamedNode | ox.BlankNode
Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
GraphName = ox.NamedNode | ox.DefaultGraph

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE, FIRST, REST = f"{RDF}type", f"{RDF}first", f"{RDF}rest"


@lru_cache(maxsize=512)
def document(url: str) -> tuple[ox.Quad, ...]:
    """Return the quads of a file of the suites; its blank nodes are no other file's."""
    found = ox.parse(archive.files()[url], format_of_file(url), base_iri=url, rename_blank_nodes=True)
    return tuple(found)


def quads_of(sources: Sources) -> list[ox.Quad]:
    """Return the dataset that files make."""
    plain = [quad for file in sources.default for quad in document(file)]
    return plain + [quad for name, file in sources.named for quad in _within(ox.NamedNode(name), file)]


def nquads_of(sources: Sources) -> bytes:
    """Return the dataset that files make, as N-Quads."""
    return ox.serialize(quads_of(sources), format=ox.RdfFormat.N_QUADS) or b""


def _within(graph: GraphName, file: str) -> list[ox.Quad]:
    return [ox.Quad(quad.subject, quad.predicate, quad.object, graph) for quad in document(file)]


class Graph:
    """Triples by subject and predicate."""

    def __init__(self, quads: tuple[ox.Quad, ...]) -> None:
        self._objects: dict[tuple[object, str], list[Term]] = defaultdict(list)
        self._subjects: dict[tuple[str, object], list[Resource]] = defaultdict(list)
        for quad in quads:
            assert not isinstance(quad.subject, ox.Triple)
            self._objects[quad.subject, quad.predicate.value].append(quad.object)
            self._subjects[quad.predicate.value, quad.object].append(quad.subject)

    def objects(self, subject: Term, predicate: str) -> list[Term]:
        return self._objects.get((subject, predicate), [])

    def subjects(self, predicate: str, value: Term) -> list[Resource]:
        return self._subjects.get((predicate, value), [])

    def resources(self, subject: Term, predicate: str) -> list[Resource]:
        """Return the objects that are IRIs or blank nodes."""
        return [term for term in self.objects(subject, predicate) if isinstance(term, Resource)]

    def texts(self, subject: Term, predicate: str) -> list[str]:
        """Return the IRIs and the values of the literals."""
        return [o.value for o in self.objects(subject, predicate) if isinstance(o, ox.NamedNode | ox.Literal)]

    def text(self, subject: Term, predicate: str) -> str | None:
        return next(iter(self.texts(subject, predicate)), None)

    def items(self, head: Term) -> Iterator[Term]:
        """Yield the items of an RDF list."""
        while first := self.objects(head, FIRST):
            yield first[0]
            head = self.objects(head, REST)[0]


def dataset(quads: tuple[ox.Quad, ...] | list[ox.Quad]) -> ox.Dataset:
    """Return a dataset in which equal means isomorphic."""
    found = ox.Dataset(quads)
    found.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return found
