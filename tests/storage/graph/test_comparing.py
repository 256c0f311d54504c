"""What graphs share is found as one would count it, whatever their terms are and however they come."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.files import DataDirectory
from storage.graph import contents, sharing
from storage.graph.bulk import Lines, make_store
from storage.graph.comparing import TooMany, meeting, shared_by, shared_with, still_shared
from storage.graph.rewriting.shared import Shared
from storage.graph.rewriting.triples import TYPE
from storage.graph.sharing import Added, read
from storage.graph.store import GraphStore

XSD = "http://www.w3.org/2001/XMLSchema#"
GRAPHS = (ox.DefaultGraph(), ox.NamedNode("urn:g"), ox.NamedNode("urn:h"), ox.BlankNode("g"))
PREDICATES = tuple(ox.NamedNode(iri) for iri in ("urn:p", "urn:q", TYPE))
SUBJECTS = (ox.NamedNode("urn:s"), ox.NamedNode("urn:é#s"), ox.BlankNode("b"))
VALUES = (
    *(("1", name) for name in ("integer", "int", "decimal", "double", "float", "boolean", "string")),
    *(("01", "integer"), ("1.0", "decimal"), ("true", "boolean"), ("NaN", "double"), ("NaN", "float")),
    *(("-0.0", "double"), ("0.0", "double"), ("x", "integer"), ("P1Y", "duration"), ("P12M", "duration")),
    *(("2020-01-01T00:00:00Z", "dateTime"), ("2020-01-01T00:00:00+00:00", "dateTime"), ("24:00:00", "time")),
)
LITERALS = (
    *(ox.Literal(text, datatype=ox.NamedNode(XSD + name)) for text, name in VALUES),
    *(ox.Literal("a", language=tag) for tag in ("en", "EN", "en-GB")),
    *(ox.Literal(text) for text in ("a", 'a "quoted" \\ <urn:g> .', "a\n_:b\t#", "é\U0001f3e2", "")),
)
CLASSES = (ox.NamedNode("urn:C"), ox.NamedNode("urn:D"), ox.BlankNode("C"))
OBJECTS = (
    *LITERALS,
    *CLASSES,
    *(ox.Triple(SUBJECTS[0], PREDICATES[0], each) for each in LITERALS[:8]),
    ox.Triple(SUBJECTS[2], PREDICATES[0], CLASSES[2]),
)
Quads = list[ox.Quad]

quads_of_any_kind = st.builds(
    ox.Quad,
    st.sampled_from(SUBJECTS),
    st.sampled_from(PREDICATES),
    st.sampled_from(OBJECTS),
    st.sampled_from(GRAPHS),
)
some_quads = st.lists(quads_of_any_kind, max_size=40)
in_files = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def stored(quads: Quads) -> ox.Store:
    store = ox.Store()
    store.extend(quads)
    return store


def counted(store: ox.Store) -> tuple[set[str], set[str]]:
    """Return the predicates and the classes of triples that are in several graphs, quad by quad."""
    graphs = defaultdict[ox.Triple, set[object]](set)
    for quad in store:
        graphs[quad.triple].add(quad.graph_name)
    several = [triple for triple, those in graphs.items() if len(those) > 1]
    types = [triple.object for triple in several if triple.predicate.value == TYPE]
    return (
        {triple.predicate.value for triple in several} - {TYPE},
        {term.value if isinstance(term, ox.NamedNode) else "" for term in types},
    )


def found(shared: Shared) -> tuple[set[str], set[str]]:
    assert not shared.everything
    return {*shared.predicates}, {*shared.classes}


@given(some_quads, st.sampled_from([0, 2, 5, 1000]))
@settings(deadline=None)
def test_the_engine_finds_what_is_counted(quads: Quads, most: int) -> None:
    store = stored(quads)
    assert found(shared_by(store, most)) == counted(store)
    with contextlib.suppress(TooMany):
        assert found(shared_by(store, most, look_up=False)) == counted(store)


@given(some_quads, st.sampled_from([0, 2, 5, 1000]))
@settings(deadline=None)
def test_graphs_without_a_subject_in_common_share_nothing(quads: Quads, most: int) -> None:
    names = {graph: ox.NamedNode(f"urn:of:{number}") for number, graph in enumerate(GRAPHS)}
    store = stored([ox.Quad(names[q.graph_name], q.predicate, q.object, q.graph_name) for q in quads])
    assert found(shared_by(store, most)) == counted(store) == (set(), set())


@given(some_quads, some_quads, st.sampled_from([0, 1000]))
@settings(deadline=None)
def test_what_comes_is_added_and_what_goes_is_taken_from_what_is_known(base: Quads, more: Quads, most: int) -> None:
    store = stored(base)
    before = shared_by(store, most)
    store.extend(more)
    after = shared_with(store, more, before)
    assert found(after) == counted(store)
    for quad in more[1:]:
        store.remove(quad)
    assert found(still_shared(store, after, most)) == counted(store)


@given(some_quads, st.sampled_from(GRAPHS[:3]))
@settings(deadline=None)
def test_the_quads_that_meet_others_are_those_with_subjects_of_other_graphs(
    quads: Quads, graph: ox.NamedNode | ox.DefaultGraph
) -> None:
    store = stored(quads)
    others = {quad.subject for quad in store if quad.graph_name != graph}
    assert set(meeting(store, graph)) == {q for q in store if q.graph_name == graph and q.subject in others}


@given(some_quads)
@in_files
def test_a_store_that_is_made_says_it(tmp_path_factory: pytest.TempPathFactory, quads: Quads) -> None:
    folder = tmp_path_factory.mktemp("made")
    document = folder / "document"
    ox.serialize(quads, str(document), ox.RdfFormat.N_QUADS)
    for lines in (Lines(document, ox.RdfFormat.N_QUADS), None):
        path = folder / f"{lines is None}"
        make_store(path, lines, lambda: iter(quads))
        assert found(read(path)) == counted(ox.Store.read_only(str(path)))


@pytest.mark.parametrize(
    ("format_", "document"),
    [
        (
            ox.RdfFormat.N_QUADS,
            '<urn:s><urn:p>"\\u0061\\t"<urn:g>. # <urn:h> .\n\t<urn:\\u0073>  <urn:p> "a\t" <urn:h> .\n'
            '<urn:s> <urn:q> "a" <urn:g> . # <urn:x> .\n<urn:s> <urn:q> "a" . # <urn:x> .\n'
            "_:a <urn:r> _:b <urn:g> .\n_:a <urn:r> _:b.\n",
        ),
        (
            ox.RdfFormat.TRIG,
            "@prefix u: <urn:> . u:g { u:s u:p '''a\t''', 01 ; u:q 1.0 . _:a u:r _:b } "
            'GRAPH u:h { <urn:s> <urn:p> "\\u0061\\t" . u:s u:q 1.00 } _:a u:r _:b . u:h { u:s u:t 1e0 }',
        ),
    ],
    ids=["lines", "trig"],
)
def test_terms_are_the_same_however_they_are_written(tmp_path: Path, format_: ox.RdfFormat, document: str) -> None:
    path = tmp_path / "document"
    path.write_text(document)
    lines = Lines(path, format_) if format_ == ox.RdfFormat.N_QUADS else None
    make_store(tmp_path / "store", lines, lambda: ox.parse(path=path, format=format_))
    assert found(read(tmp_path / "store")) == ({"urn:p", "urn:q", "urn:r"}, set())


def test_too_many_quads_of_a_kind_are_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quads = [ox.Quad(SUBJECTS[0], PREDICATES[0], ox.Literal(n), GRAPHS[n % 2]) for n in range(9)]
    monkeypatch.setattr(sharing, "_MOST_AT_REST", 8)
    make_store(tmp_path / "store", None, lambda: iter(quads))
    assert read(tmp_path / "store").everything
    assert found(shared_by(ox.Store.read_only(str(tmp_path / "store")), 8)) == (set(), set())


@pytest.mark.parametrize("seed", range(8))
def test_a_graph_says_it_after_each_large_change(
    seed: int, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST_IN_TRANSACTION", 0)
    chance = random.Random(seed)

    def some(number: int) -> Quads:
        terms = SUBJECTS[:2], PREDICATES, OBJECTS[:-2], GRAPHS[:3]
        return [ox.Quad(*map(chance.choice, terms)) for _ in range(number)]  # type: ignore[arg-type] # each of its kind

    with contextlib.closing(GraphStore(directory)) as store:
        store.add(some(chance.choice([5, 100])))
        assert store._engine.ask("settled")
        store.add(some(chance.choice([5, 100])))
        graph = chance.choice(GRAPHS[1:3])
        store.replace([quad for quad in some(30) if quad.graph_name == graph], [graph])
        assert store._engine.ask("settled")
    known, (predicates, classes) = read(directory.graph), counted(ox.Store.read_only(str(directory.graph)))
    assert known.predicates >= predicates
    assert known.classes >= classes
    assert not known.everything


def test_what_was_not_known_of_a_graph_is_not_known_of_the_next(directory: DataDirectory, tmp_path: Path) -> None:
    store = stored([ox.Quad(SUBJECTS[0], PREDICATES[0], CLASSES[0], graph) for graph in GRAPHS[:2]])
    sharing.follow(tmp_path, store, directory.loading, Added(tuple, 0, None))
    assert read(directory.loading).everything
