"""Updates beside readings: what would write them is refused, and a WHERE that sees them is answered beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyoxigraph as ox

from server.errors import Problem, bad_request
from server.twin.hybrid import vocabulary as terms
from storage.graph.guard import decode_escapes
from storage.graph.rewriting.parser import parse
from storage.graph.rewriting.scope import visible
from storage.graph.rewriting.syntax import Select
from storage.graph.rewriting.tokens import NotUnderstood, Token, tokens_of

MOST_SOLUTIONS = 100_000
_VARIABLE = re.compile(r"[?$](\w+)")
_READINGS = re.compile(r":readings\b")
_WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
_ALONE = "send it as an update of its own, with its variables in DELETE and INSERT named in its WHERE"


@dataclass(frozen=True, slots=True)
class Where:
    """The WHERE of an update as a SELECT over a dataset: with `default`, that graph is its default graph."""

    text: str
    select: str
    names: tuple[str, ...]
    start: int
    end: int
    default: str | None = None

    def answered(self, rows: list[tuple[ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None, ...]]) -> str:
        """Return the update with these solutions for its WHERE. Raises a 400 problem for blank nodes."""
        if any(isinstance(term, ox.BlankNode) for row in rows for term in row):
            raise bad_request("an update over readings has a solution with a blank node", hint="name it by an IRI")
        values = " ".join(f"({' '.join('UNDEF' if term is None else str(term) for term in row)})" for row in rows)
        heads = " ".join(f"?{name}" for name in self.names)
        return f"{self.text[: self.start]}WHERE {{ VALUES ({heads}) {{ {values} }} }}{self.text[self.end :]}"


def refuse_writes(text: str) -> None:
    """Raise a 400 problem for an update that would write into the graph of the readings."""
    if "\\" in text:
        text = decode_escapes(text)
    if "twinhouse" not in text or not _READINGS.search(text):
        return
    try:
        groups = [(query.group.start, query.group.end) for query in parse(text)]
    except NotUnderstood:
        groups = []
    for token, before in _named(text):
        inside = any(start <= token.start < end for start, end in groups)
        if not inside and before not in ("USING", "NAMED"):
            raise read_only()


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


def _named(text: str) -> Iterator[tuple[Token, str]]:
    """Yield each token that is the IRI of the graph of readings, with the keyword before it."""
    prefixes, before = dict[str, str](), list[Token]()
    for token in tokens_of(text):
        if token.kind == "iri" and len(before) > 1 and before[-2].word == "PREFIX":
            prefixes[before[-1].text[:-1]] = token.text[1:-1]
        prefix, _, local = token.text.partition(":")
        iri = token.text[1:-1] if token.kind == "iri" else prefixes.get(prefix, "") + local
        if token.kind in ("iri", "name") and iri == terms.READINGS:
            yield token, before[-1].word if before else ""
        before = [*before[-1:], token]


def reads_readings(text: str, public_url: str = "") -> bool:
    """Tell whether a WHERE of an update sees readings: what is in its templates alone are ordinary triples."""
    if not _WHERE.search(text) or not terms.mentions(text, public_url):
        return False
    try:
        queries = parse(text)
        head = text[: _operation(tokens_of(text))]
    except NotUnderstood:
        return True
    spans = [text[query.start : query.group.end] for query in queries]
    using = " ".join(f"{before} {token.text}" for token, before in _named(text))
    return any(terms.mentions(f"{head} {span} {using}", public_url) for span in spans)


def where(text: str) -> Where:
    """Return the WHERE of an update that sees readings, for its only or first operation. Raises a 400 problem."""
    try:
        return _where(text)
    except NotUnderstood as error:
        raise bad_request(f"an update over readings cannot be run: {error}", hint=_ALONE) from None


def _where(text: str) -> Where:
    queries = parse(text)
    tokens = tokens_of(text)
    first, *others = queries or (None,)
    if first is None:
        raise NotUnderstood("it has no WHERE")
    prologue_end = _operation(tokens)
    head = text[:prologue_end]
    if any(terms.mentions(f"{head} {text[q.group.start : q.group.end]}") for q in others):
        raise NotUnderstood("an operation that is not the first sees readings")
    if any(token.sign == ";" and _depth(tokens, token) == 0 for token in tokens if token.start < first.start):
        raise NotUnderstood("an operation that is not the first sees readings")
    names = sorted(visible(first.group.elements) & set(_VARIABLE.findall(text[prologue_end : first.start])))
    selected = " ".join(f"?{name}" for name in names) or "(1 AS ?none)"
    dataset, default = _dataset(text, tokens, first, prologue_end)
    group = text[first.group.start : first.group.end]
    select = f"{head} SELECT {selected} {dataset} WHERE {group}"
    start = _where_start(tokens, first)
    return Where(text, select, tuple(names) or ("none",), start, first.group.end, default)


def _operation(tokens: list[Token]) -> int:
    """Return where the first operation begins, behind the prologue."""
    place = 0
    while tokens[place].word in ("PREFIX", "BASE", "VERSION"):
        if tokens[place].word == "BASE":
            raise NotUnderstood("BASE")
        place += 3 if tokens[place].word == "PREFIX" else 2
    return tokens[place].start


def _depth(tokens: list[Token], until: Token) -> int:
    signs = [token.sign for token in tokens if token.start < until.start]
    return signs.count("{") - signs.count("}")


def _dataset(text: str, tokens: list[Token], first: Select, start: int) -> tuple[str, str | None]:
    """Return FROM clauses for USING, and the IRI of WITH where there are none."""
    before = [token for token in tokens if start <= token.start < first.start]
    using, default = list[str](), None
    for place, token in enumerate(before):
        if token.word == "USING":
            named = before[place + 1].word == "NAMED"
            iri = before[place + 2 if named else place + 1]
            using.append(f"FROM {'NAMED ' if named else ''}{text[iri.start : iri.end]}")
        elif token.word == "WITH" and _depth(tokens, token) == 0:
            iri = before[place + 1]
            default = text[iri.start : iri.end]
    return " ".join(using), default if not using else None


def _where_start(tokens: list[Token], first: Select) -> int:
    """Return where USING begins, or else WHERE: both are answered."""
    for place, token in enumerate(tokens):
        if token.word == "USING" and token.start < first.start and _depth(tokens[:place], token) == 0:
            return token.start
    return first.start
