"""What sources call an entity: each name is a ``skos:notation`` whose datatype is the scheme that it belongs to.

So a building's twins keep their ids of Azure, Haystack or Google, whatever IRI they have here (SKOS, section 6.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad

from ontologies.namespaces import SKOS, TWH

NOTATION = SKOS["notation"]


class Scheme(Enum):
    """Who gives the name."""

    ADT = TWH["dtId"]
    HAYSTACK = TWH["haystackRef"]
    GDB_GUID = TWH["gdbGuid"]
    GDB_CODE = TWH["gdbCode"]
    TABLE = TWH["tableId"]


def identifier_quad(
    entity: NamedNode | BlankNode, scheme: Scheme, name: str, graph: NamedNode | BlankNode | DefaultGraph
) -> Quad:
    """Return the statement that an entity has a name."""
    return Quad(entity, NOTATION, Literal(name, datatype=scheme.value), graph)


def identifiers(quads: Iterable[Quad], scheme: Scheme) -> dict[str, str]:
    """Return the name that each entity has, by IRI; of several the first in order."""
    found = (
        (quad.object.value, quad.subject.value)
        for quad in quads
        if quad.predicate == NOTATION
        and isinstance(quad.object, Literal)
        and quad.object.datatype == scheme.value
        and isinstance(quad.subject, NamedNode)
    )
    return {entity: name for name, entity in sorted(found, reverse=True)}
