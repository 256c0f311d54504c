from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, RdfFormat, Store

from ontologies.formats import read_quads
from ontologies.namespaces import BRICK, PREFIXES, REF
from ontologies.points import (
    SERIES_CONSTRUCT,
    Finding,
    PointSeries,
    SeriesReference,
    find_points,
    point_uuid,
    reference_quads,
    series_uuid,
)

Model = Callable[[str], tuple[Quad, ...]]
G = NamedNode("urn:g")
U, V = "756e1623-914f-4415-9000-b1b10ce8f5c9", "aaaaaaaa-914f-4415-9000-b1b10ce8f5c9"

MODELS = {
    "brick/mortar-bldg1/model.ttl": 1_691,
    "brick/hhw/building_110_non-condensing_ad.ttl": 8,
    "brick/ciee.ttl": 216,
    "brick/rice_brick.ttl": 520,
    "brick/soda_brick.ttl": 942,
    "brick/mediumOffice_brick.ttl": 306,
    "brick/quirks/ebu3b_brick.ttl": 4_595,
    "brick/examples/bacnet-bacnet.ttl": 2,
    "brick/examples/building_meter-building_meter.ttl": 6,
    "brick/examples/ifc-ifc-with-new-reference.ttl": 0,
    "rec/sensor.ttl": 6,
}


def turtle(body: str) -> list[Quad]:
    prefixes = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in PREFIXES.items())
    return list(read_quads((prefixes + body).encode(), RdfFormat.TURTLE, graph=G))


@pytest.mark.parametrize(
    "body",
    [
        f'<urn:p> ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "{U}" ] .',
        f'<urn:p> ref:hasExternalReference [ ref:hasTimeseriesId "{U}" ] .',
        f'<urn:p> s223:hasExternalReference <urn:r> . <urn:r> ref:hasTimeseriesId "{U}" .',
        f'<urn:p> brick:timeseries [ brick:hasTimeseriesId "{U}" ; brick:storedAt "db" ] .',
        f'<urn:p> brick:uuid "{U}" .',
        f'<urn:p> senaps:stream_id "{U.replace("-", "_")}" .',
        f'<urn:p> brick:uuid "{U}" ; ref:hasExternalReference [ ref:hasTimeseriesId "sup1" ] .',
        f'<urn:p> brick:uuid "{V}" ; ref:hasExternalReference [ ref:hasTimeseriesId "{U}" ; ref:preferred true ] .',
        f'<urn:p> brick:uuid "{V}", "{U}" .',
    ],
)
def test_each_form_of_reference_gives_the_same_uuid(body: str) -> None:
    (point,) = find_points(turtle(body))
    assert (point.point, point.uuid) == ("urn:p", UUID(U))


@pytest.mark.parametrize(
    "body",
    [
        "<urn:e> brick:hasPoint <urn:p> .",
        "<urn:p> rec:isPointOf <urn:e> .",
        "<urn:p> a brick:Zone_Air_Temperature_Sensor .",
        "<urn:e> <https://brickschema.org/schema/1.1/Brick#hasPoint> <urn:p> .",
    ],
)
def test_a_point_without_a_reference_has_the_uuid_of_its_iri(body: str) -> None:
    assert find_points(turtle(body)) == [PointSeries("urn:p", point_uuid("urn:p"))]


def test_a_column_of_a_file_is_told_by_both() -> None:
    (point,) = find_points(
        turtle('<urn:p> ref:hasExternalReference [ ref:hasTimeseriesId "sup1" ; ref:storedAt "110.csv" ] .')
    )
    assert point.uuid == series_uuid("sup1", "110.csv")
    assert point.references == (SeriesReference("sup1", "110.csv"),)
    assert not point.canonical


def test_other_references_make_no_point() -> None:
    assert find_points(turtle("<urn:r> a brick:Room ; ref:hasExternalReference [ a ref:IFCReference ] .")) == []


def test_the_ontology_holds_no_points(brick: Model) -> None:
    assert find_points(brick("1.4")) == []


def test_what_a_person_should_know_is_reported() -> None:
    findings: list[Finding] = []
    find_points(
        turtle(f'<urn:p> brick:uuid "{U}" . <urn:q> brick:uuid "{U}", "{U[:-2]}zz" . <urn:e> brick:hasPoint [] .'),
        findings,
    )
    assert [(finding.kind, finding.points) for finding in findings] == [
        ("unnamed-point", ()),
        ("shared-series", ("urn:p", "urn:q")),
        ("damaged-id", ("urn:q",)),
    ]


@pytest.mark.parametrize("path", MODELS)
def test_real_models_there_and_back(model: Model, path: str) -> None:
    quads = model(path)
    points = find_points(quads)
    assert len(points) == MODELS[path]
    written = list(reference_quads(points, G))
    again = find_points([*quads, *written])
    assert uuids(again) == uuids(points)
    assert all(point.canonical for point in again)
    assert list(reference_quads(again, G)) == []


@pytest.mark.parametrize("path", MODELS)
def test_the_query_fetches_what_is_needed(model: Model, brick: Model, path: str) -> None:
    store = Store()
    store.bulk_extend(brick("1.4"))
    store.bulk_extend(model(path))
    triples = store.query(SERIES_CONSTRUCT, use_default_graph_as_union=True)
    assert isinstance(triples, QueryTriples)
    fetched = [Quad(*triple) for triple in triples]
    assert find_points(fetched) == find_points(model(path))
    assert len(fetched) <= len(model(path))


POINTS = st.builds(
    PointSeries,
    st.integers(0, 20).map("urn:p{}".format),
    st.uuids(),
    st.lists(
        st.builds(SeriesReference, st.text() | st.uuids().map(str), st.none() | st.text(min_size=1), st.booleans()),
        max_size=3,
    ).map(tuple),
)


@given(st.lists(POINTS, max_size=5, unique_by=lambda point: point.point))
def test_what_is_written_is_what_is_found(points: list[PointSeries]) -> None:
    quads = [*said(points), *reference_quads(points, G)]
    again = find_points(reversed(quads))
    assert uuids(again) == {point.point: point.uuid for point in points}
    assert list(reference_quads(again, G)) == []


def said(points: Iterable[PointSeries]) -> Iterable[Quad]:
    """Write what a model says of its points, in the older form, whatever their UUIDs."""
    for point in points:
        for number, reference in enumerate(point.references):
            node = NamedNode(f"{point.point}/{number}")
            yield Quad(NamedNode(point.point), BRICK["timeseries"], node, G)
            yield Quad(node, BRICK["hasTimeseriesId"], Literal(reference.id), G)
            if reference.stored_at is not None:
                yield Quad(node, BRICK["storedAt"], Literal(reference.stored_at), G)
            if reference.preferred:
                yield Quad(node, REF["preferred"], Literal(True), G)


def uuids(points: Iterable[PointSeries]) -> dict[str, UUID]:
    return {point.point: point.uuid for point in points}
