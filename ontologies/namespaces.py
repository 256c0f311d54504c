"""The vocabularies that buildings are described in: each prefix and its IRI, said once.

Brick, RealEstateCore, ASHRAE 223P, BACnet (both of its IRIs), QUDT and the W3C's own. A term is written as in
Turtle, with brackets for the colon: ``BRICK["hasPoint"]`` is ``brick:hasPoint``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import NamedNode, Quad


@dataclass(frozen=True, slots=True)
class Namespace:
    """The IRI that a vocabulary's terms begin with."""

    iri: str

    def __getitem__(self, local: str) -> NamedNode:
        return NamedNode(self.iri + local)

    def __contains__(self, term: object) -> bool:
        return isinstance(term, NamedNode) and term.value.startswith(self.iri)


RDF = Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")
OWL = Namespace("http://www.w3.org/2002/07/owl#")
XSD = Namespace("http://www.w3.org/2001/XMLSchema#")
SH = Namespace("http://www.w3.org/ns/shacl#")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")
PROV = Namespace("http://www.w3.org/ns/prov#")
SOSA = Namespace("http://www.w3.org/ns/sosa/")
BRICK = Namespace("https://brickschema.org/schema/Brick#")
REF = Namespace("https://brickschema.org/schema/Brick/ref#")
BSH = Namespace("https://brickschema.org/schema/BrickShape#")
REC = Namespace("https://w3id.org/rec#")
S223 = Namespace("http://data.ashrae.org/standard223#")
# Brick 1.4 writes the first, Brick 1.5 and 223P the second.
BACNET_2020 = Namespace("http://data.ashrae.org/bacnet/2020#")
BACNET = Namespace("http://data.ashrae.org/bacnet/")
QUDT = Namespace("http://qudt.org/schema/qudt/")
UNIT = Namespace("http://qudt.org/vocab/unit/")
QUANTITY_KIND = Namespace("http://qudt.org/vocab/quantitykind/")
SENAPS = Namespace("http://senaps.io/schema/1.0/senaps#")
TWH = Namespace("urn:twinhouse:")
# Haystack's records as triples of our own: see ontologies.haystack.encoding.
HAYSTACK = Namespace("urn:twinhouse:haystack:")
TAG = Namespace("urn:twinhouse:haystack:tag:")

PREFIXES: dict[str, str] = {
    "rdf": RDF.iri,
    "rdfs": RDFS.iri,
    "owl": OWL.iri,
    "xsd": XSD.iri,
    "sh": SH.iri,
    "skos": SKOS.iri,
    "prov": PROV.iri,
    "sosa": SOSA.iri,
    "brick": BRICK.iri,
    "ref": REF.iri,
    "bsh": BSH.iri,
    "rec": REC.iri,
    "s223": S223.iri,
    "bacnet": BACNET_2020.iri,
    "bacnet1": BACNET.iri,
    "qudt": QUDT.iri,
    "unit": UNIT.iri,
    "qudtqk": QUANTITY_KIND.iri,
    "senaps": SENAPS.iri,
    "twh": TWH.iri,
    "hs": HAYSTACK.iri,
    "hstag": TAG.iri,
}

# Until 1.2 a Brick release put its own number into every IRI, and 1.0 kept its properties in BrickFrame.
BRICK_RELEASES: tuple[Namespace, ...] = (
    BRICK,
    Namespace("https://brickschema.org/schema/1.1/Brick#"),
    *(
        Namespace(f"https://brickschema.org/schema/1.0.{patch}/{part}#")
        for patch in (1, 2, 3)
        for part in ("Brick", "BrickFrame")
    ),
)


def any_brick(local: str) -> tuple[NamedNode, ...]:
    """Return the term as each release of Brick writes it, today's first."""
    return tuple(release[local] for release in BRICK_RELEASES)


def modern_brick(term: NamedNode) -> NamedNode:
    """Return a term of an older release of Brick as today's release writes it; any other term as it is."""
    for release in BRICK_RELEASES[1:]:
        if term in release:
            return BRICK[term.value[len(release.iri) :]]
    return term


def modern_quads(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Yield quads with the relations and classes of older releases of Brick as today's release writes them."""
    for quad in quads:
        predicate, value = modern_brick(quad.predicate), quad.object
        value = modern_brick(value) if isinstance(value, NamedNode) else value
        same = predicate is quad.predicate and value is quad.object
        yield quad if same else Quad(quad.subject, predicate, value, quad.graph_name)


def expand(name: str) -> NamedNode:
    """Return ``brick:hasPoint`` as an IRI. Raises KeyError for an unknown prefix."""
    prefix, _, local = name.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


def compact(iri: str) -> str:
    """Return an IRI as ``brick:hasPoint`` where its prefix is known, else as it is."""
    fits = ((base, prefix) for prefix, base in PREFIXES.items() if iri.startswith(base))
    base, prefix = max(fits, default=("", ""))
    local = iri[len(base) :]
    return f"{prefix}:{local}" if base and local and not set(local) & set("/#") else iri
