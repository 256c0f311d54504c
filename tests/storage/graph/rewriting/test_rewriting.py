"""The door: which texts are looked at, and that no text whatever goes wrong in it."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.graph.rewriting import LONGEST, rewritten
from tests.conformance import archive
from tests.conformance.cases import Kind
from tests.conformance.manifests import of

MENDED = "PREFIX : <urn:x:> SELECT * { :i :p* ?x }"
ORDINARY = [
    "SELECT * { ?s ?p ?o }",
    "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o } ORDER BY DESC(?n)",
    "PREFIX : <urn:x:> SELECT ?x { ?x :p ?y ; :q/:r* ?z OPTIONAL { ?x :s ?t } FILTER(?y * 2 > 3) }",
    "PREFIX : <urn:x:> CONSTRUCT { ?x :p ?y } WHERE { GRAPH ?g { ?x :q ?y FILTER(?y < 3) } }",
    "PREFIX : <urn:x:> INSERT DATA { GRAPH :g { :i :p true } }",
    "PREFIX : <urn:x:> DELETE WHERE { GRAPH ?g { ?x :p ?y } }",
    "PREFIX : <urn:x:> SELECT * { GRAPH ?g { ?x :p ?y OPTIONAL { ?x :q ?z } } { ?x :r ?u } UNION { ?x :s ?u } }",
    "PREFIX : <urn:x:> SELECT (BNODE() AS ?b) { ?x :p 'GROUP_CONCAT(TRUE) GRAPH ?g {' }",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert rewritten(text) is text


@pytest.mark.parametrize(
    "text",
    [
        MENDED.replace(":i", "\\u003ai"),  # the engine reads a colon
        f"{MENDED} #{' ' * LONGEST}",
        MENDED.replace("}", ""),
        MENDED.replace(":i", "other:i"),
        MENDED.replace("?x", "?x . SERVICE <urn:y> { }"),
        MENDED.replace("?x", "?x LATERAL { }"),
        MENDED.replace("?x", "?x . << :i :p :j >> :q ?z"),
        MENDED.replace("?x", "?x ; :q 5OPTIONAL { ?x :r ?y }"),  # the engine finds an OPTIONAL
        MENDED.replace("?x", "?x FILTER(?x<?y&&?y>3)"),  # an IRI by section 19.8, but none to the engine
        MENDED.replace("?x", "?x FILTER(true<?y&&?y>3)"),
        f"{MENDED} {MENDED}",
    ],
)
def test_what_is_not_understood_stays_as_it_is(text: str) -> None:
    assert rewritten(MENDED) != MENDED
    assert rewritten(text) is text


def test_what_is_written_twice_does_not_grow_without_end() -> None:
    items = " ".join(f"(?a{n} + ?a{n} AS ?a{n + 1})" for n in range(60))
    text = f"SELECT (COUNT(*) AS ?a0) {items} {{ }}"
    assert rewritten(text) is text
    nested = "SELECT (COUNT(*) AS ?n) { " * 40 + "?s ?p ?o" + " }" * 40
    text = f"SELECT * {{ GRAPH ?g {{ {nested} }} }}"
    assert rewritten(text) is text


def test_lines_stay_where_they_are() -> None:
    text = "PREFIX : <urn:x:>\nSELECT *\n{ :i :p* ?x # a node\n  FILTER(?x != :j)\n}"
    assert [line.split()[0] for line in rewritten(text).splitlines()] == ["PREFIX", "SELECT", "{", "FILTER(?x", "}"]
    ox.Store().query(rewritten(text))


def test_names_are_new() -> None:
    text = MENDED.replace("?x", "?_r1")
    assert "?_rr1" in rewritten(text)


def test_each_step_is_taken() -> None:
    text = """PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX : <urn:x:>
      SELECT (GROUP_CONCAT(?x) AS ?all) {
        { ?x a/rdfs:subClassOf* :A } UNION { GRAPH ?g { VALUES ?y { TRUE } } } UNION { :i :p? ?z } }"""
    new = rewritten(text)
    for part in ("STR(GROUP_CONCAT(?x))", "?x a ?_rr1", "GRAPH ?g {} VALUES ?y { true }", "NOT EXISTS { { :i "):
        assert part in new
    ox.Store().query(new)


PIECES = [
    "SELECT", "*", "?x", "{", "}", "(", ")", "[", "]", "a", ":p", "*", "?", "+", "/", "^", "|", "!", ".", ";", ",",
    ":A", "'x'", "5", "GRAPH", "?g", "OPTIONAL", "MINUS", "FILTER", "EXISTS", "NOT", "BIND", "AS", "VALUES",
    "UNION", "UNDEF", "COUNT", "GROUP", "BY", "LIMIT", "BNODE", "GROUP_CONCAT", "TRUE", "rdfs:subClassOf*", "WHERE",
    "ASK", "DESCRIBE", "CONSTRUCT", "INSERT", "DELETE", "FROM", "HAVING", "ORDER", "_:b", "<", ">", "{|", "@en", "^^",
]  # fmt: skip
PROLOGUE = "PREFIX : <urn:x:> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "
_SEEDS = [
    "SELECT * { GRAPH ?g { SELECT ( COUNT ( * ) AS ?n ) { ?x :p* ?y } } }",
    "SELECT * { ?x a / rdfs:subClassOf* :A ; :p [ :q ?y ] FILTER ( ?x = BNODE ( 'x' ) ) }",
    "SELECT ?x ( GROUP_CONCAT ( ?y ) AS ?z ) { VALUES ( ?x ?y ) { ( UNDEF 5 ) } BIND ( 1 AS ?u ) } GROUP BY ?x",
    "ASK { FILTER EXISTS { ?x :p? <urn:i> } }",
]


@settings(max_examples=500, deadline=None)
@given(
    seed=st.sampled_from(_SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.lists(st.sampled_from(PIECES), max_size=3))),
)
def test_no_text_goes_wrong(seed: str, changes: list[tuple[int, int, list[str]]]) -> None:
    words = seed.split()
    for place, removed, added in changes:
        words[place : place + removed] = added
    rewritten(PROLOGUE + " ".join(words))


@pytest.mark.skipif(not archive.present(), reason="no shared test data")
def test_what_the_engine_can_read_it_can_read_rewritten() -> None:
    changed = 0
    for case in of(Kind.QUERY, Kind.POSITIVE):
        text = archive.text(case.text)
        if not case.is_update and (new := rewritten(text)) != text:
            ox.Store().query(new, base_iri=case.text)
            changed += 1
    assert changed > 20
