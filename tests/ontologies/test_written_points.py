from __future__ import annotations

from uuid import UUID

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.namespaces import BRICK, RDF, RDFS, REF
from ontologies.points import SeriesReference, find_points
from ontologies.written_points import GRAPH, point_quads

ONE, TWO = UUID(int=1), UUID(int=2)
NAMES = {ONE: "m,t=a f", TWO: 'm,t="b" f'}


def test_a_point_has_its_series_and_where_that_was_sent_to() -> None:
    points = find_points(point_quads(NAMES, "home"))
    assert [(point.point, point.uuid, point.canonical) for point in points] == [
        (ONE.urn, ONE, True),
        (TWO.urn, TWO, True),
    ]
    assert points[0].references == (SeriesReference(str(ONE), "home", preferred=True),)


def test_a_point_is_one_of_brick_with_a_label_in_a_graph_of_its_own() -> None:
    quads = list(point_quads(NAMES))
    assert {quad.graph_name for quad in quads} == {GRAPH}
    assert Quad(NamedNode(ONE.urn), RDF["type"], BRICK["Point"], GRAPH) in quads
    assert Quad(NamedNode(TWO.urn), RDFS["label"], Literal('m,t="b" f'), GRAPH) in quads
    assert REF["storedAt"] not in {quad.predicate for quad in quads}


def test_making_points_twice_says_the_same() -> None:
    assert list(point_quads(NAMES, "home")) == list(point_quads(NAMES, "home"))
