"""Updates of data alone (SPARQL 1.1 Update, sections 3.1.1 and 3.1.2): each names the quads that it is about."""

from __future__ import annotations

import pyoxigraph as ox

from storage.graph.guard import keywords

_INSERT_DATA_ALONE = frozenset({"BASE", "PREFIX", "INSERT", "DATA", "GRAPH", "A", "TRUE", "FALSE"})
_DATA_ALONE = _INSERT_DATA_ALONE | {"DELETE"}
_LONGEST = 1 << 20
_SMALL = 1 << 13  # characters


def is_small_data(text: str) -> bool:
    """Tell whether an update, if it is valid, is of data alone, and so little that it takes no time."""
    return len(text) <= _SMALL and _DATA_ALONE.issuperset(keywords(text))


def inserted_quads(text: str, base_iri: str | None = None) -> list[ox.Quad] | None:
    """Return what a valid update inserts; None where it may do anything else, or is too long to be read twice."""
    if len(text) > _LONGEST or not _INSERT_DATA_ALONE.issuperset(keywords(text)):
        return None
    scratch = ox.Store()
    scratch.update(text, base_iri=base_iri)
    return list(scratch)
