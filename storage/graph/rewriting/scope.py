"""Which variables a pattern binds: those in scope (SPARQL 1.1 Query, section 18.2.1), and those bound in any case."""

from __future__ import annotations

from collections.abc import Iterable

from storage.graph.rewriting.syntax import NONE, Bind, Block, Element, Group, Names, Nested, Select, Values
from storage.graph.rewriting.tokens import NotUnderstood


def visible(elements: Iterable[Element]) -> Names:
    """Return the variables that are in scope in a group of these elements."""
    return NONE.union(*map(_visible, elements))


def _visible(element: Element) -> Names:
    match element:
        case Block():
            return NONE.union(*(triple.names for triple in element.triples))
        case Bind():
            return frozenset((element.name,))
        case Values():
            return element.names
        case Nested(kind="MINUS"):
            return NONE
        case Nested():
            return _graph_name(element).union(*(visible(group.elements) for group in element.groups))
        case Select():
            return selected(element)
    return NONE


def selected(select: Select) -> Names:
    """Return the variables that a SELECT gives. Raises NotUnderstood for a `*` above a VALUES at the end."""
    if select.star is None:
        return frozenset(item.name for item in select.items)
    if "VALUES" in select.modifiers:
        raise NotUnderstood("SELECT * with VALUES at the end")
    return visible(select.group.elements)


def certain(elements: Iterable[Element]) -> Names:
    """Return the variables that every solution of a group of these elements has."""
    return NONE.union(*map(_certain, elements))


def _certain(element: Element) -> Names:
    match element:
        case Block():
            return _visible(element)
        case Values():
            return element.certain
        case Nested(kind="GRAPH" | "UNION"):
            first, *others = (certain(group.elements) for group in element.groups)
            return _graph_name(element) | first.intersection(*others)
        case Select():
            plain = frozenset(item.name for item in element.items if item.expression is None)
            bound = certain(element.group.elements)
            return bound if element.star is not None else bound & plain
    return NONE


def _graph_name(nested: Nested) -> Names:
    return nested.name.names if nested.name else NONE


def all_of(group: Group) -> Iterable[Element]:
    """Yield every element of a group, also of groups in it, but for those of EXISTS."""
    for element in group.elements:
        yield element
        for inner in element.groups if isinstance(element, Nested) else ():
            yield from all_of(inner)
        if isinstance(element, Select):
            yield from all_of(element.group)
