from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import QueryRefused
from storage.graph import guard
from storage.graph.guard import Form, form, refuse_outbound
from tests.support.listener import Listener

PROLOGUE = "PREFIX : <{url}> PREFIX x: <{url}> PREFIX service: <urn:s:> PREFIX payload: <urn:l:>\n"
GROUP = "{{?a ?b 'x'}}"

REACHING = [  # each of these made the engine connect
    "SELECT * {{ SERVICE <{url}> " + GROUP + " }}",
    "SELECT * {{ service silent <{url}> " + GROUP + " }}",
    "SELECT * {{ SERVICE#'\n<{url}>" + GROUP + " }}",
    "SELECT * {{ SERVICESILENT<{url}>" + GROUP + " }}",
    "SELECT * {{ SERVICEx:a" + GROUP + " }}",
    "SELECT * {{ SERVICE:a # it is a name\n" + GROUP + " }}",
    "SELECT * {{ SERVICESILENTx:a" + GROUP + " }}",
    "SELECT * {{ ?s ?p true.SERVICE:x" + GROUP + " }}",
    "SELECT * {{ ?s ?p 5SERVICE<{url}>" + GROUP + " }}",
    "SELECT * {{ ?s ?p 5.SERVICE<{url}>" + GROUP + " }}",
    "SELECT * {{ ?s ?p trueSERVICE<{url}>" + GROUP + " }}",
    "SELECT * {{ ?s ?p x:.SERVICE<{url}>" + GROUP + " }}",
    "SELECT * {{ FILTER(1<2)SERVICE#>\n<{url}>" + GROUP + " }}",
    "SELECT * {{ FILTER(1<2)?s?p?o.SERVICE#>\n<{url}>" + GROUP + " }}",
    "SELECT * {{ FILTER(1<'>')SERVICE<{url}>" + GROUP + " }}",
    "SELECT * {{ FILTER('a'<'>')SERVICE<{url}>" + GROUP + " }}",
    "SELECT * {{ BIND(1<2#>\nAS?x)SERVICE<{url}>" + GROUP + " }}",
    "LOAD <{url}>",
    "load silent <{url}> into graph <urn:g>",
    "LOADSILENT<{url}>",
    "LOADx:a",
    "CLEAR ALL;LOADSILENTx:a",
    "INSERT {{ ?s ?p ?o }} WHERE {{ SERVICE <{url}> {{ ?s ?p ?o }} }}",
]

HARMLESS = [
    "SELECT ?service $load {{ ?service x:service $load ; payload:a service:load . }} # SERVICE LOAD",
    "SELECT * {{ ?s <urn:load> load:x, 'SERVICE', \"LOAD\", '''SERVICE ' ''', _:service, 'a'@service }}",
    "SELECT * {{ ?s ?p ?o FILTER(?o = <http://e/(a)/service> || ?s IN (<urn:load>, <http://e/load>)) }}",
    "SELECT (COUNT(*) AS ?service) {{ VALUES (?a ?b) {{ (<http://e/a> <urn:x:service>) }} }}",
    'SELECT * {{ ?s ?p "\\"SERVICE <http://e/>" FILTER(?a < ?b && ?c > 2) }}',
    "PREFIX load: <http://e/service> INSERT DATA {{ load:a a service:B }}",
]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    opened = Listener()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def engine(listener: Listener) -> ox.Store:
    """A store in which most patterns find something, so that what comes after them is run."""
    store = ox.Store()
    for value in ("5", "true", "'a>'", f"<{listener.url}>"):
        text = f"INSERT DATA {{ <urn:s> <urn:p> {value} . <urn:s> <urn:p> <urn:s> }}"
        store.update(text)
    return store


def execute(engine: ox.Store, text: str) -> None:
    """Run a text as whatever it may be, unguarded."""
    for run in (engine.query, engine.update):
        with contextlib.suppress(SyntaxError, ValueError, RuntimeError, OSError):
            if isinstance(results := run(text), ox.QuerySolutions | ox.QueryTriples):
                list(results)


def refused(text: str) -> bool:
    try:
        refuse_outbound(text)
    except QueryRefused:
        return True
    return False


