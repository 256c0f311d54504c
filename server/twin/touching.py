"""Tells updates that leave all points as they are, so that a stream of these costs no new index each."""

from __future__ import annotations

import pyoxigraph as ox

from ontologies.point_terms import PREDICATES, TYPE, is_point_class
from storage.graph.inserted import inserted_quads
from storage.graph.store import Change


def leaves_points(text: str, base_iri: str | None = None) -> bool:
    """Tell whether an update, known to be valid, says nothing that `find_points` reads. False when in doubt."""
    quads = inserted_quads(text, base_iri)
    return quads is not None and not any(_is_read(quad) for quad in quads)


def leaves(change: Change | None) -> bool:
    """Tell whether a change says nothing that `find_points` reads. False when in doubt."""
    if change is None:
        return False
    quads = ox.parse(change.added + change.removed, ox.RdfFormat.N_QUADS)
    return not any(_is_read(quad) for quad in quads)


def _is_read(quad: ox.Quad) -> bool:
    if quad.predicate == TYPE:
        return isinstance(quad.object, ox.NamedNode) and is_point_class(quad.object.value)
    return quad.predicate in PREDICATES
