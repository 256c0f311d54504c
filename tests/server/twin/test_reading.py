from __future__ import annotations

import pytest

from server.twin.reading import about_query
from storage.graph.guard import Form

LASTING, CHANGING, LABELLED = (True, True), (False, False), (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * { ?s ?p ?o }", LASTING),
        ("SELECT * { ?s <urn:knows> ?now }", LASTING),  # a name that is no call
        ("SELECT * { ?s <urn:downloads> ?o }", LASTING),
        ("SELECT (NOW() AS ?t) {}", CHANGING),
        ("SELECT (nOw() AS ?t) {}", CHANGING),
        ("SELECT (RAND() AS ?t) {}", CHANGING),
        ("SELECT (UUID() AS ?t) {}", CHANGING),
        ("SELECT (STRUUID() AS ?t) {}", CHANGING),
        (r"SELECT (\u004EOW() AS ?t) {}", CHANGING),
        ("SELECT (BNODE() AS ?b) {}", LABELLED),
        ("SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }", CHANGING),
        ("SELECT * { BIND('a SERVICE' AS ?x) }", CHANGING),  # doubt is on the side of asking again
    ],
)
def test_what_changes_without_the_graph_is_seen(text: str, expected: tuple[bool, bool]) -> None:
    about = about_query(text)
    assert (about.form, about.lasts, about.repeats) == (Form.SELECT, *expected)


def test_only_what_may_open_a_connection_asks() -> None:
    assert about_query("SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }").asks
    assert about_query(r"SELECT * { S\u0045RVICE <http://127.0.0.1/> { ?s ?p ?o } }").asks
    assert not about_query("SELECT * { BIND('a SERVICE' AS ?x) }").asks


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("select * {}", Form.SELECT),
        (" \n ASK{}", Form.ASK),
        ("# SELECT\nCONSTRUCT WHERE { ?s ?p ?o }", Form.CONSTRUCT),
        ("PREFIX ask: <urn:SELECT> DESCRIBE ask:x", Form.DESCRIBE),
        ("INSERT DATA { <urn:a> <urn:b> 'SELECT' }", Form.UPDATE),
        ("SELECTED", Form.UNKNOWN),
    ],
)
def test_the_form_is_told_with_and_without_a_prologue(text: str, form: Form) -> None:
    assert about_query(text).form is form