@pytest.mark.parametrize("text", REACHING)
def test_what_reaches_out_is_refused(text: str, listener: Listener, engine: ox.Store) -> None:
    text = (PROLOGUE + text).format(url=listener.url)
    before = listener.reached
    execute(engine, text)
    assert listener.reached > before, "the engine no longer reads it so: this case tests nothing"
    assert refused(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_mentions_the_words_passes(text: str) -> None:
    refuse_outbound((PROLOGUE + text).format(url="http://e/"))


@pytest.mark.parametrize("text", ["SELECT * { \\u0053ERVICE <http://e/> {} }", "\\U0000004cOAD <http://e/>"])
def test_escapes_are_decoded(text: str) -> None:
    assert refused(text)


PIECES = [
    "SERVICE", "LOAD", "service ", "<{url}>", "x:a", "x:.", ":", "{{", "}}", "(", ")", "FILTER(1<", "FILTER(", "<2)",
    "<", ">", "'", '"', "'''", "#", "\n", ".", ";", "?s", "?p", "?o ", "5", "true", "BIND(1", " AS?z)", "_:b",
    "SERVICE<{url}>{{?a?b?c}}", "FILTER(1<'", "')", "?s?p?o", "?s ?p 5", "^^x:a", "\\", "\\u0053", "EXISTS", "[]",
    "VALUES ?v{{5}}", "<<(?s?p?o)>>", "||1", "SERVICE#>\n", "OPTIONAL{{?s?p?o}}", "'a'@en", "()", "SILENT",
]  # fmt: skip
STATEMENTS = [
    "?s ?p ?o.", "?s?p 5", "?s ?p true", "FILTER(1<2)", "FILTER(1<'>')", "FILTER('<'<2)", "BIND(1<2#>\nAS?z{n})",
    "SERVICE<{url}>{{?a?b?c}}", "SERVICEx:a{{?a?b 'x'}}", "SERVICE#>\n<{url}>{{?a ?b \"'\"}}", "SERVICESILENT:a{{}}",
    "OPTIONAL{{?s?p?o}}", "VALUES ?v{n}{{5 '<'}}", "?s?p'a>'.", "FILTER(1<2||EXISTS{{?s?p?o}})", "#'\n",
    "FILTER(?s>''''>''')", "?s ?p x:.",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=10))
def test_no_text_that_passes_reaches_out(pieces: list[str], listener: Listener, engine: ox.Store) -> None:
    pattern = "".join(pieces).format(url=listener.url)
    for text in (f"SELECT * {{ {pattern} }}", pattern):
        assert_safe((PROLOGUE.format(url=listener.url)) + text, listener, engine)


@settings(max_examples=500, deadline=None)
@given(parts=st.lists(st.sampled_from(STATEMENTS), max_size=6))
def test_no_group_that_passes_reaches_out(parts: list[str], listener: Listener, engine: ox.Store) -> None:
    pattern = "".join(part.format(url=listener.url, n=number) for number, part in enumerate(parts))
    assert_safe(f"{PROLOGUE.format(url=listener.url)}SELECT*{{{pattern}}}", listener, engine)


def assert_safe(text: str, listener: Listener, engine: ox.Store) -> None:
    if refused(text):
        return
    before = listener.reached
    execute(engine, text)
    assert listener.reached == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PREFIX select: <urn:ask> # INSERT\nASK {}", Form.ASK),
        ("BASE <http://e/> select * {}", Form.SELECT),
        ("CONSTRUCT WHERE { ?s ?p 'DELETE' }", Form.CONSTRUCT),
        ("describe <urn:select>", Form.DESCRIBE),
        ("WITH <urn:g> DELETE { ?s ?p ?o } WHERE { SELECT * {} }", Form.UPDATE),
        ("PREFIX : <urn:x> INSERT DATA { :select a :ask }", Form.UPDATE),
        ("", Form.UNKNOWN),
        ("'SELECT'", Form.UNKNOWN),
    ],
)
def test_the_form_of_a_text(text: str, expected: Form) -> None:
    assert form(text) is expected


@pytest.mark.parametrize(
    "odd",
    [
        "a." * 400_000,
        "a-" * 400_000,
        '\\"' * 100_000,
        "'''" + "\n\\'''" * 100_000,
        "service:a " + "#" * 1000 + "\n x",
        "(" * 2_000_000,
        "{()}" * 500_000,
        ":" * 2_000_000,
    ],
    ids=["dots", "dashes", "quotes", "long quotes", "comment", "brackets", "pairs", "colons"],
)
def test_a_long_text_takes_no_longer_than_its_length_explains(odd: str) -> None:
    """Most of these took hours at least."""
    refuse_outbound(f"SELECT * {{ ?service ?p ?o {odd} }}")
    with pytest.raises(QueryRefused):
        refuse_outbound(f"SELECT * {{ ?s ?p ?o {odd} SERVICE <urn:a:service> {{}} }}")


def test_a_text_with_two_readings_all_along_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_MOST_UNCLEAR", 1000)
    row = "(<http://e/a#b> <http://e/c#service>)"
    refuse_outbound(f"SELECT * {{ VALUES (?a ?b) {{ {(row + chr(10)) * 100} }} }}")
    refuse_outbound("SELECT * { ?s ?p 'service' FILTER(1<2)" + "('(')" * 1000)
    with pytest.raises(QueryRefused, match="two ways"):
        refuse_outbound("SELECT * { ?s ?p 'service' FILTER(1<b'>" + "('(')" * 1000)


@pytest.mark.parametrize("before", ["a." * 100, "a-" * 100 + ".", "\\'"])
def test_a_keyword_behind_what_is_no_sparql_is_seen(before: str) -> None:
    with pytest.raises(QueryRefused):
        refuse_outbound(f"SELECT * {{ ?s ?p ?o {before}SERVICE<urn:a:service>{{}} }}")
