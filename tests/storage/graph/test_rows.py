from __future__ import annotations

import io
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, QueryResultsFormat, QuerySolutions, Store, parse_query_results

from storage.graph.rows import counter

FORMATS = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}
PIECES = ['"', "\n", "\r", "\t", '},{"', '"bindings":[{"', ",", "<result>", "\\", "{", "}", "'", "x", "é", " "]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
ROWS = st.lists(st.tuples(TEXTS, st.none() | TEXTS, st.booleans()), max_size=6)


def serialized(rows: list[tuple[str, str | None, bool]], media_type: str) -> bytes:
    """Return the result of a query with these rows: ?x, perhaps ?y, perhaps a triple term ?z."""
    values = " ".join(f"({Literal(x)} {'UNDEF' if y is None else Literal(y)} {term(x, z)})" for x, y, z in rows)
    found = cast("QuerySolutions", Store().query(f"SELECT ?x ?y ?z {{ VALUES (?x ?y ?z) {{ {values} }} }}"))
    output = io.BytesIO()
    found.serialize(output, FORMATS[media_type])
    return output.getvalue()


def term(text: str, wanted: bool) -> str:
    return f"<<( <urn:s> <urn:p> {Literal(text)} )>>" if wanted else "UNDEF"


@pytest.mark.parametrize("media_type", FORMATS)
@settings(deadline=None)
@given(rows=ROWS, cuts=st.lists(st.integers(1, 40), min_size=1))
def test_the_count_is_true_however_the_bytes_are_cut(
    media_type: str, rows: list[tuple[str, str | None, bool]], cuts: list[int]
) -> None:
    data, count, seen, at = serialized(rows, media_type), counter(media_type), 0, 0
    for number in range(len(data)):
        if at >= len(data):
            break
        step = cuts[number % len(cuts)]
        seen, at = count(data[at : at + step]), at + step
    assert seen == len(rows)


def test_the_oracle_reads_what_the_engine_writes() -> None:
    rows: list[tuple[str, str | None, bool]] = [('},{"', None, True), ("<result>", "\n", False)]
    data = serialized(rows, "application/sparql-results+json")
    read = cast("QuerySolutions", parse_query_results(data, QueryResultsFormat.JSON))
    assert len(list(read)) == 2


def test_other_formats_have_no_rows() -> None:
    assert counter("text/turtle")(b"<a> <b> <c> .\n") == 0
