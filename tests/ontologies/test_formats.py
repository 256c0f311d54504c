from __future__ import annotations

import codecs
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse, serialize

from ontologies.errors import FormatError, UnknownFormat
from ontologies.formats import (
    FORMATS,
    Repairs,
    format_of_file,
    format_of_media_type,
    read_quads,
    repair_iri,
)
from tests.support.data import shared

G = NamedNode("urn:g")
RDF_XML = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:b="urn:b:">
<b:AHU rdf:about="urn:a">
<b:p></b:AHU></rdf:RDF>"""
QUAD = Quad(NamedNode("urn:s"), NamedNode("urn:p"), Literal("x"), G)


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_each_format_by_its_names_and_there_and_back(fmt: RdfFormat) -> None:
    assert format_of_media_type(f"{fmt.media_type.upper()}; charset=utf-8") == fmt
    assert format_of_file(f"a.b.{fmt.file_extension}") == fmt
    document = serialize([QUAD] if fmt.supports_datasets else [QUAD.triple], format=fmt)
    assert document is not None
    assert list(read_quads(document, fmt, graph=G)) == [QUAD]


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_the_byte_order_mark_of_windows_is_no_part_of_a_document(fmt: RdfFormat, tmp_path: Path) -> None:
    document = codecs.BOM_UTF8 + (serialize([QUAD] if fmt.supports_datasets else [QUAD.triple], format=fmt) or b"")
    file = tmp_path / "marked"
    file.write_bytes(document)
    for source in (document, io.BytesIO(document), file):
        assert list(read_quads(source, fmt, graph=G)) == [QUAD]


@pytest.mark.parametrize(
    ("document", "fmt", "line", "message"),
    [
        (RDF_XML, RdfFormat.RDF_XML, 3, "ill-formed"),
        (b"\n<#ahu> <urn:p> 1 .", RdfFormat.TURTLE, 2, "begin it with what its relative IRIs are relative to"),
        (b'{"@context":"https://example.org/c"}', RdfFormat.JSON_LD, None, "write the context into the document"),
    ],
)
def test_what_a_parser_does_not_say_is_added(document: bytes, fmt: RdfFormat, line: int | None, message: str) -> None:
    with pytest.raises(FormatError, match=message) as raised:
        list(read_quads(document, fmt))
    assert raised.value.line == line


@pytest.mark.parametrize("fmt", [RdfFormat.TURTLE, RdfFormat.N_TRIPLES, RdfFormat.TRIG, RdfFormat.JSON_LD])
@pytest.mark.parametrize("before", [0, 100_000])
def test_a_literal_that_no_parser_holds_is_named_with_its_line(fmt: RdfFormat, before: int, tmp_path: Path) -> None:
    literal = b'"' + b"x" * (17 << 20) + b'"'
    triples = b"<urn:s> <urn:p> <urn:o> .\n" * before + b"<urn:s> <urn:p> " + literal + b" .\n"
    document = triples if fmt != RdfFormat.JSON_LD else b'{"@id":"urn:s","urn:p":' + literal + b"}"
    file = tmp_path / "large"
    file.write_bytes(document)
    for source in (document, io.BytesIO(document), file):
        with pytest.raises(FormatError, match="more than 16 MiB") as raised:
            list(read_quads(source, fmt))
        assert raised.value.line == (None if fmt == RdfFormat.JSON_LD else before + 1)


@pytest.mark.parametrize("name", ["model.n3", "ttl", "model"])
def test_an_unknown_ending_lists_the_known(name: str) -> None:
    with pytest.raises(UnknownFormat, match="jsonld"):
        format_of_file(name)


def test_an_unknown_media_type_lists_the_known() -> None:
    with pytest.raises(UnknownFormat, match="text/turtle"):
        format_of_media_type("text/n3")


def test_named_graphs_stay_and_the_default_graph_is_named() -> None:
    document = b"<urn:a> <urn:p> 1 . <urn:h> { <urn:b> <urn:p> 2 }"
    assert [q.graph_name for q in read_quads(document, RdfFormat.TRIG, graph=G)] == [G, NamedNode("urn:h")]
    assert [q.graph_name for q in read_quads(document, RdfFormat.TRIG)] == [DefaultGraph(), NamedNode("urn:h")]


def test_blank_nodes_of_two_readings_never_meet() -> None:
    document = b"_:x <urn:p> _:x ."
    (one,), (two,) = (list(read_quads(document, RdfFormat.TURTLE)) for _ in range(2))
    assert one.subject == one.object
    assert isinstance(one.subject, BlankNode)
    assert one.subject != two.subject


def test_a_file_a_stream_and_a_base(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_bytes(b"<a> <p> 1 .")
    expected = NamedNode("http://e/a")
    for source in (tmp_path / "a.ttl", io.BytesIO(b"<a> <p> 1 .")):
        (quad,) = read_quads(source, RdfFormat.TURTLE, base_iri="http://e/")
        assert quad.subject == expected


def test_an_error_tells_line_and_column() -> None:
    with pytest.raises(FormatError) as caught:
        list(read_quads(b"<urn:a> <urn:p> 1 .\n<urn:b> <urn:p> ; .", RdfFormat.TURTLE))
    assert (caught.value.line, caught.value.column) == (2, 17)


def test_a_bad_base_is_a_format_error() -> None:
    with pytest.raises(FormatError, match="base"):
        list(read_quads(b"", RdfFormat.TURTLE, base_iri="no iri"))


def test_a_real_model_with_broken_iris_is_repaired() -> None:
    source, repairs = shared("brick/quirks/ebu3b_brick.ttl"), Repairs()
    with pytest.raises(FormatError):
        list(read_quads(source, RdfFormat.TURTLE))
    quads = list(read_quads(source, RdfFormat.TURTLE, lenient=True, repairs=repairs))
    assert repairs.count == 10
    assert repairs.examples[0][1].endswith("_%25")
    assert_strict(quads)


def test_a_sound_model_is_left_alone() -> None:
    repairs = Repairs()
    quads = list(read_quads(shared("brick/mortar-bldg1/model.ttl"), RdfFormat.TURTLE, lenient=True, repairs=repairs))
    assert (len(quads), repairs) == (12_022, Repairs())
    assert_strict(quads)


@pytest.mark.parametrize(
    "document",
    [
        b"<http://a/b c> <http://p/{x}> <http://a/|^`> .",
        b"<foo> <http://[bad/> <http://a:port/> .",
        b'<http://a/[1]#x#y> <urn:p> "x"@abcdefghijkl-de, "y"^^<no scheme> .',
        b'<urn:s> <urn:p> "x"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString> .',
        b"<urn:s> <urn:p> <<( <http://a b> <urn:p> <%> )>> .",
        b"<1a:b> <urn:p> <> .",
    ],
)
def test_whatever_is_repaired_survives_a_strict_reading(document: bytes) -> None:
    repairs = Repairs()
    assert_strict(list(read_quads(document, RdfFormat.TURTLE, lenient=True, repairs=repairs)))
    assert repairs.count > 0


@given(st.text())
def test_a_repaired_iri_is_an_iri_and_stays_so(text: str) -> None:
    repaired = repair_iri(text)
    assert NamedNode(repaired).value == repaired == repair_iri(repaired)


def assert_strict(quads: list[Quad]) -> None:
    document = serialize(quads, format=RdfFormat.N_QUADS)
    assert document is not None
    assert sum(1 for _ in parse(document, RdfFormat.N_QUADS)) == len(quads)
