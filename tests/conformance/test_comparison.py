"""The comparison itself: what it must and must not tell apart."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from tests.conformance.rdf import Term
from tests.conformance.solutions import Solutions, read, same
from tests.conformance.values import XSD, by_value, computed

A, B, C = (ox.BlankNode(label) for label in "abc")
ONE, TWO = ox.Literal("1"), ox.Literal("2")


def _rows(*rows: tuple[Term | None, ...], ordered: bool = False) -> Solutions:
    return Solutions(("x", "y"), rows, ordered)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (_rows((ONE, TWO)), _rows((ONE, TWO)), True),
        (_rows((ONE, TWO)), _rows((ONE, None)), False),
        (_rows((ONE, TWO), (ONE, TWO)), _rows((ONE, TWO)), False),
        (_rows((ONE, TWO), (TWO, ONE)), _rows((TWO, ONE), (ONE, TWO)), True),
        (_rows((ONE, TWO), (TWO, ONE), ordered=True), _rows((TWO, ONE), (ONE, TWO)), False),
        (_rows((A, A)), _rows((B, B)), True),
        (_rows((A, A)), _rows((A, B)), False),
        (_rows((A, B)), _rows((A, A)), False),
        (_rows((A, ONE), (B, TWO), (A, B)), _rows((C, A), (A, TWO), (C, ONE)), True),
        (_rows((A, ONE), (B, TWO), (A, B)), _rows((A, C), (A, TWO), (C, ONE)), False),
    ],
)
def test_same(left: Solutions, right: Solutions, expected: bool) -> None:
    assert same(left, right) is expected


def test_columns_may_come_in_any_order() -> None:
    assert same(_rows((ONE, TWO)), Solutions(("y", "x"), ((TWO, ONE),)))


def test_reduced_may_leave_out_what_comes_twice() -> None:
    twice, once = _rows((ONE, TWO), (ONE, TWO)), _rows((ONE, TWO))
    assert same(twice, once, lax=True)
    assert not same(once, twice, lax=True)
    assert not same(twice, _rows(), lax=True)


def test_blank_nodes_inside_triple_terms_are_relabelled() -> None:
    left, right = (_rows((ox.Triple(node, ox.NamedNode("urn:p"), ONE), node)) for node in (A, B))
    assert same(left, right)
    assert not same(left, _rows((ox.Triple(B, ox.NamedNode("urn:p"), ONE), C)))


def test_computed_numbers_are_compared_by_value_and_stored_ones_by_letters() -> None:
    double, long = (ox.Literal(text, datatype=ox.NamedNode(XSD + "double")) for text in ("11", "1.1E1"))
    left, right = Solutions(("x",), ((double,),)), Solutions(("x",), ((long,),))
    assert same(by_value(left, frozenset()), by_value(right, frozenset()))
    assert not same(by_value(left, frozenset({long})), by_value(right, frozenset({long})))
    assert same(by_value(left, frozenset({long}), ("x",)), by_value(right, frozenset({long}), ("x",)))


def test_sums_and_means_are_computed() -> None:
    query = "SELECT ?a (SUM(?v) AS ?b) (avg( IF(?v, 1, (2)) ) as ?c) (MAX(?v) AS ?d) (COUNT(*) AS ?e) {}"
    assert computed(query) == {"b", "c"}


def test_csv_has_blank_nodes_and_unbound_cells() -> None:
    assert read(b'x,y\r\n_:a,\r\n"1",2\r\n', "text/csv") == _rows((A, None), (ONE, TWO))
