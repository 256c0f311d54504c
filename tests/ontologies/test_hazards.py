from __future__ import annotations

import pytest
from pyoxigraph import RdfFormat

from ontologies.hazards import is_hazardous

XML = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%s</rdf:RDF>'
HARMFUL = {
    "objects": (RdfFormat.JSON_LD, b'{"urn:p":' * 501 + b"1" + b"}" * 501),
    "lists behind strings": (RdfFormat.JSON_LD, b'["}}\\"}}", ' * 501),
    "a string without an end": (RdfFormat.JSON_LD, b"[" * 501 + b'"' + b'\\"' * 1_000_000),
    "triple terms": (RdfFormat.TURTLE, b"<urn:a> <urn:b> " + b"<<( <urn:a> <urn:b> " * 501),
    "entities": (RdfFormat.RDF_XML, b'<!DOCTYPE rdf [<!ENTITY a "&b;&b;">]>' + XML % b""),
    "triple terms in XML": (RdfFormat.RDF_XML, XML % (b'<a:p rdf:parseType="Triple">' * 501)),
    "much XML": (RdfFormat.RDF_XML, XML % (b"<a:p>" * 60_000)),
}
HARMLESS = {
    "a wide document": (RdfFormat.JSON_LD, b"[" + b'{"@id":"urn:a","urn:p":[{"@value":"x"}]},' * 2000 + b"{}]"),
    "brackets in strings": (RdfFormat.JSON_LD, b'{"urn:p":"' + b'{[\\"' * 2000 + b'"}'),
    "many triples": (RdfFormat.TURTLE, b"<urn:a> <urn:b> <urn:c> .\n" * 100_000),
    "some triple terms": (RdfFormat.N_QUADS, b"<urn:a> <urn:b> <<( <urn:a> <urn:b> <urn:c> )>> .\n" * 500),
    "some XML": (RdfFormat.RDF_XML, XML % (b'<a:p rdf:parseType="Resource"/>' * 500)),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_may_harm_is_told(name: str) -> None:
    fmt, content = HARMFUL[name]
    assert is_hazardous(content, fmt)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_cannot_harm_is_none(name: str) -> None:
    fmt, content = HARMLESS[name]
    assert not is_hazardous(content, fmt)
