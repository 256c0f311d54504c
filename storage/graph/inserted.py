"""Reads an update that does nothing but INSERT DATA: the quads that it adds, without a store to add them to."""

from __future__ import annotations

import pyoxigraph as ox

from storage.graph.guard import keywords

_INSERT_DATA_ALONE = frozenset({"BASE", "PREFIX", "INSERT", "DATA", "GRAPH", "A", "TRUE", "FALSE"})
_LONGEST = 1 << 20


def inserted_quads(text: str, base_iri: str | None = None) -> list[ox.Quad] | None:
    """Return what a valid update inserts; None where it may do anything else, or is too long to be read twice."""
    if len(text) > _LONGEST or not _INSERT_DATA_ALONE.issuperset(keywords(text)):
        return None
    scratch = ox.Store()
    scratch.update(text, base_iri=base_iri)
    return list(scratch)
