from __future__ import annotations

from collections.abc import Callable

import pytest
from pyoxigraph import NamedNode, Quad

from ontologies.namespaces import BRICK, RDFS
from ontologies.point_terms import is_point_class

Brick = Callable[[str], tuple[Quad, ...]]


@pytest.mark.parametrize("version", ["1.4", "1.5"])
def test_the_names_tell_exactly_the_subclasses_of_point(brick: Brick, version: str) -> None:
    above: dict[str, set[str]] = {}
    for quad in brick(version):
        if quad.predicate == RDFS["subClassOf"] and isinstance(quad.subject, NamedNode):
            above.setdefault(quad.subject.value, set()).add(str(quad.object))
    points, edge = set[str](), {BRICK["Point"].value}
    while edge:
        points |= edge
        edge = {sub for sub, sups in above.items() if sups & {f"<{iri}>" for iri in edge}} - points
    assert len(points) > 900
    assert {iri for iri in above.keys() | points if is_point_class(iri)} == points


@pytest.mark.parametrize(
    "iri",
    [
        "https://brickschema.org/schema/1.0.2/Brick#PreHeat_Coil_Leaving_Air_Temperature_Sensor",
        "https://brickschema.org/schema/Brick#Reheat_Valve_Command",
    ],
)
def test_classes_of_other_releases_count(iri: str) -> None:
    assert is_point_class(iri)


@pytest.mark.parametrize("iri", ["urn:x#Temperature_Sensor", "https://brickschema.org/schema/Brick#Fire_Alarm"])
def test_other_vocabularies_and_equipment_do_not(iri: str) -> None:
    assert not is_point_class(iri)
