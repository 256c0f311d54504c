"""Sub-queries over readings, whose solutions take their place as VALUES: they are evaluated first in any case.

(SPARQL 1.1 Query, section 12.) Not so in EXISTS, where solutions from outside take effect within, nor in GRAPH.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.twin.columns import names_of, read_cells
from server.twin.hybrid.algebra import algebra
from server.twin.hybrid.vocabulary import mentions
from storage.graph.rewriting.syntax import Element, Group, Nested, Select
from storage.graph.rewriting.tokens import NotUnderstood

MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Inner:
    """A sub-query as a query of its own, and the place of its group, with its braces."""

    text: str
    start: int
    end: int

    def is_in(self, other: Inner) -> bool:
        """Tell whether it is a part of another one."""
        return other.start <= self.start < other.end


def inner_queries(text: str, public_url: str = "") -> list[Inner]:
    """Return the sub-queries, and branches of UNION, that see readings: outer ones first. Raises NotUnderstood."""
    whole = algebra(text)
    found = list[Inner]()
    if whole.names_dataset:
        return found
    for group, is_branch in _groups(whole.group):
        select = element_of(group)
        if select is not None:
            inner = f"{whole.prologue}{text[select.start : select.end]}"
        elif is_branch:
            inner = f"{whole.prologue}SELECT * WHERE {text[group.start : group.end]}"
        else:
            continue
        found += [Inner(inner, group.start, group.end)] if mentions(inner, public_url) else []
    return found


def element_of(group: Group) -> Select | None:
    """Return the sub-query that a group is."""
    match group.elements:
        case (Select() as select,):
            return select
    return None


def _groups(group: Group) -> Iterator[tuple[Group, bool]]:
    """Yield the groups in a group, and whether each is a branch of a UNION."""
    for element in group.elements:
        for inner in _inside(element):
            yield inner, len(_inside(element)) > 1
            if element_of(inner) is None:
                yield from _groups(inner)


def _inside(element: Element) -> Sequence[Group]:
    return element.groups if isinstance(element, Nested) and element.kind != "GRAPH" else ()


def inlined(text: str, instead: Sequence[tuple[Inner, str]]) -> str:
    """Return a text with other groups in the places of sub-queries, none of which is in another."""
    for inner, group in sorted(instead, key=lambda pair: -pair[0].start):
        text = f"{text[: inner.start]}{group}{text[inner.end :]}"
    return text


def values(answer: bytes) -> str:
    """Return the group of the solutions in an answer, in TSV. Raises NotUnderstood."""
    head, _, lines = answer.partition(b"\n")
    names = names_of(head)
    cells = read_cells(names, lines)
    if cells.num_rows > MOST_ROWS:
        raise NotUnderstood("a sub-query with too many solutions")
    rows = []
    for row in zip(*(column.to_pylist() for column in cells.columns), strict=True):
        if any(cell is not None and cell.startswith(("_:", "<<")) for cell in row):
            raise NotUnderstood("a sub-query that gives blank nodes")
        rows.append(f"({' '.join('UNDEF' if cell is None else cell for cell in row)})")
    return f"{{ VALUES ({' '.join(f'?{name}' for name in names)}) {{ {' '.join(rows)} }} }}"


def any_values(names: Sequence[str]) -> str:
    """Return the group of one solution, for what asks of the form of a query alone."""
    return f"{{ VALUES ({' '.join(f'?{name}' for name in names)}) {{ ({' '.join('<urn:any>' for _ in names)}) }} }}"
