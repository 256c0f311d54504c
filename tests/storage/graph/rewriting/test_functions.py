"""Functions and keywords: the answers of what is asked instead."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from storage.graph.rewriting import rewritten

PROLOGUE = "PREFIX : <urn:x:> "
XSD = "http://www.w3.org/2001/XMLSchema#"


def rows(text: str) -> list[tuple[str | None, ...]]:
    """Return the rows of a query, with the text or the label of each value."""
    results = ox.Store().query(rewritten(PROLOGUE + text))
    assert isinstance(results, ox.QuerySolutions)
    names = [variable.value for variable in results.variables]
    return [tuple(getattr(row[name], "value", None) for name in names) for row in results]


def test_group_concat_has_no_language() -> None:
    text = "SELECT (GROUP_CONCAT(DISTINCT ?o; separator=')') AS ?all) { VALUES ?o { 'a'@en 'b'@en } }"
    [solution] = ox.Store().query(rewritten(text))  # type: ignore[misc] # it is a SELECT
    assert str(solution["all"]) in ('"a)b"', '"b)a"')


def test_group_concat_tells_languages_apart() -> None:
    assert rows("SELECT (GROUP_CONCAT(DISTINCT ?o) AS ?all) { VALUES ?o { 'a'@en 'a'@fr 'a'@fr } }") == [("a a",)]


def test_group_concat_in_the_middle_of_a_query() -> None:
    text = """SELECT ?k (LANG(group_concat(?o)) AS ?none) { VALUES (?k ?o) { (1 "(a"@en) (2 "b)"@en) } }
      GROUP BY ?k HAVING(STRLEN(GROUP_CONCAT(?o)) = 2) ORDER BY ?k"""
    assert rows(text) == [("1", ""), ("2", "")]


@pytest.mark.parametrize(("written", "value"), [("TRUE", "true"), ("False", "false"), ("true", "true")])
def test_booleans_in_any_case(written: str, value: str) -> None:
    assert rows(f"SELECT ?x {{ VALUES ?x {{ {written} }} }}") == [(value,)]


def test_words_that_only_look_like_booleans_stay() -> None:
    text = f"{PROLOGUE}SELECT ?TRUE {{ ?TRUE :FALSE 'TRUE'@FALSE }}"
    assert rewritten(text) == text


def test_blank_nodes_are_of_one_solution() -> None:
    text = (
        "SELECT (BNODE(?o) AS ?a) (BNODE('k') AS ?b) (BNODE(CONCAT('k', '')) AS ?c) { VALUES ?o { 'k' 'x y' 'k' } }"
    )
    found = rows(text)
    assert all(b == c for _, b, c in found)
    assert [a == b for a, b, _ in found] == [True, False, True]
    assert len({label for row in found for label in row}) == 4


def test_blank_nodes_of_a_sub_query() -> None:
    found = rows("SELECT ?b { { SELECT (BNODE('k') AS ?b) WHERE { VALUES ?x { 1 2 } } } }")
    assert len(set(found)) == 2


@pytest.mark.parametrize("text", ["SELECT (BNODE() AS ?b) { }", "SELECT (COUNT(BNODE('x')) AS ?n) { }"])
def test_other_blank_nodes_stay(text: str) -> None:
    assert rewritten(text) == text


def test_an_item_uses_those_before_it() -> None:
    text = (
        """SELECT (COUNT(?v) AS ?n) (?n + 1 AS ?m) (?m * ?n AS ?k) ((?k) + SUM(?v) AS ?l) { VALUES ?v { 0 1 2 } }"""
    )
    assert rows(text) == [("3", "4", "12", "15")]


def test_an_item_of_a_group_uses_those_before_it() -> None:
    text = "SELECT ?k (SUM(?v) AS ?s) (?s / 2 AS ?h) { VALUES (?k ?v) { (1 2) (1 4) (2 8) } } GROUP BY ?k ORDER BY ?s"
    assert rows(text) == [("1", "6", "3"), ("2", "8", "4")]


def test_what_is_new_each_time_is_not_written_twice() -> None:
    text = "SELECT (COUNT(*) AS ?n) (RAND() AS ?r) (?r AS ?same) { }"
    assert rewritten(text) == text
    with pytest.raises(SyntaxError):
        ox.Store().query(text)
