from __future__ import annotations

import contextlib
import io

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from ontologies.errors import FormatError, UnknownFormat
from ontologies.models.census import Census
from ontologies.models.form import Form, Options, text
from ontologies.models.rdf import FORMS, RdfForm
from ontologies.models.registry import form_named, form_of_ending, recognise
from ontologies.models.report import NOT_EXPRESSED, REPAIRED, Report
from ontologies.namespaces import BRICK, RDF
from tests.support.data import shared

G, H = NamedNode("urn:g"), NamedNode("urn:h")
QUADS = [
    Quad(NamedNode("urn:s"), RDF["type"], BRICK["AHU"], G),
    Quad(NamedNode("urn:s"), NamedNode("urn:p"), Literal('{ "@id": 1 } # <a>'), G),
]


def written(form: Form, quads: list[Quad]) -> tuple[bytes, Report]:
    sink = io.BytesIO()
    report = form.write(quads, sink, Options())
    return sink.getvalue(), report


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_each_format_of_rdf_is_recognised_by_content_and_comes_back(form: RdfForm) -> None:
    document, report = written(form, QUADS)
    assert recognise("model", document) is form
    assert recognise("model.txt", document) is form
    census = Census()
    read = form.read(document, Options(graph=G))
    assert set(census.passing(read.quads)) == set(QUADS)
    assert (census.triples, dict(census.classes)) == (2, {BRICK["AHU"].value: 1})
    assert not report.findings
    assert form_named(form.name) is form_named(form.media_types[0].upper() + "; charset=utf-8") is form
    assert form_of_ending(f"a.{form.endings[0]}") is form


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("brick/ciee.ttl", "turtle"),
        ("brick/mortar-bldg1/model.ttl", "turtle"),
        ("brick/quirks/ebu3b_brick.ttl", "turtle"),
        ("qudt/unit.ttl", "turtle"),
    ],
)
def test_content_decides_also_under_a_wrong_name(name: str, form: str) -> None:
    head = shared(name).read_bytes()[: 1 << 16]
    assert recognise("model.json", head).name == form


@pytest.mark.parametrize("name", ["model", "model.json", "model.docx"])
def test_what_no_form_recognises_is_refused_with_the_forms_that_there_are(name: str) -> None:
    with pytest.raises(UnknownFormat, match="jsonld"):
        recognise(name, b'{"a": 1}')
    assert recognise("empty.ttl", b"").name == "turtle"


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(UnknownFormat, match="turtle"):
        form_named("text/n3")
    with pytest.raises(UnknownFormat, match="turtle"):
        form_of_ending("model.docx")


def test_graphs_that_a_format_cannot_keep_apart_are_reported() -> None:
    other = Quad(NamedNode("urn:t"), NamedNode("urn:p"), Literal("x"), H)
    document, report = written(form_named("turtle"), [*QUADS, other])
    assert b"urn:t" in document
    assert report.found == {NOT_EXPRESSED: 1}


def test_repairs_are_findings() -> None:
    form, document = form_named("turtle"), b"<urn:a b> <urn:p> 1 ."
    with pytest.raises(FormatError):
        list(form.read(document, Options()).quads)
    model = form.read(document, Options(lenient=True))
    assert [quad.subject for quad in model.quads] == [NamedNode("urn:a%20b")]
    assert [str(finding) for finding in model.report.of(REPAIRED)] == ["urn:a b: written as urn:a%20b"]


def test_a_report_keeps_the_first_findings_and_counts_all() -> None:
    report = Report("x")
    for number in range(1000):
        report.add(REPAIRED, f"line {number}", "mended")
    assert report.found[REPAIRED] == 1000
    assert report.of(REPAIRED)[0].where == "line 0"
    assert len(report.findings) < 1000


def test_text_names_the_line_that_is_not_utf8() -> None:
    assert text(b"\xef\xbb\xbfa") == "a"
    with pytest.raises(FormatError, match="byte 2") as caught:
        text(b"a\n\xff")
    assert caught.value.line == 2


def test_recognition_takes_no_longer_than_the_head_is_long() -> None:
    for filler in (b" " * (1 << 16), b"\n" * (1 << 16), b'"' * (1 << 16), b"<a> " * (1 << 14), b"_:a " * (1 << 14)):
        with contextlib.suppress(UnknownFormat):
            assert recognise("model", b"PREFIX : <urn:x:>\n" + filler)
        with contextlib.suppress(UnknownFormat):
            assert recognise("model", filler)
