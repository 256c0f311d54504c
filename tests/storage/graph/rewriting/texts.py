"""Random patterns and datasets for the differential tests."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.support.algebra import (
    Bind,
    Dataset,
    Element,
    Filter,
    Group,
    Minus,
    Optional,
    Pattern,
    Select,
    Union,
    Values,
)

PREDICATES = st.sampled_from([":p", ":q"])
NODES = st.sampled_from([":n1", ":n2", ":n3", ":g1"])
_TRIPLES = st.frozensets(st.tuples(NODES, PREDICATES, NODES), max_size=4)

datasets = st.builds(lambda d, a, b: Dataset(d, {":g1": a, ":g2": b}), _TRIPLES, _TRIPLES, _TRIPLES)


def patterns(*names: str, marks: str = "*?") -> SearchStrategy[Pattern]:
    """Triples and paths between these variables, nodes, and a node that no graph has."""
    ends = st.sampled_from([*names, ":n1", ":n2", ":missing"])
    return st.builds(Pattern, ends, PREDICATES, ends, st.sampled_from(["", "", "", *marks]))


values = st.builds(
    lambda rows: Values(("?a", "?b"), tuple(rows)),
    st.lists(
        st.tuples(st.sampled_from([":n1", ":missing", None]), st.sampled_from([":n1", ":g1", None])), max_size=3
    ),
)


def filters(*names: str) -> SearchStrategy[Filter]:
    """Expressions that know these variables."""
    name, term = st.sampled_from(names), st.sampled_from([":n1", ":g1"])
    bound = st.builds(lambda name: Filter("BOUND", name), name)
    return bound | st.builds(Filter, st.sampled_from(["=", "!="]), name, term)


def groups(elements: Callable[[int], SearchStrategy[Element]], depth: int) -> SearchStrategy[Group]:
    """Groups of elements, which are given how deep they may go."""
    return st.lists(elements(depth), min_size=1, max_size=3).map(lambda found: Group(tuple(found)))


def nested(inner: SearchStrategy[Group]) -> SearchStrategy[Element]:
    """OPTIONAL, UNION and sub-queries around groups."""
    plain = st.builds(Select, inner, st.sampled_from([("?a",), ("?a", "?b"), ()]), st.booleans())
    counted = st.builds(lambda group, by: Select(group, count="?n", by=by), inner, st.sampled_from([None, ("?a",)]))
    unions = st.lists(inner, min_size=1, max_size=2).map(lambda found: Union(tuple(found)))
    return st.one_of(st.builds(Optional, inner), unions, plain, counted)


def minus(*names: str) -> SearchStrategy[Minus]:
    """MINUS of triples alone, whose variables are always bound."""
    return patterns(*names, marks="").map(lambda found: Minus(Group((found,))))


binds = st.builds(Bind, st.sampled_from([":n1", "?b"]), st.just("?z"))
