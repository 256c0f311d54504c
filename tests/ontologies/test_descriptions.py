from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store

from ontologies.descriptions import DESCRIBE_POINTS, PointDescription, describe_points
from ontologies.formats import read_quads
from ontologies.namespaces import PREFIXES
from ontologies.points import find_points, reference_quads

Model = Callable[[str], tuple[Quad, ...]]
G = NamedNode("urn:g")
POINT = "<urn:p> a brick:Temperature_Sensor . "
ROOM = "<urn:r> a brick:Room . <urn:f> a brick:Floor ; brick:hasPart <urn:r> ; rec:isPartOf <urn:b> . "
BUILDING = "<urn:b> a rec:Building . "


def describe(*sources: Iterable[Quad]) -> list[PointDescription]:
    store = Store()
    for quads in sources:
        store.bulk_extend(quads)
    points = find_points(sources[0])
    store.bulk_extend(reference_quads(points, G))
    facts = {name: list(rows(store, query)) for name, query in DESCRIBE_POINTS.items()}
    return describe_points((point.point for point in points), facts)


def rows(store: Store, query: str) -> Iterable[tuple[str, str]]:
    solutions = store.query(query, use_default_graph_as_union=True)
    assert isinstance(solutions, QuerySolutions)
    for subject, value in solutions:
        assert isinstance(subject, NamedNode | BlankNode)
        assert isinstance(value, NamedNode | BlankNode | Literal)
        yield subject.value, value.value


def turtle(body: str) -> list[Quad]:
    prefixes = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in PREFIXES.items())
    return list(read_quads((prefixes + body).encode(), RdfFormat.TURTLE, graph=G))


@pytest.mark.parametrize(
    ("body", "equipment"),
    [
        ("<urn:p> brick:hasLocation <urn:r> .", None),
        ("<urn:r> brick:hasPoint <urn:p> .", None),
        ("<urn:e> brick:hasPoint <urn:p> ; brick:hasLocation <urn:r> .", "urn:e"),
        ("<urn:p> rec:isPointOf <urn:e> . <urn:r> rec:isLocationOf <urn:e> .", "urn:e"),
        ("<urn:e> brick:hasPart <urn:p> ; brick:isPartOf <urn:x> . <urn:x> rec:locatedIn <urn:r> .", "urn:e"),
        ("<urn:e> brick:hasPoint <urn:p> ; brick:feeds <urn:r> .", "urn:e"),
        (
            "<urn:e> brick:hasPoint <urn:p> ; brick:feeds <urn:z> ."
            "<urn:z> a brick:HVAC_Zone ; brick:hasPart <urn:r> .",
            "urn:e",
        ),
        (
            "<urn:x> brick:hasPart <urn:e> ; brick:hasPoint <urn:p> ."
            "<urn:e> brick:hasPoint <urn:p> ; brick:feeds <urn:r> .",
            "urn:e",
        ),
    ],
)
def test_a_place_is_found_by_each_way(body: str, equipment: str | None) -> None:
    (point,) = describe(turtle(POINT + ROOM + BUILDING + body))
    assert (point.equipment, point.room, point.floor, point.building) == (equipment, "urn:r", "urn:f", "urn:b")


def test_a_choice_of_rooms_is_left_open_but_not_their_floor() -> None:
    more = "<urn:f> brick:hasPart <urn:r2> . <urn:r2> a brick:Room . "
    (point,) = describe(
        turtle(POINT + ROOM + more + "<urn:e> brick:hasPoint <urn:p> ; brick:feeds <urn:r>, <urn:r2> .")
    )
    assert (point.room, point.floor) == (None, "urn:f")


def test_things_that_are_part_of_each_other_do_no_harm() -> None:
    (point,) = describe(
        turtle(
            POINT
            + "<urn:e> brick:hasPoint <urn:p> ; brick:hasPart <urn:e>, <urn:x> . <urn:x> brick:hasPart <urn:e> ."
        )
    )
    assert point.equipment == "urn:e"


def test_the_most_specific_class_needs_the_ontology(brick: Model) -> None:
    quads = turtle(
        "<urn:p> a brick:Sensor, brick:Zone_Air_Temperature_Sensor, owl:Thing ."
        '<urn:p> rdfs:label "a", "b" ; brick:hasUnit unit:DEG_C .'
    )
    (point,) = describe(quads, brick("1.4"))
    assert point == PointDescription(
        "urn:p", "a", PREFIXES["brick"] + "Zone_Air_Temperature_Sensor", PREFIXES["unit"] + "DEG_C"
    )


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("brick/mortar-bldg1/model.ttl", (0, 0, 1_690, 1_575, 1_575, 1_691)),
        ("brick/hhw/building_110_non-condensing_ad.ttl", (8, 8, 8, 0, 0, 8)),
        ("brick/ciee.ttl", (0, 0, 128, 204, 204, 216)),
        ("rec/sensor.ttl", (0, 0, 0, 6, 6, 6)),
    ],
)
def test_real_models(model: Model, brick: Model, path: str, counts: tuple[int, ...]) -> None:
    described = describe(model(path), brick("1.4"))
    columns = ("label", "unit", "equipment", "room", "floor", "building")
    assert tuple(sum(getattr(d, column) is not None for d in described) for column in columns) == counts
    assert all(d.class_iri for d in described)
