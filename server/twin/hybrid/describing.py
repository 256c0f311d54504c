"""DESCRIBE by a pattern: its nodes are found first, by a SELECT, and described by their IRIs then (section 16.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.twin.columns import names_of, read_cells
from server.twin.hybrid.algebra import algebra
from server.twin.hybrid.inlining import MOST_ROWS
from storage.graph.rewriting.tokens import NotUnderstood, between, tokens_of
from storage.graph.rewriting.triples import TriplesParser

_DESCRIBE = re.compile(r"\s*DESCRIBE((?:\s*<[^<>\\]*>)+)\s*", re.IGNORECASE)
_NOTHING = "CONSTRUCT {} WHERE {}"


@dataclass(frozen=True, slots=True)
class Described:
    """The SELECT of the nodes that a DESCRIBE describes, and the IRIs that it names."""

    select: str
    iris: tuple[str, ...]

    def of(self, answer: bytes) -> str:
        """Return the DESCRIBE of the nodes of a SELECT's answer in TSV. Raises NotUnderstood for blank nodes."""
        head, _, lines = answer.partition(b"\n")
        cells = read_cells(names_of(head), lines)
        if not cells.num_rows:  # then the engine describes no constants either
            return _NOTHING
        found = dict.fromkeys(f"<{iri}>" for iri in self.iris)
        for column in cells.columns:
            found |= dict.fromkeys(cell for cell in column.unique().to_pylist() if cell is not None)
        if any(cell.startswith(("_:", "<<")) for cell in found):
            raise NotUnderstood("the description of a blank node")
        nodes = [cell for cell in found if cell.startswith("<")]
        if len(nodes) > MOST_ROWS:
            raise NotUnderstood("too many nodes to describe")
        return f"DESCRIBE {' '.join(nodes)}" if nodes else _NOTHING


def described(text: str) -> Described | None:
    """Return what a DESCRIBE with a WHERE describes; None for another query. Raises NotUnderstood."""
    whole = algebra(text)
    query = whole.query
    if query.form != "DESCRIBE":
        return None
    if whole.names_dataset:
        raise NotUnderstood("FROM")
    head = between(tokens_of(text), query.after, query.group.start)
    reader = TriplesParser(text)
    reader.prefixes = dict(whole.prefixes)
    iris = tuple(reader.iri(token) for token in head if token.kind in ("iri", "name"))
    variables = [token.text for token in head if token.kind == "variable"]
    selected = "*" if query.star is not None else " ".join(variables)
    if not selected:
        raise NotUnderstood("a DESCRIBE of constants alone")
    distinct = "" if query.modifiers else "DISTINCT "  # which LIMIT comes before
    rest = text[query.group.start : query.end]
    return Described(f"{whole.prologue}SELECT {distinct}{selected} WHERE {rest}", iris)


def iris_described(text: str) -> tuple[str, ...]:
    """Return the IRIs of `DESCRIBE <iri> …` without anything else; none for another query."""
    match = _DESCRIBE.fullmatch(text)
    return tuple(re.findall(r"<([^<>]*)>", match[1])) if match else ()
