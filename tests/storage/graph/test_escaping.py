"""What XML cannot hold as the engine writes it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from storage.errors import NotInFormat
from storage.graph.escaping import serialize, sink_for

P = NamedNode("urn:a:p")


@given(st.text(st.characters(categories=("L", "P", "Z"), include_characters="\t\n\r&<")))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    [quad] = parse(serialize([Triple(P, P, Literal(text))], RdfFormat.RDF_XML), RdfFormat.RDF_XML)
    assert quad.object == Literal(text)


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\ufffe", "\uffff"])
def test_a_character_that_is_none_of_xml_is_refused(character: str) -> None:
    with pytest.raises(NotInFormat, match=f"U\\+{ord(character):04X}"):
        serialize([Triple(P, P, Literal(character))], RdfFormat.RDF_XML)
    assert b"urn:a:p" in serialize([Triple(P, P, Literal(character))], RdfFormat.TURTLE)


def test_a_character_in_two_pieces_is_seen() -> None:
    sink = sink_for(RdfFormat.RDF_XML, io.BytesIO())
    first, second, third = (bytes([byte]) for byte in "\uffff".encode())
    sink.write(first)
    sink.write(second)
    with pytest.raises(NotInFormat):
        sink.write(third)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_predicate_that_ends_in_no_name_is_refused_wherever_the_pieces_end(cut: int) -> None:
    whole = b'<rdf:Description rdf:about="urn:a">\n\t\t<oxprefix: xmlns:oxprefix="urn:1">'
    end = whole.index(b"<oxprefix: ") + cut
    sink = sink_for(RdfFormat.RDF_XML, io.BytesIO())
    sink.write(whole[:5])
    pieces = iter((whole[5:end], whole[end:]))
    with pytest.raises(NotInFormat, match="end in a name"):
        list(map(sink.write, pieces))
