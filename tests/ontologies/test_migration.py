from __future__ import annotations

from collections import Counter

import pytest
from pyoxigraph import NamedNode, Quad

from ontologies.catalog import Ontology, find
from ontologies.data_tables import read_table
from ontologies.errors import UnknownOntology
from ontologies.migration import _TABLE, Migration
from ontologies.models.form import Options
from ontologies.models.reading import read
from ontologies.models.registry import form_named
from ontologies.models.report import RENAMED, REPAIRED, WITHOUT_CLASS, Report
from ontologies.namespaces import BRICK, OWL, QUANTITY_KIND, RDF, REC, expand
from ontologies.points import find_points
from tests.support.data import shared

TURTLE = form_named("turtle")
OLD = b"""
PREFIX old: <https://brickschema.org/schema/1.0.2/Brick#> PREFIX bf: <https://brickschema.org/schema/1.0.2/BrickFrame#>
PREFIX one: <https://brickschema.org/schema/1.1/Brick#> PREFIX : <urn:x:>
PREFIX brick: <https://brickschema.org/schema/Brick#>
PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX rec: <https://w3id.org/rec#>
:ahu a old:AHU ; bf:feeds :zone ; bf:hasPoint :v, :t, :m .
:zone a one:HVAC_Zone ; one:isPartOf :room . :room a rec:Room ; bf:isLocatedIn :site . :site a brick:Site .
:v a brick:Reheat_Valve_Command .
:t a brick:Hot_Water_Supply_Temperature_Sensor ; brick:hasQuantity brick:Temperature .
:m a brick:Mine, brick:Never . brick:Mine a owl:Class .
"""


def migrated(document: bytes, **settings: str) -> tuple[list[Quad], Report]:
    model = read(TURTLE, document, Options(lenient=True, settings=settings))
    return list(model.quads), model.report


def test_old_names_become_todays_and_are_reported() -> None:
    quads, report = migrated(OLD, brick="1.4")
    statements = {(q.subject.value[6:], q.predicate, q.object) for q in quads if str(q.subject).startswith("<urn:x:")}  # type: ignore[union-attr]
    node = NamedNode
    assert statements == {
        ("ahu", RDF["type"], BRICK["AHU"]),
        ("ahu", BRICK["feeds"], node("urn:x:zone")),
        *(("ahu", BRICK["hasPoint"], node(f"urn:x:{name}")) for name in "vtm"),
        ("zone", RDF["type"], REC["HVACZone"]),
        ("zone", BRICK["isPartOf"], node("urn:x:room")),
        ("room", RDF["type"], REC["Room"]),
        ("room", BRICK["hasLocation"], node("urn:x:site")),
        ("site", RDF["type"], REC["Site"]),
        ("v", RDF["type"], BRICK["Valve_Position_Command"]),
        ("t", RDF["type"], BRICK["Leaving_Hot_Water_Temperature_Sensor"]),
        ("t", BRICK["hasQuantity"], QUANTITY_KIND["Temperature"]),
        ("m", RDF["type"], BRICK["Mine"]),
        ("m", RDF["type"], BRICK["Never"]),
    }
    told = {str(finding) for finding in report.of(RENAMED)}
    assert "brick:Reheat_Valve_Command: written as brick:Valve_Position_Command, once" in told
    assert "https://brickschema.org/schema/1.0.2/BrickFrame#hasPoint: written as brick:hasPoint, 3 times" in told
    assert [str(finding) for finding in report.of(WITHOUT_CLASS)] == [
        "brick:Never: Brick 1.4 has no such term, once",
    ]


def test_without_a_release_nothing_is_renamed() -> None:
    quads, report = migrated(OLD)
    assert any(q.object == BRICK["Reheat_Valve_Command"] for q in quads)
    assert not report.findings
    with pytest.raises(UnknownOntology, match=r"brick 1\.4"):
        migrated(OLD, brick="9.9")


@pytest.mark.parametrize(
    ("path", "renamed", "unknown"),
    [
        ("brick/ciee.ttl", 1043, 42),
        ("brick/soda_brick.ttl", 747, 1),
        ("brick/mortar-bldg1/model.ttl", 1614, 1700),
        ("brick/quirks/ebu3b_brick.ttl", 13753, 0),
    ],
)
def test_a_real_model_keeps_its_points(path: str, renamed: int, unknown: int) -> None:
    document = shared(path).read_bytes()
    before, _ = migrated(document)
    after, report = migrated(document, brick="1.4")
    assert len(after) == len(before)
    assert (report.found[RENAMED], report.found[WITHOUT_CLASS]) == (renamed, unknown)
    assert (report.found[REPAIRED] > 0) == ("quirks" in path)
    named = {point.point: point.uuid for point in find_points(before)}
    assert {point.point: point.uuid for point in find_points(after)} == named
    again = Migration(find("brick", "1.4"))
    assert list(again.quads(after)) == after


@pytest.mark.parametrize("ontology", [find("brick", "1.4"), find("brick", "1.5")], ids=lambda o: str(o.version))
def test_the_table_leads_from_what_is_gone_to_what_is_there(ontology: Ontology) -> None:
    quads = list(ontology.quads())
    there = {q.subject for q in quads} - {q.subject for q in quads if q.predicate == OWL["deprecated"]}
    rows = list(read_table(_TABLE, ("old", "new")))
    assert not [row["new"] for row in rows if expand(row["new"]) not in there]
    assert not [row["old"] for row in rows if BRICK[row["old"]] in there]
    assert max(Counter(row["old"] for row in rows).values()) == 1


def test_a_property_of_223p_with_an_external_reference_is_a_point() -> None:
    document = b"""
    PREFIX s223: <http://data.ashrae.org/standard223#> PREFIX : <urn:x:>
    PREFIX bacnet: <http://data.ashrae.org/bacnet/>
    :sensor a s223:Sensor ; s223:observes :temperature .
    :temperature a s223:QuantifiableObservableProperty ; s223:hasExternalReference :object .
    :object a s223:BACnetExternalReference ; bacnet:object-identifier "analog-input,1" .
    :constant a s223:QuantifiableProperty ; s223:hasValue 3 .
    """
    quads = TURTLE.read(document, Options()).quads
    assert [point.point for point in find_points(quads)] == ["urn:x:temperature"]
