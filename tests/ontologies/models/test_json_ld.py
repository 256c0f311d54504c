from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pyoxigraph import CanonicalizationAlgorithm, Dataset, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from ontologies.formats import format_of_file, read_quads
from ontologies.models.form import Options
from ontologies.models.registry import form_named
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import XSD
from tests.support.data import shared

FORM = form_named("jsonld-compact")
DOCUMENT = """
PREFIX brick: <https://brickschema.org/schema/Brick#> PREFIX ref: <https://brickschema.org/schema/Brick/ref#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> PREFIX : <urn:x:>
:vav a brick:VAV ; brick:hasPoint :p, :q ; :n 12, "x" ; :label "Box"@en ; :on true ; :odd "1"^^xsd:boolean .
:p a brick:Sensor, :Thing ; :at "1.50"^^xsd:decimal ; ref:hasExternalReference [ ref:hasTimeseriesId "1" ] .
:q :at "2"^^xsd:decimal ; :to [ :back _:ring ] .
_:ring :on _:other . _:other :on _:ring . _:lone :on false .
GRAPH :g { :p :n "y" , 007 , <https://brickschema.org/schema/Brick#> }
"""


def written(quads: list[Quad]) -> tuple[dict[str, Any], bytes, Report]:
    sink = io.BytesIO()
    report = FORM.write(quads, sink, Options())
    return json.loads(sink.getvalue()), sink.getvalue(), report


def canonical(quads: list[Quad]) -> Dataset:
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
    return dataset


def test_what_is_written_is_read_as_the_same_and_by_people() -> None:
    quads = list(parse(DOCUMENT, RdfFormat.TRIG))
    document, text, report = written(quads)
    assert not report.findings
    assert canonical(list(FORM.read(text, Options()).quads)) == canonical(quads)
    [box] = [node for node in document["@graph"] if node.get("@id") == "urn:x:vav"]
    assert box["@type"] == "brick:VAV"
    assert box["brick:hasPoint"] == ["urn:x:p", "urn:x:q"]
    assert document["@context"]["brick:hasPoint"] == {"@type": "@id"}
    assert document["@context"]["urn:x:at"] == {"@type": "xsd:decimal"}
    [point] = [node for node in document["@graph"] if node.get("@id") == "urn:x:p"]
    assert point["ref:hasExternalReference"] == {"ref:hasTimeseriesId": "1"}
    assert set(document["@context"]) >= {"brick", "ref", "xsd"}


@pytest.mark.parametrize("path", ["brick/mediumOffice_brick.ttl", "brick/ciee.ttl", "rec/spatial.ttl"])
def test_real_models_come_back(path: str) -> None:
    quads = list(read_quads(shared(path), format_of_file(path)))
    _, text, _ = written(quads)
    assert canonical(list(FORM.read(text, Options()).quads)) == canonical(quads)


def test_what_json_ld_cannot_say_is_reported() -> None:
    triple = Triple(NamedNode("urn:s"), NamedNode("urn:p"), Literal("1", datatype=XSD["integer"]))
    _, _, report = written([Quad(NamedNode("urn:s"), NamedNode("urn:q"), triple)])
    assert report.found == {NOT_EXPRESSED: 1}
