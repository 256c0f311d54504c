"""Which patterns have each solution once, whatever the data (SPARQL 1.1 Query, section 18.5).

Over a graph, which is a set of triples, a basic graph pattern has a solution once, if all that it goes through has a
name (see `explicit`). That holds for what is made of such patterns, as long as each solution still tells which ones
it was made of: so a variable that may be unbound in one part must not be in another.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.graph.rewriting.explicit import Explicit
from storage.graph.rewriting.scope import certain, selected, visible
from storage.graph.rewriting.syntax import (
    AGGREGATES,
    NEW_EACH_TIME,
    Bind,
    Block,
    Element,
    Filter,
    Names,
    Nested,
    Select,
    Values,
)


class Sets:
    """Knows the patterns of a text."""

    def __init__(self, explicit: Explicit) -> None:
        self._explicit = explicit

    def is_set(self, elements: Sequence[Element]) -> bool:
        """Tell whether a group of these elements has each solution once, with names for all that is hidden."""
        return self.longest(elements) == len(elements)

    def longest(self, elements: Sequence[Element]) -> int:
        """Return how many elements, from the first on, make a group that has each solution once."""
        for place, element in enumerate(elements):
            if not self._is_set(element) or not _tells(elements[:place], element):
                return place
        return len(elements)

    def _is_set(self, element: Element) -> bool:
        match element:
            case Block():
                return True
            case Values():
                return element.distinct
            case Filter(expression=expression) | Bind(expression=expression):
                return expression is None or not expression.words & NEW_EACH_TIME
            case Nested(kind="MINUS"):
                return True
            case Nested():
                return all(self.is_set(group.elements) for group in element.groups)
            case Select():
                return self._is_set_of(element)

    def _is_set_of(self, select: Select) -> bool:
        if select.distinct:
            return True
        if "GROUP" in select.modifiers or "VALUES" in select.modifiers:
            return False
        if select.words & AGGREGATES or "HAVING" in select.modifiers:
            return True  # it has one solution at most
        inner = select.group.elements
        if select.words & NEW_EACH_TIME or not self.is_set(inner) or self._explicit.hides(inner):
            return False
        return visible(inner) <= selected(select)


def _tells(left: Sequence[Element], right: Element) -> bool:
    """Tell whether a solution of both tells the solution of each."""
    if isinstance(right, (Filter, Bind)) or getattr(right, "kind", "") == "MINUS":
        return True
    first, second = visible(left), visible((right,))
    return not (first - certain(left)) & second and not (second - _certain(right)) & first


def _certain(right: Element) -> Names:
    """Return the variables that each solution has which an element adds."""
    if isinstance(right, Nested) and right.kind == "OPTIONAL":
        return certain(right.groups[0].elements)
    return certain((right,))
