"""Queries over graphs that share triples have the answers that they have over one graph of all the triples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import pyoxigraph as ox
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.graph.rewriting import merged, rewritten
from storage.graph.rewriting.shared import NOTHING, UNKNOWN, Shared
from storage.graph.rewriting.triples import TYPE

PREFIX = "http://example.org/"
PROLOGUE = f"PREFIX : <{PREFIX}> "
NODES = [":a", ":b", ":c"]
COMMON = [":p", ":q", "a"]
GRAPHS: list[ox.NamedNode | ox.DefaultGraph] = [
    ox.DefaultGraph(),
    ox.NamedNode(f"{PREFIX}g"),
    ox.NamedNode(f"{PREFIX}h"),
    ox.NamedNode(f"{PREFIX}i"),
]


def _node(text: str) -> ox.NamedNode:
    return ox.NamedNode(TYPE if text == "a" else PREFIX + text[1:])


TRIPLES = st.builds(
    lambda s, p, o: ox.Triple(_node(s), _node(p), _node(o)),
    *(st.sampled_from(some) for some in (NODES, COMMON, NODES)),
)
# A triple, and the graphs that have it: mostly several.
DATA = st.lists(st.tuples(TRIPLES, st.sets(st.sampled_from(range(4)), min_size=1, max_size=3)), max_size=8)

VARIABLES = ["?x", "?y", "?z"]
ENDS = st.sampled_from([*VARIABLES * 3, *NODES, "[]", "_:m", "[ :p ?y ]", "[ :q _:m ; a [] ]", "(?x :a)"])
PATHS = st.sampled_from(COMMON) | st.sampled_from(
    [
        ":p/:q",
        "^:p",
        "^:p/:q",
        "^(:p/a)",
        ":p/(:q/:p)",
        ":p*",
        "a/:p*",
        ":q?",
        ":p+",
        "(:p|:q)",
        "(:p|:q)/a",
        "^(:p*)",
        "(:p/:q)+",
        "!(:p|^:q)",
    ]
)


def _block(triples: Sequence[tuple[str, str, str]]) -> str:
    return " . ".join(f"{s} {p} {o}" for s, p, o in triples) + " ."


def _triples(ends: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(ends, PATHS | st.just("?z"), ends), min_size=1, max_size=3).map(_block)


PLAIN = _triples(st.sampled_from([*VARIABLES * 2, *NODES]))
BLOCKS = _triples(ENDS)
OTHERS = st.sampled_from(
    [
        "VALUES ?x { :a :b }",
        "VALUES ?x { :a :a }",
        "VALUES (?x ?y) { (:a UNDEF) (UNDEF :b) }",
        "FILTER(?x != :a)",
        "FILTER EXISTS { ?x :p ?y }",
        "FILTER EXISTS { ?x :p ?y . ?y :q/a ?w FILTER(?w != ?x) }",
        "FILTER NOT EXISTS { ?x :p/^:q/a [] }",
        "FILTER NOT EXISTS { SELECT ?x { ?x :q ?y } GROUP BY ?x HAVING(COUNT(*) > 1) }",
        "BIND(:a AS ?n)",
        "MINUS { ?x :q ?y }",
        "MINUS { ?x :p/:q ?v . ?v a ?y }",
    ]
)


KINDS = ["blocks", "others", "optional", "union", "graph", "group", "select"]


@st.composite
def groups(draw: st.DrawFn, depth: int = 2) -> str:
    """A group; blank nodes only in its first block, so that a label is in one place."""
    parts = [draw(BLOCKS | OTHERS)]
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=3)):
        inner = draw(groups(depth - 1)).replace("_:m", f"_:m{draw(st.integers(0, 10**9))}") if depth else "{}"
        match kind:
            case "blocks":
                parts.append(draw(PLAIN))
            case "others":
                parts.append(draw(OTHERS))
            case "optional":
                parts.append(f"OPTIONAL {inner}")
            case "union":
                parts.append(f"{inner} UNION {{ {draw(PLAIN)} }}")
            case "graph":
                parts.append(f"GRAPH {draw(st.sampled_from([':g', '?g']))} {{ {draw(PLAIN)} }}")
            case "group":
                parts.append(inner)
            case "select":
                parts.append(f"{{ {draw(HEADS)} {inner} {draw(st.sampled_from(['', 'GROUP BY ?x']))} }}")
    return "{ " + " ".join(parts) + " }"


HEADS = st.sampled_from(
    ["SELECT ?x", "SELECT *", "SELECT DISTINCT ?x ?y", "SELECT ?x (COUNT(?y) AS ?n)", "SELECT ?x ?y ?z"]
)
TOP = st.sampled_from(
    [
        "SELECT *",
        "SELECT ?x",
        "SELECT DISTINCT ?x",
        "SELECT (COUNT(*) AS ?n)",
        "SELECT (COUNT(DISTINCT ?x) AS ?n) (MAX(?y) AS ?m)",
        "SELECT (COUNT(DISTINCT ?x) AS ?n) (COUNT(?y) AS ?m)",
        "ASK",
        "CONSTRUCT { ?x :made [] }",
    ]
)


def _store(data: Sequence[tuple[ox.Triple, set[int]]]) -> ox.Store:
    store = ox.Store()
    store.extend(ox.Quad(t.subject, t.predicate, t.object, GRAPHS[place]) for t, places in data for place in places)
    return store


def _merge(store: ox.Store, graphs: Sequence[ox.NamedNode | ox.DefaultGraph]) -> ox.Store:
    """Return a store whose default graph has the triples of these graphs."""
    one = ox.Store()
    one.extend(quad for quad in store if not isinstance(quad.graph_name, ox.DefaultGraph))
    one.extend(ox.Quad(*quad.triple) for quad in store if quad.graph_name in graphs)
    return one


def truth(store: ox.Store) -> Shared:
    """Return what is shared."""
    times = Counter(quad.triple for quad in store)
    several = [triple for triple, count in times.items() if count > 1]
    return NOTHING.with_more(
        {t.predicate.value for t in several if t.predicate.value != TYPE},
        {t.object.value for t in several if t.predicate.value == TYPE and isinstance(t.object, ox.NamedNode)},
    )


def _answer(store: ox.Store, text: str, **more: object) -> object:
    try:
        found = store.query(text, **more)  # type: ignore[arg-type] # of the engine
    except SyntaxError:
        return None
    if isinstance(found, ox.QueryBoolean):
        return bool(found)
    if isinstance(found, ox.QueryTriples):
        return Counter(triple.predicate.value for triple in found)
    names = found.variables
    return [name.value for name in names], Counter(tuple(str(row[name]) for name in names) for row in found)


def _assert_merged(store: ox.Store, text: str) -> None:
    right = _answer(_merge(store, GRAPHS), rewritten(text))
    for shared in (truth(store), UNKNOWN):
        instead = merged(text, shared)
        found = _answer(store, instead, use_default_graph_as_union=True)
        assert found == right or (isinstance(found, tuple) and not found[0]), instead  # a * that gives nothing


@settings(max_examples=1500, deadline=None)
@given(data=DATA, head=TOP, group=groups())
@example(data=[], head="SELECT ?x", group="{ { SELECT ?x { ?x ?z [ :q _:m ; a [] ] } } OPTIONAL { ?x ?z _:m } }")
def test_a_union_of_graphs_is_their_merge(data: list[tuple[ox.Triple, set[int]]], head: str, group: str) -> None:
    _assert_merged(_store(data), f"{PROLOGUE}{head} {group}")


@settings(max_examples=300, deadline=None)
@given(data=DATA, head=TOP, group=groups(), places=st.sampled_from([*combinations(range(1, 4), 2), (1, 2, 3)]))
def test_several_graphs_that_are_named_are_merged(
    data: list[tuple[ox.Triple, set[int]]], head: str, group: str, places: tuple[int, ...]
) -> None:
    store, graphs = _store(data), [GRAPHS[place] for place in places]
    named = [ox.NamedNode(f"{PREFIX}g")]
    one, text = _merge(store, graphs), f"{PROLOGUE}{head} {group}"
    right = _answer(one, rewritten(text), default_graph=ox.DefaultGraph(), named_graphs=named)
    instead = merged(text, truth(store))
    assert _answer(store, instead, default_graph=graphs, named_graphs=named) == right, instead
    listed = "".join(f"FROM {graph} " for graph in graphs) + "FROM NAMED :g WHERE "
    instead = merged(f"{PROLOGUE}{head} {listed}{group}", truth(store))
    assert _answer(store, instead) == right, instead


TWICE = ox.Store()
TWICE.update(
    f"{PROLOGUE}INSERT DATA {{ GRAPH :g {{ :a :p :b . :b :q :c . :a a :C . :x a :D }} "
    f"GRAPH :h {{ :a :p :b . :b :q :c . :a a :C . :y :r :z }} }}"
)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?x :r ?y }",
        "SELECT * { ?x a :D }",
        "SELECT * { ?x :r/a ?y . ?x :p* ?y }".replace(":r/a ?y", ":r ?y"),
        "SELECT * { GRAPH ?g { ?x :p ?y } }",
        "ASK { ?x :p ?y }",
        "SELECT DISTINCT ?x { ?x :p/:q ?y } LIMIT 3",
        "SELECT ?x (MAX(?y) AS ?m) (COUNT(DISTINCT ?y) AS ?n) { ?x :p ?y } GROUP BY ?x",
        "CONSTRUCT { ?x :s ?y } WHERE { ?x :p ?y }",
        "DESCRIBE ?x { ?x :p ?y }",
        "SELECT ?x { ?x :r ?y FILTER NOT EXISTS { ?x :p ?z } MINUS { ?x :q ?z } }",
        "INSERT { GRAPH :i { ?x :s ?y } } USING :g USING :h WHERE { ?x :p ?y }",
    ],
)
def test_what_sharing_does_not_change_stays_as_it_is(text: str) -> None:
    assert merged(f"{PROLOGUE}{text}", truth(TWICE)) == f"{PROLOGUE}{text}"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?x ?p ?y } LIMIT 20",
        "SELECT ?x { ?x a ?class } ORDER BY ?x",
        "SELECT * { ?x :p ?y { SELECT * { [] :p [] } } }",
        "SELECT ?x { ?x :r ?y OPTIONAL { ?x :p ?z } }",
        "SELECT REDUCED ?x { ?x :p ?y }",
        "SELECT ?x ?y { ?x !:q ?y }",
        "SELECT ?x ?y { ?x !(a|:r) ?y }",
        "SELECT ?x ?y { ?x !^a ?y }",
        "SELECT ?x ?y { ?x ^(!(^a|^:q))/:q ?y }",
        "SELECT (COUNT(*) AS ?n) { :a :p [] }",
        "SELECT ?x { :C ^a/:none? ?x } GROUP BY ?x HAVING(COUNT(*) > 1)",
        "SELECT (SUM(?n) AS ?m) { { SELECT ?x (COUNT(*) AS ?n) { ?x :p/:q ?y } GROUP BY ?x } }",
        "INSERT { GRAPH :i { [] :s ?y } } USING :g USING :h WHERE { ?x :p ?y }",
    ],
)
def test_what_sharing_does_change_is_asked_in_another_way(text: str) -> None:
    text = f"{PROLOGUE}{text}"
    assert merged(text, truth(TWICE)) != text
    if "INSERT" not in text:
        _assert_merged(TWICE, text)


def test_optional_stays_in_the_group_whose_solutions_are_distinct() -> None:
    text = f"{PROLOGUE}SELECT ?x {{ ?x a :D OPTIONAL {{ ?x :p ?z FILTER(?z > 3) }} FILTER(?x != :y) }}"
    inner = "?x a :D OPTIONAL { ?x :p ?z FILTER(?z > 3) } FILTER(?x != :y)"
    assert merged(text, truth(TWICE)) == text.replace(inner, f"{{ SELECT DISTINCT * {{ {inner} }} }}")


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        (
            "?y :q ?z . ?x :p ?y . ?x a :C",
            "{ { SELECT DISTINCT * { ?x a :C } } LATERAL { SELECT DISTINCT * { ?x :p ?y } } LATERAL { ?y :q ?z } }",
        ),
        (
            "VALUES ?y { :b :c } ?x :p ?y FILTER(?x != ?y) ?y :q ?z",
            "{ VALUES ?y { :b :c } LATERAL { SELECT DISTINCT * { ?y :q ?z } } LATERAL { ?x :p ?y } }"
            " FILTER(?x != ?y) {}",
        ),
        (
            "?x a :D OPTIONAL { ?x :p ?y } OPTIONAL { ?x :q ?z }",
            "{ SELECT DISTINCT * { { { ?x a :D } } OPTIONAL { ?x :p ?y } } } OPTIONAL { ?x :q ?z }",
        ),
    ],
)
def test_patterns_are_found_in_turn_where_solutions_would_be_many_times_as_many(text: str, instead: str) -> None:
    asked = f"{PROLOGUE}SELECT ?x {{ %s }}"
    assert merged(asked % text, truth(TWICE)) == asked % f"{{ SELECT DISTINCT * {{ {instead} }} }}"
    _assert_merged(TWICE, asked % text)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        (
            "SELECT ?x { ?x :r ?y FILTER NOT EXISTS { ?z :q ?w . ?x :p ?z } }",
            "{ { SELECT DISTINCT * { ?x :p ?z } } LATERAL { ?z :q ?w } }",
        ),
        (
            "ASK { ?y :q/:p ?z . ?x :p ?y }",
            "{ SELECT ?x ?y ?z { { SELECT DISTINCT * { ?y :q ?_r2 } } LATERAL { SELECT DISTINCT * { ?_r2 :p ?z } }"
            " LATERAL { ?x :p ?y } } }",
        ),
    ],
)
def test_patterns_are_found_in_turn_where_the_number_of_solutions_does_not_matter(text: str, instead: str) -> None:
    found = merged(f"{PROLOGUE}{text}", truth(TWICE))
    assert instead in found
    _assert_merged(TWICE, f"{PROLOGUE}{text}")


def test_patterns_that_nothing_ties_are_left_to_the_engine() -> None:
    assert "LATERAL" not in merged(f"{PROLOGUE}SELECT ?x {{ ?x :p ?y . ?z :q ?w }}", truth(TWICE))
