"""The readers and the writer ask the engine what is rewritten, and report errors of what they were asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyoxigraph as ox
import pytest

from storage.errors import QuerySyntaxError
from storage.graph.queries import Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.rewriting import rewritten
from storage.graph.store import GraphStore, syntax_error

LIMITS = Limits(seconds=60)
COUNTS = "SELECT ?g ?n { GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?s ?p ?o } } } ORDER BY ?g"


@pytest.fixture
def pool(store: GraphStore) -> Iterator[ReaderPool]:
    store.update("CREATE GRAPH <urn:g:1> ; INSERT DATA { GRAPH <urn:g:2> { <urn:s> <urn:p> <urn:o> } }")
    opened = ReaderPool(store, size=1, memory=400 << 20)
    yield opened
    opened.close()


def rows(pool: ReaderPool, text: str) -> list[dict[str, str]]:
    body = json.loads(pool.run(Query(text), LIMITS).read())
    return [{name: cell["value"] for name, cell in row.items()} for row in body["results"]["bindings"]]


def test_a_query_is_rewritten(pool: ReaderPool) -> None:
    assert rows(pool, COUNTS) == [{"g": "urn:g:1", "n": "0"}, {"g": "urn:g:2", "n": "1"}]


def test_an_update_is_rewritten(store: GraphStore, pool: ReaderPool) -> None:
    store.update(f"INSERT {{ ?g <urn:n> ?n }} WHERE {{ {{ {COUNTS} }} }}")
    text = "SELECT ?g { ?g <urn:n> ?n } ORDER BY ?g"
    assert rows(pool, text) == [{"g": "urn:g:1"}, {"g": "urn:g:2"}]


WRONG = "SELECT * { <urn:s> <urn:p>* ?x FILTER(?x = ) }"
WRONG_UPDATE = WRONG.replace("SELECT *", "INSERT {} WHERE")


def engines_own(text: str) -> tuple[int | None, int | None]:
    """Return the place of the error that the engine finds in the text as it is."""
    with pytest.raises(SyntaxError) as raised:
        ox.Store().query(text) if text == WRONG else ox.Store().update(text)
    error = syntax_error(raised.value.msg, raised.value.lineno, raised.value.offset)
    return error.line, error.column


def test_the_error_of_a_query_is_where_the_text_has_it(pool: ReaderPool) -> None:
    assert rewritten(WRONG) != WRONG
    with pytest.raises(QuerySyntaxError) as raised:
        pool.run(Query(WRONG), LIMITS)
    assert (raised.value.line, raised.value.column) == engines_own(WRONG)


def test_the_error_of_an_update_is_where_the_text_has_it(store: GraphStore) -> None:
    assert rewritten(WRONG_UPDATE) != WRONG_UPDATE
    with pytest.raises(QuerySyntaxError) as raised:
        store.update(WRONG_UPDATE)
    assert (raised.value.line, raised.value.column) == engines_own(WRONG_UPDATE)
