"""Points that nobody modelled: each made from the name under which its readings came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.identity import reference_iri
from ontologies.namespaces import BRICK, RDF, RDFS, REF
from ontologies.points import PointSeries, reference_quads

GRAPH = NamedNode("urn:twinhouse:written")
"""The graph that they are in."""


def point_quads(names: Mapping[UUID, str], stored_at: str | None = None) -> Iterator[Quad]:
    """Return a point for each series, with its name as label and a reference to the series.

    `stored_at` is the database or bucket that the readings were sent to. Equal arguments give equal quads.
    """
    for uuid, name in names.items():
        point = NamedNode(uuid.urn)
        yield Quad(point, RDF["type"], BRICK["Point"], GRAPH)
        yield Quad(point, RDFS["label"], Literal(name), GRAPH)
        yield from reference_quads([PointSeries(point.value, uuid)], GRAPH)
        if stored_at is not None:
            yield Quad(NamedNode(reference_iri(point.value, uuid)), REF["storedAt"], Literal(stored_at), GRAPH)
