"""Tells updates that leave all points as they are, so that a stream of these costs no new index each."""

from __future__ import annotations

import pyoxigraph as ox

from ontologies.point_terms import PREDICATES, TYPE, is_point_class
from storage.graph.guard import keywords

_INSERT_DATA_ALONE = frozenset({"BASE", "PREFIX", "INSERT", "DATA", "GRAPH", "A", "TRUE", "FALSE"})
_LONGEST = 1 << 20


def leaves_points(text: str) -> bool:
    """Tell whether an update, known to be valid, says nothing that `find_points` reads. False when in doubt."""
    if len(text) > _LONGEST or not _INSERT_DATA_ALONE.issuperset(keywords(text)):
        return False
    inserted = ox.Store()
    inserted.update(text)
    return not any(_is_read(quad) for quad in inserted)


def _is_read(quad: ox.Quad) -> bool:
    if quad.predicate == TYPE:
        return isinstance(quad.object, ox.NamedNode) and is_point_class(quad.object.value)
    return quad.predicate in PREDICATES
