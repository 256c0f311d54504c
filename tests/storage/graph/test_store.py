from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from storage.errors import Closed, QueryEvaluationError, QueryRefused, QuerySyntaxError
from storage.files import DataDirectory
from storage.graph.store import GraphStore, syntax_error

S, P, G, H = (NamedNode(f"urn:test:{name}") for name in "spgh")
DEFAULT = DefaultGraph()
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture(params=["transactions", "copies"])
def store(
    directory: DataDirectory, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GraphStore]:
    """An empty graph whose changes are transactions, or all of them copies that take its place."""
    if request.param == "copies":
        monkeypatch.setattr("storage.graph.store.MOST_IN_TRANSACTION", -1)
    opened = GraphStore(directory)
    yield opened
    opened.close()


transactions = pytest.mark.parametrize("store", ["transactions"], indirect=True)
copies = pytest.mark.parametrize("store", ["copies"], indirect=True)


def quad(value: object, graph: NamedNode | DefaultGraph = G) -> Quad:
    return Quad(S, P, Literal(str(value)), graph)


def content(store: GraphStore) -> set[Quad]:
    """Return what the newest snapshot holds."""
    snapshot = store.take()
    try:
        return set(Store.read_only(str(snapshot.path)))
    finally:
        store.give_back(snapshot)


def failing() -> Iterator[Quad]:
    yield quad("new")
    raise RuntimeError("the document is broken")


FAULTS: dict[str, Callable[[GraphStore], object]] = {
    "syntax": lambda store: store.update("CLEAR ALL; INSERT DATA {"),
    "service": lambda store: store.update("CLEAR ALL; INSERT { ?s ?p ?o } WHERE { SERVICE <urn:x> { ?s ?p ?o } }"),
    "missing": lambda store: store.update("CLEAR ALL; DROP GRAPH <urn:test:missing>"),
    "replace": lambda store: store.replace(failing(), [G]),
    "replace_all": lambda store: store.replace_all(failing()),
    "add": lambda store: store.add(failing()),
    "blank graph": lambda store: store.replace([Quad(S, P, S, BlankNode())], [G]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_fails_changes_nothing(store: GraphStore, fault: str) -> None:
    store.add([quad("old")])
    generation = store.generation
    with pytest.raises((QuerySyntaxError, QueryRefused, QueryEvaluationError, RuntimeError)):
        FAULTS[fault](store)
    assert content(store) == {quad("old")}
    assert store.generation == generation


def test_each_write_does_what_it_says_and_is_seen_at_once(store: GraphStore) -> None:
    other = quad("other", H)
    store.add([quad("a"), other, quad("d", DEFAULT)])
    assert content(store) == {quad("a"), other, quad("d", DEFAULT)}
    store.replace([quad("b")], [G])
    assert content(store) == {quad("b"), other, quad("d", DEFAULT)}
    store.replace([quad("e", DEFAULT)], [DEFAULT, G])
    assert content(store) == {quad("e", DEFAULT), other}
    assert store.graphs() == [G.value, H.value]  # what was put is there, empty or not
    assert store.remove(H)
    assert not store.remove(H)
    store.replace_all([quad("z"), quad("y", DEFAULT)])
    assert content(store) == {quad("z"), quad("y", DEFAULT)}
    store.clear()
    assert len(store) == 0
    assert store.graphs() == []


@pytest.mark.parametrize("write", ["replace", "replace_all", "add"])
def test_a_blank_node_shared_by_graphs_stays_one(store: GraphStore, write: str) -> None:
    if write != "add":
        store.add([quad("old"), quad("old", H)])
    node = BlankNode("shared")
    quads = [Quad(node, P, S, G), Quad(S, P, node, H), Quad(node, P, Triple(S, P, node), DEFAULT)]
    store.replace(quads, [G, H, DEFAULT]) if write == "replace" else getattr(store, write)(quads)
    found = content(store)
    assert len(found) == 3
    nodes = {term for q in found for term in (q.subject, q.object) if isinstance(term, BlankNode)}
    inner = {q.object.object for q in found if isinstance(q.object, Triple)}
    assert len(nodes | inner) == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["\\u0041", "a\\", '"""', "'''", "\n\r\t\x00\x7f", "\ufffe\U0010ffff", "} } ; DROP ALL #", "\\", "^^<x>@en"]
)
LANGUAGES = st.from_regex(r"[a-z]{2,3}(-[a-z]{4})?(-[a-z]{2})?", fullmatch=True)
IRIS = st.text("aZ09-._~!$&'()*+,;=:@/?#%20éÿ\u0451中𐐷", max_size=12).map(lambda tail: "http://e/" + tail)


def literal(text: str, language: str | None, datatype: str | None) -> Literal:
    if language is not None:
        return Literal(text, language=language)
    return Literal(text, datatype=NamedNode(datatype) if datatype is not None else None)


def named(iri: str) -> NamedNode | None:
    try:
        return NamedNode(iri)
    except ValueError:
        return None


@transactions
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, language=st.none() | LANGUAGES, iri=IRIS, quoted=st.booleans(), typed=st.booleans())
def test_every_term_round_trips_through_replace(
    store: GraphStore, text: str, language: str | None, iri: str, quoted: bool, typed: bool
) -> None:
    node = named(iri) or S
    value = literal(text, language, f"{XSD}other" if typed else None)
    written = Quad(node, P, Triple(S, node, value) if quoted else value, node)
    store.replace([quad("old", node)], [node])
    store.replace([written], [node])
    assert content(store) == {written}
    store.replace_all([written])
    assert content(store) == {written}
    store.clear()


