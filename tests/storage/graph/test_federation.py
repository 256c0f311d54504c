from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import QueryRefused, QuerySyntaxError
from storage.graph.federation import Detour, calls
from storage.graph.guard import refuse_outbound
from storage.graph.store import syntax_error
from tests.storage.graph.test_guard import GROUP, PIECES, PROLOGUE, STATEMENTS, execute
from tests.support.listener import Listener

X = "http://x.example/sparql"

PLAIN = [  # each names X once, and can only be read so
    "SELECT * { SERVICE <http://x.example/sparql> {?s ?p ?o} }",
    "PREFIX x: <http://x.example/> SELECT * { service Silent # <http://y.example/>\n x:sparql {?s ?p ?o} }",
    "BASE <http://x.example/a/b> SELECT * { SERVICE<../sparql>{} }",
    "BASE <http://y.example/> PREFIX x: </> BASE <http://x.example> SELECT * { SERVICE SILENT <sparql> {} }",
    "PREFIX : <http://x.example/sparql> SELECT * { ?s ?p 'SERVICE <http://y.example/>' ; ?q 5 . SERVICE : {} }",
    "PREFIX x: <http://y.example/> PREFIX x: <http://x.example/> SELECT * { SERVICE x:sparql {} }",
    "SELECT * { FILTER(EXISTS { SERVICE SILENT <http://x.example/sparql> {?s ?p 'it''s'} }) }",
    "SELECT * { ?s ?p ?o FILTER(?o < 5 && ?o > 2) SERVICE <http://x.example/sparql> {?s ?p ?o} }",
    "SELECT * { FILTER('a'<'>')SERVICE <http://x.example/sparql> {} }",
    "LOAD <http://x.example/sparql>",
    "PREFIX load: <http://e/> CLEAR ALL ; PREFIX x: <http://x.example/> LOAD SILENT x:sparql INTO GRAPH load:load",
    "DELETE { ?s ?p ?o } WHERE { GRAPH <http://e/load> { ?s ?p ?o } SERVICE <http://x.example/s\\u0070arql> {} }",
]

UNCLEAR = [  # the engine reads some of these as a SERVICE or LOAD, and some not
    "SELECT * { SERVICE ?where {?s ?p ?o} }",
    "SELECT * { ?s ?p 5SERVICE <http://x.example/sparql> {} }",
    "SELECT * { SERVICESILENT <http://x.example/sparql> {} }",
    "PREFIX x: <http://x.example/> SELECT * { SERVICEx:sparql {} }",
    "SELECT * { \\u0053ERVICE <http://x.example/sparql> {} }",
    "SELECT * { FILTER(1<2)SERVICE#>\n<http://x.example/sparql>{} }",
    "SELECT * { FILTER(1<'> SERVICE <http://x.example/sparql> {}') }",
    "SELECT * { ?s ?p 'a\\u0027 SERVICE <http://x.example/sparql> {} #' }",
    "SELECT * { SERVICE <http://x.example/sparql> { ?s ?p '\\u0027 }} SERVICE <http://y.example/> {} #' } }",
    "SELECT * { FILTER(<http://e/>·SERVICE<2)SERVICE#>\n<http://x.example/sparql>{} }",
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_call_is_found_however_it_is_written(text: str) -> None:
    [call] = calls(text)
    assert (call.iri, call.keyword) == (X, "LOAD" if "LOAD" in text else "SERVICE")
    detour = Detour(text, [call], ["http://127.0.0.1:1/00"])
    refuse_outbound(detour.text, ["http://127.0.0.1:1/00"])
    assert detour.text.replace("<http://127.0.0.1:1/00>", text[call.start : call.end]) == text


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises((QueryRefused, QuerySyntaxError)):  # noqa: PT012 - by the one or the other
        found = calls(text)
        gateways = [f"http://127.0.0.1:1/0{number}" for number in range(len(found))]
        refuse_outbound(Detour(text, found, gateways).text, gateways)


def test_a_relative_iri_is_that_of_the_request() -> None:
    [call] = calls("LOAD <model.ttl>", "http://x.example/update")
    assert call.iri == "http://x.example/model.ttl"


@pytest.mark.parametrize("text", PLAIN)
def test_a_call_is_silent_where_it_says_so(text: str) -> None:
    [call] = calls(text)
    assert call.silent is ("SILENT" in text.upper())


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {\n  SERVICE x:y {} }",
        "SELECT * {\n  SERVICE <y> {} }",
        "SELECT * {\n  SERVICE { } }",
        "\nLOAD SILENT ;",
    ],
)
def test_an_iri_that_is_none_is_a_syntax_error_at_its_place(text: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        calls(text)
    assert (caught.value.line, caught.value.column) == (2, 13 if "LOAD" in text else 11)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {\n 'é' ?p ?o . SERVICE <http://a/> {?s ?p ?o} ?s ?p }",
        "SELECT * { SERVICE <http://x.example/a/very/long/path/that/is/longer/than/that/of/a/gateway> {} ! }",
        "SELECT * { SERVICE <http://a/> {} SERVICE <http://b/> {} ?s ?p }",
        "SELECT * { SERVICE <http://a/> ?s ?p }",
        "SELECT * { ?s ?p } SERVICE <http://a/> {}",
        "SELECT * {\n SERVICE <http://a/> {} }\n}",
    ],
)
def test_a_syntax_error_has_the_place_of_the_text_as_it_came(text: str) -> None:
    found = calls(text)
    detour = Detour(text, found, ["http://127.0.0.1:54321/0123456789abcdef0123456789abcdef"] * len(found))
    moved = detour.moved_back(_syntax_error(detour.text))
    assert str(moved) == str(_syntax_error(text))


