"""The ontologies that come with Twinhouse: those in the ``brickschema`` wheel, by name and version.

Brick holds RealEstateCore's shapes and the ``ref:`` vocabulary, and comes with ASHRAE 223P. It uses QUDT's units and
quantity kinds without saying what they are, so each reading adds that, or ``brick:hasUnit`` would fail its own shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat

from ontologies.errors import UnknownOntology
from ontologies.formats import read_quads
from ontologies.namespaces import QUANTITY_KIND, QUDT, RDF, UNIT

_WHEEL = "brickschema"


@dataclass(frozen=True, slots=True)
class Ontology:
    """A packaged ontology: its graph is named by the IRI that it gives itself; `file` is its place in the wheel."""

    name: str
    version: str
    iri: str
    file: str

    @property
    def graph(self) -> NamedNode:
        return NamedNode(self.iri)

    @property
    def path(self) -> Path:
        return _wheel() / "ontologies" / self.file

    def quads(self) -> Iterator[Quad]:
        """Read the ontology into its own graph, with the types of the QUDT terms that it uses."""
        quads = list(read_quads(self.path, RdfFormat.TURTLE, graph=self.graph))
        return chain(quads, qudt_types(quads, self.graph))


# The first of a name is its default.
_KNOWN = (
    *(
        Ontology("brick", version, f"https://brickschema.org/schema/{version}/Brick", f"{version}/Brick.ttl")
        for version in ("1.4", "1.5")
    ),
    Ontology("223p", "1.0", "http://data.ashrae.org/standard223/1.0/model/all", "1.5/extensions/223p.ttl"),
)


def available() -> tuple[Ontology, ...]:
    """Return the packaged ontologies, the default version of each name first."""
    return tuple(ontology for ontology in _KNOWN if ontology.path.is_file())


def find(name: str, version: str | None = None) -> Ontology:
    """Return an ontology by name, in its default version unless told."""
    for ontology in available():
        if ontology.name == name.lower() and version in (None, ontology.version):
            return ontology
    known = ", ".join(f"{ontology.name} {ontology.version}" for ontology in available())
    raise UnknownOntology(f"no packaged ontology {' '.join(filter(None, (name, version)))!r}; known: {known}")


def qudt_types(quads: Iterable[Quad], graph: NamedNode | DefaultGraph) -> Iterator[Quad]:
    """Type each QUDT unit and quantity kind that the quads mention as what it is."""
    terms = {term for quad in quads for term in (quad.subject, quad.object) if isinstance(term, NamedNode)}
    for term in sorted(terms, key=str):
        for vocabulary, kind in ((UNIT, QUDT["Unit"]), (QUANTITY_KIND, QUDT["QuantityKind"])):
            if term in vocabulary:
                yield Quad(term, RDF["type"], kind, graph)


def _wheel() -> Path:
    # Not importlib.resources.files: it imports the package, and with it rdflib and much else.
    spec = find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise UnknownOntology(f"the packaged ontologies are missing: pip install {_WHEEL}")
    return Path(spec.submodule_search_locations[0])
