"""Query results as values, from every form that the suites write them in, and their comparison."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass

import pyoxigraph as ox

from tests.conformance.rdf import TYPE, Graph, Resource, Term

RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
Row = tuple[Term | None, ...]
Labels = dict[ox.BlankNode, ox.BlankNode]

_FORMATS = {
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
}


@dataclass(frozen=True)
class Solutions:
    """Rows of terms; `ordered` where their order is part of what is expected."""

    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    ordered: bool = False


def read(content: bytes, media_type: str) -> Solutions | bool:
    """Read results as a service sends them."""
    if media_type == "text/csv":
        return _csv(content.decode())
    found = ox.parse_query_results(content, _FORMATS[media_type])
    if isinstance(found, ox.QueryBoolean):
        return bool(found)
    names = tuple(variable.value for variable in found.variables)
    return Solutions(names, tuple(tuple(row[name] for name in names) for row in found))


def _csv(text: str) -> Solutions:
    header, *rows = csv.reader(text.splitlines(keepends=True))
    return Solutions(tuple(header), tuple(tuple(_cell(cell) for cell in row) for row in rows))


def _cell(text: str) -> Term | None:
    """Return a value of CSV, which does not tell IRIs from literals, but has blank nodes as `_:label`."""
    if text.startswith("_:"):
        return ox.BlankNode(text[2:])
    return ox.Literal(text) if text else None


def read_graph(quads: tuple[ox.Quad, ...]) -> Solutions | bool | None:
    """Read results written as a graph in the result set vocabulary; None where it is an ordinary graph."""
    graph = Graph(quads)
    heads = graph.subjects(TYPE, ox.NamedNode(RS + "ResultSet"))
    if not heads:
        return None
    boolean = graph.text(heads[0], RS + "boolean")
    return boolean == "true" if boolean is not None else _solutions(graph, heads[0])


def _solutions(graph: Graph, head: Resource) -> Solutions:
    names = tuple(graph.texts(head, RS + "resultVariable"))
    nodes = graph.objects(head, RS + "solution")
    indexes = [graph.text(node, RS + "index") for node in nodes]
    ordered = bool(indexes) and None not in indexes
    if ordered:
        nodes = [node for _, node in sorted(zip(map(int, filter(None, indexes)), nodes, strict=True), key=_first)]
    return Solutions(names, tuple(_row(graph, node, names) for node in nodes), ordered)


def _first(pair: tuple[int, Term]) -> int:
    return pair[0]


def _row(graph: Graph, node: Term, names: tuple[str, ...]) -> Row:
    bindings = graph.objects(node, RS + "binding")
    values = {graph.text(b, RS + "variable"): graph.objects(b, RS + "value")[0] for b in bindings}
    return tuple(values.get(name) for name in names)


def shown(solutions: Solutions) -> str:
    """Return solutions as lines, sorted unless their order counts, for a person to compare."""
    names = sorted(solutions.variables)
    order = [solutions.variables.index(name) for name in names]
    lines = ["  ".join(str(row[at]) for at in order) for row in solutions.rows]
    return "\n".join(["  ".join(f"?{name}" for name in names), *(lines if solutions.ordered else sorted(lines))])


def same(expected: Solutions, actual: Solutions, *, lax: bool = False) -> bool:
    """Tell whether two results are the same up to the labels of blank nodes.

    With `lax` (REDUCED) an expected row may come fewer times, but once at least.
    """
    if sorted(expected.variables) != sorted(actual.variables):
        return False
    order = [actual.variables.index(name) for name in expected.variables]
    rows = [tuple(row[at] for at in order) for row in actual.rows]
    if lax:
        return _same_reduced(Counter(expected.rows), Counter(rows))
    if expected.ordered:
        return _same_in_order(list(expected.rows), rows)
    return _same_in_any_order(list(expected.rows), rows)


def _same_reduced(expected: Counter[Row], actual: Counter[Row]) -> bool:
    return expected.keys() == actual.keys() and actual <= expected


def _same_in_order(expected: list[Row], actual: list[Row]) -> bool:
    labels: Labels | None = {}
    for left, right in zip(expected, actual, strict=False):
        labels = _match_row(left, right, labels) if labels is not None else None
    return len(expected) == len(actual) and labels is not None


def _same_in_any_order(expected: list[Row], actual: list[Row]) -> bool:
    """Compare what has no blank nodes by counting, and search for a relabelling of the rest."""
    plain = [Counter(row for row in rows if not _has_blank(row)) for rows in (expected, actual)]
    rest = [[row for row in rows if _has_blank(row)] for rows in (expected, actual)]
    return plain[0] == plain[1] and len(rest[0]) == len(rest[1]) and _search(rest[0], rest[1], {})


def _search(expected: list[Row], actual: list[Row], labels: Labels) -> bool:
    if not expected:
        return True
    first, rest = expected[0], expected[1:]
    for at, row in enumerate(actual):
        extended = _match_row(first, row, labels)
        if extended is not None and _search(rest, actual[:at] + actual[at + 1 :], extended):
            return True
    return False


def _has_blank(row: Row) -> bool:
    return any(_blank(term) for term in row)


def _blank(term: Term | None) -> bool:
    if isinstance(term, ox.Triple):
        return _blank(term.subject) or _blank(term.object)
    return isinstance(term, ox.BlankNode)


def _match_row(expected: Row, actual: Row, labels: Labels) -> Labels | None:
    """Return the labels extended so that the rows are the same, or None."""
    extended: Labels | None = labels
    for left, right in zip(expected, actual, strict=True):
        extended = _match(left, right, extended) if extended is not None else None
    return extended


def _match(expected: Term | None, actual: Term | None, labels: Labels) -> Labels | None:
    if isinstance(expected, ox.Triple) and isinstance(actual, ox.Triple):
        return _match_row(_parts(expected), _parts(actual), labels)
    if isinstance(expected, ox.BlankNode) and isinstance(actual, ox.BlankNode):
        if expected not in labels and actual not in labels.values():
            return {**labels, expected: actual}
        return labels if labels.get(expected) == actual else None
    return labels if expected == actual else None


def _parts(triple: ox.Triple) -> Row:
    return (triple.subject, triple.predicate, triple.object)
