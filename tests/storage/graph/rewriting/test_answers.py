"""What is asked instead has the answers that the recommendation defines, where the engine's own are wrong."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from storage.graph.rewriting import rewritten
from tests.storage.graph.rewriting.texts import binds, datasets, filters, groups, minus, nested, patterns, values
from tests.support.algebra import PROLOGUE, Dataset, Element, GraphOf, Group, asked, solutions


def assert_right(group: Group, dataset: Dataset) -> None:
    text = f"{PROLOGUE}SELECT * {group}"
    store = dataset.store()
    with contextlib.suppress(SyntaxError):  # for one, a BIND of a variable that is there
        asked(store, text)
        assert asked(store, rewritten(text)) == solutions(group, dataset), rewritten(text)


def _inside(depth: int) -> SearchStrategy[Element]:
    plain = st.one_of(patterns("?a", "?b"), patterns("?b", "?c"), filters("?a", "?b"), values, binds)
    return plain | nested(groups(_inside, depth - 1)) if depth else plain


def _inside_with_graph(depth: int) -> SearchStrategy[Element]:
    """Elements that have the graph's variable in them."""
    plain = st.one_of(patterns("?a", "?g"), patterns("?a", "?b"), filters("?a", "?g"), values)
    return plain | nested(groups(_inside_with_graph, depth - 1)) if depth else plain


@settings(max_examples=300, deadline=None)
@given(dataset=datasets, group=groups(_inside, 2))
def test_a_graph_is_bound_around_anything(dataset: Dataset, group: Group) -> None:
    assert_right(Group((GraphOf("?g", group),)), dataset)


@settings(max_examples=300, deadline=None)
@given(dataset=datasets, group=groups(_inside_with_graph, 2))
def test_a_graph_is_not_bound_inside(dataset: Dataset, group: Group) -> None:
    assert_right(Group((GraphOf("?g", group),)), dataset)


@settings(max_examples=200, deadline=None)
@given(
    dataset=datasets,
    kept=st.lists(patterns("?a", "?b", marks=""), min_size=1, max_size=2),
    taken=st.lists(minus("?a", "?c"), max_size=2),
)
def test_minus_shares_no_graph(dataset: Dataset, kept: list[Element], taken: list[Element]) -> None:
    assert_right(Group((GraphOf("?g", Group((*kept, *taken))),)), dataset)


@settings(max_examples=300, deadline=None)
@given(dataset=datasets, group=groups(_inside, 2))
def test_paths_of_length_zero(dataset: Dataset, group: Group) -> None:
    assert_right(group, dataset)


@settings(max_examples=100, deadline=None)
@given(dataset=datasets, name=st.sampled_from([":g1", ":nowhere"]), path=patterns("?a"))
def test_paths_of_length_zero_in_a_graph(dataset: Dataset, name: str, path: Element) -> None:
    assert_right(Group((GraphOf(name, Group((path,))),)), dataset)


EMPTY = Dataset(frozenset(), {":g1": frozenset({(":n1", ":p", ":n2")}), ":g2": frozenset()})
WRONG = [
    "GRAPH ?g { SELECT (COUNT(*) AS ?n) { ?a :p ?b } }",
    "GRAPH ?g { SELECT ?a { ?a :p ?b } }",
    "GRAPH ?g { VALUES ?a { :n1 } }",
    "GRAPH ?g { GRAPH ?h { ?a :p ?b } }",
    "GRAPH ?g { ?a :p ?b MINUS { ?c :p ?d } }",
    "GRAPH ?g { FILTER(BOUND(?g)) }",
    ":missing :p* ?a",
    "?a :p? 'missing'",
    "GRAPH :g1 { :missing :p* ?a }",
]


@pytest.mark.parametrize("pattern", WRONG)
def test_the_engine_alone_is_wrong(pattern: str) -> None:
    """Expect another answer from the engine: where it no longer is, the rewriting can go."""
    store = EMPTY.store()
    text = f"{PROLOGUE}SELECT * {{ {pattern} }}"
    assert asked(store, text) != asked(store, rewritten(text))


def test_each_graph_is_counted() -> None:
    text = f"{PROLOGUE}SELECT * {{ GRAPH ?g {{ SELECT (COUNT(*) AS ?n) {{ ?a :p ?b }} }} }}"
    expected = Counter({(("?g", ":g1"), ("?n", "1")): 1, (("?g", ":g2"), ("?n", "0")): 1})
    assert asked(EMPTY.store(), rewritten(text)) == expected
