"""RealEstateCore 4 as Turtle: each twin in its words, and the same twin back."""

from __future__ import annotations

import io

import pytest
from pyoxigraph import NamedNode, Quad, RdfFormat

from ontologies.errors import FormatError
from ontologies.formats import read_quads
from ontologies.models.comparing import difference
from ontologies.models.form import Options
from ontologies.models.registry import form_named, recognise
from ontologies.models.report import NOT_EXPRESSED, RENAMED, Report
from ontologies.namespaces import BRICK, BRICK_RELEASES, HAYSTACK, RDF, REC
from tests.support.data import shared

REC_FORM = form_named("rec")
GRAPH = NamedNode("urn:twinhouse:test")
PREFIXES = "PREFIX brick: <https://brickschema.org/schema/Brick#> PREFIX rec: <https://w3id.org/rec#> "


def model(path: str) -> list[Quad]:
    file = shared(path)
    form = recognise(file.name, file.read_bytes()[: 1 << 16])
    return list(form.read(file, Options(lenient=True)).quads)


def turtle(text: str) -> list[Quad]:
    return list(read_quads((PREFIXES + text).encode(), RdfFormat.TURTLE))


def written(quads: list[Quad]) -> tuple[bytes, Report]:
    sink = io.BytesIO()
    report = REC_FORM.write(quads, sink, Options())
    return sink.getvalue(), report


def said(document: bytes) -> list[Quad]:
    """Return what any other tool reads of a document."""
    return list(read_quads(document, RdfFormat.TURTLE))


@pytest.mark.parametrize(
    "path",
    [
        "rec/spatial.ttl",
        "rec/sensor.ttl",
        "rec/assets_hvac.ttl",
        "brick/ciee.ttl",  # Brick 1.1
        "brick/mediumOffice_brick.ttl",
        "brick/mortar-bldg1/model.ttl",
        "brick/quirks/ebu3b_brick.ttl",  # Brick 1.0
        "brick/examples/rec-with-brick-building.ttl",
        "haystack/sites/carytown/carytown.zinc",
        "digital-buildings/building-configs/building_config_example.yaml",
    ],
)
def test_a_twin_in_the_words_of_rec_is_the_same_twin_again(path: str) -> None:
    quads = model(path)
    document, _ = written(quads)
    form = recognise("model.ttl", document)
    read = form.read(document, Options(graph=GRAPH))
    back = list(read.quads)
    assert not difference(quads, back)
    assert {quad.graph_name for quad in back} == {GRAPH}
    old = BRICK_RELEASES[1:]
    replaced = {BRICK[name] for name in ("Floor", "Room", "Building", "hasPart", "isPartOf", "hasLocation", "feeds")}
    for quad in said(document):
        if quad.predicate == RDF["subject"]:  # what a model itself declares keeps its IRI
            continue
        assert not {quad.predicate, quad.object} & replaced
        assert not any(quad.predicate in release or quad.object in release for release in old)


def test_places_and_relations_are_recs_and_what_it_lacks_is_kept_and_told() -> None:
    document, report = written(
        turtle(
            "<urn:b> a brick:Building ; brick:hasPart <urn:f> . <urn:f> a brick:Floor . <urn:z> a brick:Fire_Zone ."
            " <urn:a> a brick:AHU ; brick:hasLocation <urn:f> ; brick:hasPoint [ a brick:Alarm ] ; brick:colour 1 ;"
            " <urn:twinhouse:haystack:tag:ahu> <urn:twinhouse:haystack:marker> ."
        )
    )
    kinds = {quad.object for quad in said(document) if quad.predicate == RDF["type"]}
    assert kinds == {REC["Building"], REC["Level"], REC["Zone"], BRICK["AHU"], BRICK["Alarm"]}
    predicates = {quad.predicate for quad in said(document)}
    assert {REC["hasPart"], REC["locatedIn"], REC["hasPoint"], BRICK["colour"], HAYSTACK["tag:ahu"]} <= predicates
    assert report.found == {RENAMED: 6, NOT_EXPRESSED: 2}
    assert [str(finding) for finding in report.of(NOT_EXPRESSED)] == [
        "1 tags of Haystack are kept as they are",
        "brick:colour: REC has no such term: it is kept, once",
    ]


def test_terms_that_become_one_are_told_apart_again() -> None:
    quads = turtle(
        "<urn:1> a brick:Floor . <urn:2> a brick:Floor, rec:Level . <urn:3> a brick:Storey ; brick:hasPart _:x ."
        " _:x rec:hasPart <urn:1> ; brick:hasPart <urn:2> . <urn:4> a rec:Level ."
        " <urn:5> brick:hasPart <urn:6> ; rec:hasPart <urn:6> ."
    )
    document, _ = written(quads)
    assert not difference(quads, REC_FORM.read(document, Options()).quads)
    assert BRICK["Floor"] not in {quad.object for quad in said(document)}


def test_rec_of_other_tools_is_read_as_it_is() -> None:
    quads = turtle("<urn:1> a rec:Level ; rec:hasPart <urn:2> .")
    document, report = written(quads)
    assert recognise("rec.ttl", document).name == "turtle"
    assert not difference(quads, REC_FORM.read(document, Options()).quads)
    assert not report.findings


def test_a_statement_that_was_cut_is_refused() -> None:
    document, _ = written(turtle("<urn:1> a brick:Floor, rec:Level ."))
    lines = [line for line in document.decode().splitlines() if "rdf:subject" not in line]
    broken = "\n".join(lines).replace("rdf:subject <urn:1> ;", "")
    with pytest.raises(FormatError, match="lacks its rdf:subject"):
        list(REC_FORM.read(broken.encode(), Options()).quads)
    with pytest.raises(FormatError, match='"no iri" is no IRI'):
        list(REC_FORM.read(b"PREFIX twh: <urn:twinhouse:> <urn:a> twh:writtenFor 'no iri' .", Options()).quads)