@st.composite
def terms(draw: st.DrawFn) -> Quad:
    node = named(draw(IRIS)) or S
    value = literal(draw(TEXTS), draw(st.none() | LANGUAGES), draw(st.none() | st.just(f"{XSD}other")))
    return Quad(node, P, Triple(S, node, value) if draw(st.booleans()) else value, node)


@copies
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quads=st.lists(terms(), min_size=20, max_size=40))
def test_every_term_round_trips_through_a_copy(store: GraphStore, quads: list[Quad]) -> None:
    store.replace_all([quad("old"), *quads])
    graphs = {each.graph_name for each in quads if isinstance(each.graph_name, NamedNode)}
    store.replace(quads, [G, *sorted(graphs, key=str)])
    assert content(store) == set(quads)


def test_directional_language_round_trips(store: GraphStore) -> None:
    turtle = b'VERSION "1.2" <urn:s> <urn:p> "a"@ar--rtl .'
    [triple] = parse(turtle, format=RdfFormat.TURTLE)
    store.replace_all([Quad(triple.subject, triple.predicate, triple.object, G)])
    assert {q.object for q in content(store)} == {triple.object}


def test_generations_grow_and_never_repeat(directory: DataDirectory) -> None:
    seen = []
    for _ in range(3):
        store = GraphStore(directory)
        for text in ("INSERT DATA { <urn:s> <urn:p> 1 }", "CLEAR ALL", "CLEAR ALL"):
            store.update(text)
            seen.append(store.generation)
        store.close()
        root = directory.root
        directory.close()
        directory = DataDirectory(root)
    directory.close()
    assert seen == sorted(set(seen))


def test_what_was_written_is_there_after_reopening(directory: DataDirectory) -> None:
    store = GraphStore(directory)
    store.add([quad("a")])
    store.close()
    store.close()
    with pytest.raises(Closed):
        store.add([quad("b")])
    again = GraphStore(directory)
    assert content(again) == {quad("a")}
    again.close()


@transactions
def test_every_commit_is_synced(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    logs: list[str] = []
    real = os.fdatasync

    def fdatasync(fd: int) -> None:
        logs.append(Path(f"/proc/self/fd/{fd}").readlink().suffix)
        real(fd)

    monkeypatch.setattr("os.fdatasync", fdatasync)
    writes: list[Callable[[], object]] = [
        lambda: store.add([quad(1)]),
        lambda: store.replace([quad(2)], [G]),
        lambda: store.replace_all([quad(3)]),
        lambda: store.update("INSERT DATA { <urn:s> <urn:p> 1 }"),
        lambda: store.remove(G),
        store.clear,
    ]
    for write in writes:
        logs.clear()
        write()
        assert ".log" in logs


def test_snapshots_are_shared_kept_while_in_use_and_then_collected(
    store: GraphStore, directory: DataDirectory, tmp_path: Path
) -> None:
    store.add([quad("first")])
    held, same = store.take(), store.take()
    assert held == same
    for number in range(10):
        store.add([quad(number)])
        store.give_back(store.take())
        assert len(list(directory.snapshots.glob("*.*"))) == 2
    assert set(Store.read_only(str(held.path))) == {quad("first")}
    store.give_back(held)
    assert held.path.exists()
    store.give_back(same)
    store.backup(tmp_path / "copy")  # by which the engine begins another log, and snapshots another series
    store.add([quad("last")])
    store.give_back(store.take())
    assert not held.path.exists()
    assert len(list(directory.snapshots.glob("*.*"))) == 1


def test_a_backup_is_a_store_of_its_own(store: GraphStore, tmp_path: Path) -> None:
    store.add([quad("a")])
    store.backup(tmp_path / "copy")
    store.clear()
    assert set(Store(str(tmp_path / "copy"))) == {quad("a")}


def test_a_syntax_error_tells_its_place_briefly(store: GraphStore) -> None:
    with pytest.raises(QuerySyntaxError) as raised:
        store.update("INSERT DATA {\n  oops }")
    assert (raised.value.line, raised.value.column) == (2, 8)
    assert str(raised.value).startswith("line 2, column 8: ")
    long = syntax_error("error at 3:7: expected one of " + "[a], " * 100, None, None)
    assert (long.line, long.column) == (3, 7)
    assert len(str(long)) < 300
