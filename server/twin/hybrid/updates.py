"""Updates beside readings: what would write them is refused, and each WHERE that sees them is answered beforehand."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import pyoxigraph as ox

from server.errors import Problem, bad_request
from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.operations import Operation, operations, resolved
from storage.graph.guard import decode_escapes
from storage.graph.rewriting.parser import parse
from storage.graph.rewriting.tokens import Edit, NotUnderstood, Token, tokens_of

MOST_SOLUTIONS = 100_000
_IRI = re.compile(r"<([^<>\s]+)>")
_WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
_ANY_GRAPH = re.compile(r"graph(?:\s|#[^\n\r]*+[\n\r])*+[?$]", re.IGNORECASE)
_HINT = "its templates and its WHERE have to be told apart: write keywords, variables and names with spaces between"
Solutions = Sequence[tuple[ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None, ...]]


def refuse_writes(text: str) -> None:
    """Raise a 400 problem for an update that would write into the graph of the readings."""
    if "\\" in text:
        text = decode_escapes(text)
    if not _may_name(text):
        return
    try:
        groups = [(query.group.start, query.group.end) for query in parse(text)]
    except NotUnderstood:
        groups = []
    try:
        named = list(_named(text))
    except NotUnderstood as error:
        hint = "send it in parts"
        raise bad_request(f"the update may write the graph of the readings, and {error}", hint=hint) from None
    for token, before, inside, opens in named:
        group = bisect_right(groups, (token.start, len(text))) - 1
        asked = group >= 0 and token.start < groups[group][1]
        if not asked and before not in ("USING", "NAMED") and (not inside or opens):
            raise read_only()


def _may_name(text: str) -> bool:
    """Tell whether the graph of readings could be in a text: whole, behind a prefix, or against a BASE."""
    rests = {terms.READINGS.removeprefix(iri) for iri in set(_IRI.findall(text)) if terms.READINGS.startswith(iri)}
    return any(rest in text for rest in rests) or (":readings" in text and "BASE" in text.upper())


def refuse_graphs(graphs: Iterable[object]) -> None:
    """Raise a 400 problem where one of the graphs that would be written is that of the readings."""
    if ox.NamedNode(terms.READINGS) in graphs:
        raise read_only()


def read_only() -> Problem:
    """Return the problem of whoever would write triples of readings."""
    return Problem(
        400,
        "readings-are-read-only",
        f"the graph {terms.READINGS} is what the series say, and nothing else writes it",
        hint="POST /readings stores readings, and DELETE /readings deletes some",
    )


def _named(text: str) -> Iterator[tuple[Token, str, bool, bool]]:
    """Yield each token that names the graph of readings, and the keyword before it.

    And whether it is in braces, and whether some open behind it, so that a graph begins there.
    """
    prefixes, base, before, depth = dict[str, str](), "", list[Token](), 0
    for token, following in pairwise(tokens_of(text)):
        words = [earlier.word for earlier in before]
        depth += (token.sign == "{") - (token.sign == "}")
        if token.kind == "iri":
            iri = _full(base, token.text)
        else:
            prefix, _, local = token.text.partition(":")
            iri = prefixes.get(prefix, "") + local
        if words[-1:] == ["BASE"]:
            base = f"BASE <{iri}>"
        elif words[:1] == ["PREFIX"] and token.kind == "iri":
            prefixes[before[-1].text[:-1]] = iri
        elif token.kind in ("iri", "name") and iri == terms.READINGS:
            yield token, words[-1] if words else "", depth > 0, following.sign == "{"
        before = [*before[-1:], token]


def _full(base: str, written: str) -> str:
    """Return an IRI that is written in angle brackets, in full where a BASE says of what."""
    try:
        return resolved(base, written) if base else written[1:-1]
    except NotUnderstood:
        return written[1:-1]


def read(text: str, public_url: str = "") -> list[Operation]:
    """Return the operations of an update in which a WHERE may see readings, or name a graph that is written.

    For others there are none. Raises a 400 problem where they cannot be told apart.
    """
    if not _WHERE.search(text) or not (_ANY_GRAPH.search(text) or terms.mentions(text, public_url)):
        return []
    try:
        return operations(text, public_url)
    except NotUnderstood as error:
        raise bad_request(f"the operations of the update cannot be told apart: {error}", hint=_HINT) from None


def answered(operation: Operation, rows: Solutions) -> Edit:
    """Return the change of an update's text that puts solutions in the place of an operation's WHERE.

    Raises a 400 problem for blank nodes, and for one that names the graph of readings as one to be written.
    """
    names = operation.names
    if any(isinstance(term, ox.BlankNode) for row in rows for term in row):
        raise bad_request("an update over readings has a solution with a blank node", hint="name it by an IRI")
    refuse_graphs(term for row in rows for name, term in zip(names, row, strict=False) if name in operation.graphs)
    values = " ".join(f"({' '.join('UNDEF' if term is None else str(term) for term in row)})" for row in rows)
    heads = " ".join(f"?{name}" for name in names or ("none",))
    assert operation.query is not None  # noqa: S101 - only of those with a WHERE, for the type checker
    return Edit(operation.dataset_start, operation.query.group.end, f"WHERE {{ VALUES ({heads}) {{ {values} }} }}")


def selected(operation: Operation) -> str:
    """Return the SELECT of the solutions that `answered` takes."""
    return operation.select(" ".join(f"?{name}" for name in operation.names) or "(1 AS ?none)", operation.where)


def naming_readings(operation: Operation) -> str:
    """Return the SELECT of a solution in which one of the doubtful graphs is that of readings."""
    tests = " || ".join(f"sameTerm(?{name}, <{terms.READINGS}>)" for name in sorted(operation.doubtful))
    return f"{operation.select('(1 AS ?found)', f'{{ {operation.where} FILTER({tests}) }}')} LIMIT 1"
