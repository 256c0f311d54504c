from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pyoxigraph import Quad, RdfFormat

from ontologies.catalog import find
from ontologies.formats import read_quads
from ontologies.namespaces import PREFIXES
from ontologies.validation import Report, validate

Model = Callable[[str], tuple[Quad, ...]]


def check(body: str) -> Report:
    prefixes = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in PREFIXES.items())
    quads = read_quads((prefixes + body).encode(), RdfFormat.TURTLE)
    return validate(quads, find("brick"))


def test_a_sound_model_conforms_with_units_that_brick_never_mentions() -> None:
    report = check("<urn:p> a brick:Power_Sensor ; brick:hasUnit unit:KiloW, unit:DEG_C .")
    assert report == Report(True, ())


CAUSES = [
    ("<urn:r> a brick:Room .", "Warning", "brick:Room is deprecated", "write rec:Room"),
    (
        "<urn:e1> a brick:VAV ; brick:hasPoint <urn:p1> . <urn:p1> a brick:Reheat_Valve_Command .",
        "Violation",
        "the ontology has no class brick:Reheat_Valve_Command",
        "renamed: write brick:Valve_Position_Command",
    ),
    (
        "<urn:e4> a brick:VAV ; brick:hasPoint <urn:p4> . <urn:p4> a brick:Nobody_Knows_Command .",
        "Violation",
        "the ontology has no class brick:Nobody_Knows_Command",
        "give it a class that the ontology has",
    ),
    (
        "<urn:e2> a brick:VAV ; brick:hasPoint <urn:p2> .",
        "Violation",
        "what brick:hasPoint points to has no class, but must be brick:Point",
        "add an rdf:type",
    ),
    (
        "<urn:e3> a brick:VAV ; brick:hasPoint <urn:p3> . <urn:p3> a brick:Fan .",
        "Violation",
        "what brick:hasPoint points to is brick:Fan, not brick:Point",
        "check whether",
    ),
    (
        "<urn:p5> a <https://brickschema.org/schema/1.0.2/Brick#Sensor> ; ref:hasExternalReference <urn:x5> ."
        "<urn:x5> a ref:TimeseriesReference ; ref:hasTimeseriesId 'x5' .",
        "Violation",
        "classes are of an older Brick, https://brickschema.org/schema/1.0.2/Brick#",
        "--brick 1.4",
    ),
    (
        "<urn:p6> a brick:Sensor ; brick:isPointOf <urn:r6> .",
        "Violation",
        "what brick:isPointOf points to has no class, but: A Point can be a Point of Equipment, Location or Space.",
        "together with the model that says it",
    ),
    (
        "<urn:e9> a brick:VAV ; brick:hasLocation <urn:r9> . <urn:r9> a rec:Site .",
        "Violation",
        "what brick:hasLocation points to is rec:Site, not brick:Location",
        "--version 1.5",
    ),
    (
        "<urn:r10> a rec:Zone ; rec:geometry 'POINT (1 2)' .",
        "Violation",
        "what rec:geometry says is a literal, but must be rec:Geometry",
        "[ a rec:Geometry",
    ),
    (
        "<urn:m11> a brick:Building_Meter ; brick:meters <urn:x11> . <urn:x11> a brick:RTU .",
        "Violation",
        "what brick:meters points to is brick:RTU, not brick:Building or rec:Building",
        "check whether",
    ),
    (
        "<urn:g12> a brick:Gas_Meter, brick:Gas_Sensor .",
        "Violation",
        "the node is brick:Gas_Meter, brick:Gas_Sensor, and of a class that excludes this",
        "keep the class",
    ),
    (
        "<urn:p7> a brick:Sensor ; brick:timestamp '2022-08-29T15:11:00Z' .",
        "Violation",
        "what brick:timestamp says is no xsd:dateTime",
        'write it as "…"^^xsd:dateTime',
    ),
    (
        "<urn:p8> a brick:Sensor ; brick:hasLocation <urn:r8> . <urn:r8> a rec:Room .",
        "Violation",
        "brick:hasLocation: Points cannot have locations; use 'isPointOf' instead",
        "",
    ),
]


@pytest.fixture(scope="module")
def report() -> Report:
    """The report of a model with all of these causes."""
    return check("\n".join(body for body, *_ in CAUSES))


@pytest.mark.parametrize(("severity", "cause", "hint"), [each[1:] for each in CAUSES])
def test_a_cause_tells_what_to_do(report: Report, severity: str, cause: str, hint: str) -> None:
    found = {(c.severity, c.cause): c for c in report.causes()}
    assert not report.conforms
    assert found[severity, cause].count == 1
    assert hint in (found[severity, cause].hint or "")


def test_a_real_building_by_cause(model: Model) -> None:
    report = validate(model("brick/mortar-bldg1/model.ttl"), find("brick"))
    first = report.causes()[0]
    assert (first.count, first.cause) == (394, "the ontology has no class brick:Reheat_Valve_Command")
    assert first.example.focus.startswith("http://buildsys.org/")
    assert json.loads(json.dumps(report.to_dict()))["conforms"] is False


def test_a_model_that_pyshifty_never_finished(model: Model) -> None:
    report = validate(model("brick/examples/solar_array-solar_array.ttl"), find("brick"))
    assert report.conforms


@pytest.mark.parametrize("name", ["bacnet-bacnet", "building_meter-building_meter", "rec-with-brick-building"])
def test_the_examples_of_brick_conform(model: Model, name: str) -> None:
    assert validate(model(f"brick/examples/{name}.ttl"), find("brick")).conforms


def test_ntriples_and_other_ontologies() -> None:
    shapes = """@prefix sh: <http://www.w3.org/ns/shacl#> .
    <urn:shape> a sh:NodeShape ; sh:targetSubjectsOf <urn:name> ;
      sh:property [ sh:path <urn:age> ; sh:minCount 1 ; sh:message "tell the age" ] ."""
    ontology = list(read_quads(shapes.encode(), RdfFormat.TURTLE))
    report = validate(b'_:a <urn:name> "x" .\n', ontology)
    (finding,) = report.findings
    assert (finding.path, finding.message, finding.focus[:2]) == ("urn:age", "tell the age", "_:")
    assert report.causes()[0].cause.endswith("urn:age: tell the age")
