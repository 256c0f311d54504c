from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox

from ontologies import catalog
from ontologies.namespaces import BRICK, RDF
from tests.support.campus import Campus, series_of, write

SMALL = Campus(buildings=2, floors=1, zones=3)


def test_the_triples_are_counted_and_differ() -> None:
    text = "".join(piece for number in range(SMALL.buildings) for piece in SMALL.building(number))
    quads = set(ox.parse(text, ox.RdfFormat.N_QUADS))
    assert text.count("\n") == len(quads) == SMALL.triples
    assert {str(quad.graph_name) for quad in quads} == {f"<{SMALL.graph(number)}>" for number in (0, 1)}


def test_every_class_is_brick(tmp_path: Path) -> None:
    assert write(tmp_path / "campus.nq", SMALL, ontology=False) == SMALL.triples
    types = {quad.object for quad in ox.parse(path=tmp_path / "campus.nq") if quad.predicate == RDF["type"]}
    known = {quad.subject for quad in catalog.find("brick").quads()}
    assert {kind for kind in types if kind in BRICK} <= known


def test_the_same_size_is_the_same_campus(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, SMALL, ontology=False)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_size_is_met() -> None:
    assert abs(Campus.of(10_000_000).triples - 10_000_000) < 50_000


def test_each_point_has_a_series_of_its_own() -> None:
    assert len({series_of(point) for point in range(10_000)}) == 10_000
