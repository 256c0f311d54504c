"""Files of Azure Digital Twins, in and out: what they hold, and what is wrong in them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pyoxigraph import NamedNode, Quad, RdfFormat

from ontologies.adt.files import read_json, read_ndjson
from ontologies.adt.forms import DTDL, EXCEL, JSON, NDJSON, AdtForm
from ontologies.adt.rules import Rules
from ontologies.dtdl import read_models
from ontologies.errors import FormatError
from ontologies.formats import read_quads
from ontologies.identifiers import Scheme, identifiers
from ontologies.models.form import Options
from ontologies.models.registry import recognise
from ontologies.namespaces import OWL, RDF, RDFS
from tests.ontologies.adt.test_golden import canonical
from tests.support.data import shared

SIZE = {
    "@type": "Map",
    "mapKey": {"name": "side", "schema": "string"},
    "mapValue": {"name": "length", "schema": "double"},
}
ROOM = {
    "@context": "dtmi:dtdl:context;3",
    "@id": "dtmi:com:example:Room;1",
    "@type": "Interface",
    "displayName": "Room",
    "extends": "dtmi:com:example:Space;1",
    "contents": [
        {"@type": "Property", "name": "painted", "schema": "date"},
        {"@type": "Property", "name": "height", "schema": "double"},
        {"@type": "Property", "name": "size", "schema": SIZE},
        {"@type": "Component", "name": "lock", "schema": "dtmi:com:example:Lock;1"},
        {"@type": "Relationship", "name": "leadsTo", "target": "dtmi:com:example:Space;1",
         "properties": [{"@type": "Property", "name": "width", "schema": "double"}]},
    ],
}  # fmt: skip
SPACE = {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:com:example:Space;1", "@type": "Interface"}
LOCK = {
    "@context": "dtmi:dtdl:context;3",
    "@id": "dtmi:com:example:Lock;1",
    "@type": "Interface",
    "contents": [{"@type": "Property", "name": "locked", "schema": "boolean"}],
}


def twin(identifier: str, model: str = "dtmi:com:example:Room;1", **properties: object) -> dict[str, Any]:
    return {"$dtId": identifier, "$metadata": {"$model": model}, **properties}


def relationship(source: str, target: str, **properties: object) -> dict[str, Any]:
    return {
        "$sourceId": source,
        "$relationshipId": f"{source}-{target}",
        "$targetId": target,
        "$relationshipName": "leadsTo",
        **properties,
    }


def export(twins: list[Any], relationships: list[Any] | None = None, models: list[Any] | None = None) -> bytes:
    graph = {"digitalTwins": twins, "relationships": relationships or []}
    return json.dumps({"digitalTwinsGraph": graph, "digitalTwinsModels": models or []}).encode()


def quads_of(form: AdtForm, document: bytes) -> list[Quad]:
    return list(form.read(document, Options()).quads)


def written(form: AdtForm, quads: list[Quad]) -> bytes:
    sink = io.BytesIO()
    form.write(quads, sink, Options())
    return sink.getvalue()


def by_id(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(models, key=lambda model: str(model["@id"]))


OWN = export(
    [
        twin("kitchen", painted="2026-11-29", height=3, size={"a": 1.5}, lock={"$metadata": {}, "locked": True}),
        twin("hall", lock={"$metadata": {}}),
    ],
    [relationship("kitchen", "hall", width=0.9)],
    [ROOM, SPACE, LOCK],
)


@pytest.mark.parametrize("form", [JSON, NDJSON])
def test_twins_of_ones_own_models_come_back_as_they_were(form: AdtForm) -> None:
    quads = quads_of(JSON, OWN)
    document = written(form, quads)
    before, after = read_json(OWN.decode()), (read_json if form is JSON else read_ndjson)(document.decode())
    assert by_id(after.models) == by_id(before.models)
    assert {item.id: item.properties for item in after.twins} == {
        "kitchen": {"painted": "2026-11-29", "height": 3, "size": {"a": 1.5}, "lock": {"locked": True}},
        "hall": {},
    }
    assert after.relationships == before.relationships
    assert list(Rules(after, read_models(after.models)).breaches()) == []
    assert canonical(quads_of(form, document)) == canonical(quads)


def test_twins_for_an_instance_that_has_the_models() -> None:
    quads = list(read_quads(shared("rec/spatial.ttl"), RdfFormat.TURTLE))
    sink = io.BytesIO()
    report = JSON.write(quads, sink, Options(settings={"models": "none"}))
    graph = read_json(sink.getvalue().decode())
    assert (graph.models, len(graph.twins)) == ([], 7)
    assert {name for item in graph.twins for name in item.properties} == {"geometry", "levelNumber"}
    assert report.found == {"not-expressed": 7}


def test_a_model_that_nobody_knows_is_a_class_of_its_own() -> None:
    quads = quads_of(JSON, OWN)
    room = NamedNode("dtmi:com:example:Room;1")
    triples = {(quad.subject, quad.predicate, quad.object) for quad in quads}
    assert (room, RDF["type"], OWL["Class"]) in triples
    assert (room, RDFS["subClassOf"], NamedNode("dtmi:com:example:Space;1")) in triples
    assert (NamedNode("urn:twinhouse:entity:kitchen"), RDF["type"], room) in triples
    assert identifiers(quads, Scheme.ADT)["urn:twinhouse:entity:kitchen"] == "kitchen"


def test_the_explorers_sheets_are_read_and_written() -> None:
    model = EXCEL.read(shared("adt/explorer-grid/distributionGrid.xlsx"), Options())
    quads = list(model.quads)
    assert model.report.counts == {"twins": 49, "relationships": 50, "models": 0}
    assert canonical(quads_of(EXCEL, written(EXCEL, quads))) == canonical(quads)


def test_a_building_of_brick_becomes_twins_and_comes_back() -> None:
    quads = list(read_quads(shared("brick/soda_brick.ttl"), RdfFormat.TURTLE))
    document = written(NDJSON, quads)
    graph = read_ndjson(document.decode())
    models = read_models(graph.models)
    assert models.findings == ()
    assert list(Rules(graph, models).breaches()) == []
    assert canonical(quads_of(NDJSON, document)) == canonical(quads)


def test_models_alone_are_read_and_written() -> None:
    path = shared("adt/models/opendigitaltwins-building.DTDLv3.json")
    document = written(DTDL, list(DTDL.read(path, Options()).quads))
    assert by_id(json.loads(document)) == by_id(json.loads(path.read_text("utf-8-sig")))


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("adt/sensor.json", JSON),
        ("adt/iot-cardboard/MockTwinData.json", JSON),
        ("adt/models/RealEstateCore.DTDLv2.jsonld", DTDL),
        ("adt/explorer-grid/Room.json", DTDL),
        ("adt/explorer-grid/buildingScenario.xlsx", EXCEL),
    ],
)
def test_each_file_is_recognised(path: str, form: AdtForm) -> None:
    assert recognise(path, shared(path).read_bytes()[: 1 << 16]) is form


@pytest.mark.parametrize(
    ("form", "document", "message"),
    [
        (JSON, b'{"digitalTwinsGraph":\n [}', "line 2, column 3: not JSON"),
        (JSON, export([{"$dtId": "a"}]), 'digitalTwinsGraph.digitalTwins[0]: the twin has no model; add "$m'),
        (JSON, export([twin("a"), twin("a")]), "digitalTwinsGraph.digitalTwins[1]: $dtId 'a' is there already"),
        (JSON, export([twin("")]), "digitalTwinsGraph.digitalTwins[0]: no $dtId"),
        (JSON, export([], [{"$sourceId": "a"}]), "digitalTwinsGraph.relationships[0]: the relationship has no"),
        (JSON, export([], models=[ROOM | {"contents": 7}]), "the models are not valid DTDL: dtmi:com:example:Room;1"),
        (NDJSON, b'{"Section": "Header"}\n{"fileVersion": "9"}', 'line 2: the header must say "fileVersion": "1'),
        (NDJSON, b'{"Section": "Twins"}\n\n{"$dtId": "a"}', "line 3: the twin has no model"),
        (NDJSON, b'{"Section": "Twins"}\n{"Section": "Models"}', "line 2: section Models comes after Twins"),
        (NDJSON, b'{"Section": "Header"}\n{"fileVersion', "line 2, column 2: not JSON"),
        (JSON, export([twin("a", text="\ud800")]), "half a surrogate pair is no text"),
        (JSON, b"[" * 100_000, "it is nested too deep"),
        (EXCEL, b"PK\x03\x04nothing", "not an Excel workbook"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(form: AdtForm, document: bytes, message: str) -> None:
    with pytest.raises(FormatError) as raised:
        quads_of(form, document)
    assert message in str(raised.value)


def test_what_is_doubtful_is_reported() -> None:
    model = JSON.read(export([twin("a", colour="red")], [relationship("a", "b")], [ROOM, SPACE, LOCK]), Options())
    list(model.quads)
    assert [str(finding) for finding in model.report.findings] == [
        "digitalTwinsGraph.digitalTwins[0].colour: dtmi:com:example:Room;1 has no property colour",
        "digitalTwinsGraph.relationships[0]: leadsTo: the twin 'b' is not in the file",
    ]
