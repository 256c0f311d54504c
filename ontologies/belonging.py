"""Which points are of a class, or belong to a place or a piece of equipment: queries for a union default graph."""

from __future__ import annotations

from pyoxigraph import NamedNode

from ontologies.namespaces import RDF, RDFS, REC, any_brick
from ontologies.point_terms import HAS_POINT, IS_POINT_OF

_UP = (
    *IS_POINT_OF,
    *any_brick("isPartOf"),
    *any_brick("hasLocation"),
    *any_brick("hasSite"),
    *(REC[local] for local in ("isPartOf", "hasLocation", "locatedIn")),
)
_DOWN = (
    *HAS_POINT,
    *any_brick("hasPart"),
    *any_brick("isLocationOf"),
    *(REC[local] for local in ("hasPart", "isLocationOf")),
)


def points_of_class(iri: str) -> str:
    """Return the SELECT of each ?point of a class or one below it, as far as the graph knows what is below it."""
    # The classes first, so that the types are looked up by class and not scanned.
    classes = f"SELECT ?class WHERE {{ ?class {RDFS['subClassOf']}* {NamedNode(iri)} }}"
    return f"SELECT DISTINCT ?point WHERE {{ {{ {classes} }} ?point {RDF['type']} ?class }}"


def points_within(iri: str) -> str:
    """Return the SELECT of each ?point that belongs to a place or to equipment, through whatever is in between."""
    steps = "|".join([*sorted(map(str, set(_UP))), *(f"^{term}" for term in sorted(map(str, set(_DOWN))))])
    return f"SELECT DISTINCT ?point WHERE {{ ?point ({steps})+ {NamedNode(iri)} }}"
