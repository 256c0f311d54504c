from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from pyoxigraph import NamedNode, Quad

from ontologies.catalog import available, find
from ontologies.errors import UnknownOntology
from ontologies.namespaces import OWL, QUDT, RDF, UNIT


def test_what_comes_with_twinhouse() -> None:
    assert [(o.name, o.version) for o in available()] == [("brick", "1.4"), ("brick", "1.5"), ("223p", "1.0")]
    assert find("Brick") == find("brick", "1.4")


@pytest.mark.parametrize("version", ["1.4", "1.5"])
def test_an_ontology_is_in_the_graph_of_its_own_name(brick: Callable[[str], tuple[Quad, ...]], version: str) -> None:
    graph = find("brick", version).graph
    quads = brick(version)
    assert len(quads) > 60_000
    assert {quad.graph_name for quad in quads} == {graph}
    assert Quad(graph, RDF["type"], OWL["Ontology"], graph) in quads
    assert Quad(UNIT["DEG_C"], RDF["type"], QUDT["Unit"], graph) in quads
    assert graph == NamedNode(f"https://brickschema.org/schema/{version}/Brick")


@pytest.mark.parametrize(("name", "version"), [("saref", None), ("brick", "9")])
def test_an_unknown_one_lists_the_known(name: str, version: str | None) -> None:
    with pytest.raises(UnknownOntology, match=r"brick 1\.4, brick 1\.5"):
        find(name, version)


def test_the_wheel_is_not_imported() -> None:
    code = (
        "import sys; from ontologies.catalog import available; available();"
        "assert not {'brickschema', 'rdflib'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