def _syntax_error(text: str) -> QuerySyntaxError:
    with pytest.raises(SyntaxError) as caught:
        ox.Store().query(text)
    return syntax_error(caught.value.msg, caught.value.lineno, caught.value.offset)


@pytest.fixture(scope="module")
def trap() -> Iterator[Listener]:
    """The server that all texts name, and nobody may reach."""
    opened = Listener()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def gate() -> Iterator[Listener]:
    """The gateway."""
    opened = Listener()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def engine(trap: Listener) -> ox.Store:
    """A store in which most patterns find something, so that what comes after them is run."""
    store = ox.Store()
    for value in ("5", "true", "'a>'", f"<{trap.url}>"):
        store.update(f"INSERT DATA {{ <urn:s> <urn:p> {value} . <urn:s> <urn:p> <urn:s> }}")
    return store


def led(text: str, gate: Listener) -> str | None:
    """Return a text that leads to the gateway; None for one that is refused."""
    try:
        found = calls(text)
        gateways = [f"{gate.url}{number:032x}" for number in range(len(found))]
        detour = Detour(text, found, gateways)
        refuse_outbound(detour.text, gateways)
    except (QueryRefused, QuerySyntaxError):
        return None
    return detour.text


def assert_led(text: str, trap: Listener, gate: Listener, engine: ox.Store) -> None:
    """Run a text that passes: nobody may reach the trap, and what is no call must be as it was."""
    if (safe := led(text, gate)) is not None:
        before = trap.reached
        execute(engine, safe)
        assert trap.reached == before, safe
        assert gate.url not in results(engine, safe), safe


def results(engine: ox.Store, text: str) -> str:
    with contextlib.suppress(SyntaxError, ValueError, RuntimeError, OSError):
        found = engine.query(text)
        return "" if isinstance(found, ox.QueryBoolean) else "".join(map(str, found))
    return ""


@pytest.mark.parametrize("silent", ["", "SILENT"])
@pytest.mark.parametrize("form", ["SELECT * {{ SERVICE {} <{}> " + GROUP + " }}", "LOAD {} <{}>"])
def test_what_passes_reaches_the_gateway(
    form: str, silent: str, trap: Listener, gate: Listener, engine: ox.Store
) -> None:
    text = form.format(silent, trap.url)
    before = gate.reached
    safe = led(text, gate)
    assert safe is not None
    execute(engine, safe)
    assert (gate.reached > before, trap.reached) == (True, 0)


MORE_PIECES = [*PIECES, "SERVICE ", " SILENT ", "LOAD ", "<{url}>{{}}", "·", "\\u0020", "\u00a0", "'<", ">'", "(1<'>"]
MORE_STATEMENTS = [
    *STATEMENTS,
    " SERVICE <{url}> {{?a ?b ?c}}", " SERVICE SILENT x:a {{}}", " SERVICE # <\n <{url}>{{SERVICE <{url}> {{}}}}",
    "FILTER(EXISTS{{ SERVICE <{url}> {{}}}}||1<2)", "BIND('SERVICE <{url}>' AS ?t{n})", "FILTER(x:a·SERVICE<2)",
    "FILTER('a'<'> SERVICE <{url}> {{}}')", "BIND(<{url}SERVICE> AS ?i{n})", "\n",
    "?s ?p '\\u0027 SERVICE <{url}> {{}} #'.",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(st.sampled_from(MORE_PIECES), max_size=10))
def test_no_text_that_passes_reaches_another(
    pieces: list[str], trap: Listener, gate: Listener, engine: ox.Store
) -> None:
    pattern = "".join(pieces).format(url=trap.url)
    for text in (f"SELECT * {{ {pattern} }}", pattern):
        assert_led(PROLOGUE.format(url=trap.url) + text, trap, gate, engine)


@settings(max_examples=600, deadline=None)
@given(parts=st.lists(st.sampled_from(MORE_STATEMENTS), max_size=6))
def test_no_group_that_passes_reaches_another(
    parts: list[str], trap: Listener, gate: Listener, engine: ox.Store
) -> None:
    pattern = "".join(part.format(url=trap.url, n=number) for number, part in enumerate(parts))
    assert_led(f"{PROLOGUE.format(url=trap.url)}SELECT*{{{pattern}}}", trap, gate, engine)
