"""What RealEstateCore 4 calls the terms of Brick.

REC 4 builds on Brick: points, equipment and what is said of them are Brick's terms; places, parts and the relations
between all of these have terms of REC's own. Which, Brick says itself (``brick:isReplacedBy``,
``owl:equivalentProperty``), and the table ``data/rec_terms.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pyoxigraph import NamedNode

from ontologies.catalog import find
from ontologies.data_tables import read_table
from ontologies.migration import terms_of
from ontologies.namespaces import (
    BACNET,
    BACNET_2020,
    BRICK,
    BRICK_RELEASES,
    OWL,
    PROV,
    QUANTITY_KIND,
    QUDT,
    RDF,
    RDFS,
    REC,
    REF,
    SH,
    SKOS,
    SOSA,
    UNIT,
    expand,
    modern_brick,
)
from ontologies.point_terms import PREDICATES

_TABLE = Path(__file__).parent / "data" / "rec_terms.csv"
_BESIDE = (REC, REF, RDF, RDFS, OWL, SH, SKOS, PROV, SOSA, QUDT, UNIT, QUANTITY_KIND, BACNET, BACNET_2020)


def rec_term(term: NamedNode) -> NamedNode:
    """Return a term of any release of Brick as RealEstateCore 4 writes it: its own term, or today's Brick's.

    A term that is none of Brick's is returned as it is.
    """
    if not any(term in release for release in BRICK_RELEASES):
        return term
    return _of_brick(modern_brick(term))


def is_rec(term: NamedNode) -> bool:
    """Tell whether RealEstateCore 4 has a term, or builds on the vocabulary that has it."""
    if term in BRICK:
        known, _ = terms_of(find("brick"))
        return term in known
    return term in PREDICATES or any(term in vocabulary for vocabulary in _BESIDE)


def _of_brick(term: NamedNode) -> NamedNode:
    _, newer = terms_of(find("brick"))
    table = _table()
    if term in table:
        return table[term]
    today = newer.get(term, term)
    return table.get(today, today)


@lru_cache(maxsize=1)
def _table() -> Mapping[NamedNode, NamedNode]:
    found = {
        quad.subject: quad.object
        for quad in find("brick").quads()
        if quad.predicate == OWL["equivalentProperty"]
        and isinstance(quad.subject, NamedNode)
        and isinstance(quad.object, NamedNode)
        and quad.subject in BRICK
        and quad.object in REC
    }
    rows = {BRICK[row["brick"]]: expand(row["rec"]) for row in read_table(_TABLE, ("brick", "rec"))}
    return MappingProxyType({**found, **rows})
