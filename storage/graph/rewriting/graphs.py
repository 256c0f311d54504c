"""Makes `GRAPH ?g { … }` bind ?g around what hides it, and hides it from what must not see it.

The engine gives the variable to each triple of the group, instead of joining it to the solutions of each graph
(SPARQL 1.1 Query, section 18.6). That is the same for triples, OPTIONAL, UNION and FILTER. It is not for

- a sub-query, which has to hand the variable on: it is added to what it selects and groups by;
- an aggregate without GROUP BY, which has a solution for an empty graph too: those come from a UNION;
- VALUES and other GRAPHs alone, which need a `GRAPH ?g {}` beside them;
- MINUS, which shares the variable by mistake: where nothing else is shared it removes nothing, and is left out;
- a ?g of its own in an expression, an OPTIONAL or the like: it gets another name, and is joined at the end.

What cannot be told apart (LIMIT in a sub-query, a MINUS with variables that may be unbound) stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.graph.rewriting.scope import all_of, certain, selected, visible
from storage.graph.rewriting.syntax import (
    AGGREGATES,
    Bind,
    Block,
    Element,
    Filter,
    Group,
    Nested,
    Select,
    Values,
    exists_of,
)
from storage.graph.rewriting.tokens import Edit, Fresh, NotUnderstood, edited, tokens_of


def renaming(text: str, queries: tuple[Select, ...]) -> Iterator[Edit]:
    """Yield the edits that give another name to a ?g inside `GRAPH ?g`, where the engine sees too much of it."""
    fresh = Fresh(text)
    for name, nested in _graphs(queries):
        if _Own(text, name).is_bound_too_early(nested.groups[0]):
            yield Edit(nested.start, nested.end, _renamed(text, name, nested.groups[0], fresh))


def binding(text: str, queries: tuple[Select, ...]) -> Iterator[Edit]:
    """Yield the edits that bind ?g in `GRAPH ?g`."""
    for name, nested in _graphs(queries):
        try:
            found = list(_Binding(text, name).of(nested.groups[0]))
        except NotUnderstood:
            continue
        yield from found


def _graphs(queries: tuple[Select, ...]) -> Iterator[tuple[str, Nested]]:
    for query in queries:
        for element in all_of(query.group):
            if isinstance(element, Nested) and element.name and element.name.kind == "variable":
                yield element.name.value, element


def _variables(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield where a variable is in a text."""
    for token in tokens_of(text):
        if token.kind == "variable" and token.text[1:] == name:
            yield token.start, token.end


def _renamed(text: str, name: str, group: Group, fresh: Fresh) -> str:
    """Return the pattern with the graph and the ?g inside as variables of their own, joined at the end."""
    graph, own, inner = fresh.variable(), fresh.variable(), text[group.start : group.end]
    inner = edited(inner, (Edit(start, end, f"?{own}") for start, end in _variables(inner, name)))
    others = "".join(f" ?{other}" for other in sorted(visible(group.elements) - {name}))
    joined = f"FILTER(!BOUND(?{own}) || sameTerm(?{own}, ?{graph}))"
    return f"{{ SELECT (?{graph} AS ?{name}){others} {{ {{ GRAPH ?{graph} {inner} }} {joined} }} }}"


class _Own:
    """Looks for a ?g inside `GRAPH ?g` which is not bound by triples first."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def is_bound_too_early(self, group: Group) -> bool:
        """Tell whether something in the group sees a ?g that should not be bound yet."""
        return any(self._sees(group, place) for place in range(len(group.elements)))

    def _sees(self, group: Group, place: int) -> bool:
        match element := group.elements[place]:
            case Block() | Values():
                return False
            case Select():
                return self._is_in(element)
            case Filter():
                return self._is_in(element) and self._name not in certain(group.elements)
            case Bind() if element.name == self._name:
                return True
            case Nested():
                if any(map(self.is_bound_too_early, element.groups)):
                    return True
                if element.kind in ("UNION", "GRAPH"):
                    return False
        return self._is_in(element) and self._name not in certain(group.elements[:place])

    def _is_in(self, element: Element) -> bool:
        return next(_variables(self._text[element.start : element.end], self._name), None) is not None


class _Binding:
    """The edits for one `GRAPH ?g`, whose group has no ?g of its own that matters."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def of(self, group: Group) -> Iterator[Edit]:
        """Yield the edits of a group that has to bind the variable. Raises NotUnderstood."""
        yield from self._group(group)
        if not self._binds(group):
            only = len(group.elements) == 1 and isinstance(group.elements[0], Select)
            yield Edit(group.start + 1, group.start + 1, f" GRAPH ?{self._name} {{}}" + " {" * only)
            yield Edit(group.end - 1, group.end - 1, "} " * only)

    def _group(self, group: Group, *, exists: bool = False) -> Iterator[Edit]:
        for place, element in enumerate(group.elements):
            for inner in exists_of(element):
                yield from self._group(inner, exists=True)
            match element:
                case Select():
                    yield from self._select(element)
                case Nested(kind="MINUS"):
                    yield from self._minus(element, group.elements[:place], exists=exists)
                case Nested(kind="OPTIONAL" | "UNION"):
                    for inner in element.groups:
                        yield from self._group(inner, exists=exists)

    def _minus(self, minus: Nested, left: Sequence[Element], *, exists: bool) -> Iterator[Edit]:
        (right,) = minus.groups
        if exists:
            raise NotUnderstood("MINUS in EXISTS")
        if certain(left) & certain(right.elements):
            yield from self._group(right)
        elif visible(left) & visible(right.elements):
            raise NotUnderstood("MINUS with variables that may be unbound")
        else:
            yield Edit(minus.start, minus.end, "{}")

    def _select(self, select: Select) -> Iterator[Edit]:
        if {"LIMIT", "OFFSET"} & select.modifiers.keys():
            raise NotUnderstood("LIMIT counts for each graph")
        inner = list(self.of(select.group))
        if select.star is not None:
            names = "".join(f" ?{name}" for name in sorted(selected(select)))
            yield from (*inner, Edit(select.star, select.star + 1, f"?{self._name}{names}"))
        elif "GROUP" in select.modifiers:
            behind = select.modifiers["GROUP"]
            yield from (*inner, self._variable(select.after), self._variable(behind))
        elif select.words & AGGREGATES or "HAVING" in select.modifiers:
            yield Edit(select.start, select.end, self._of_all(select, inner))
        else:
            yield from (*inner, self._variable(select.after))

    def _variable(self, place: int) -> Edit:
        return Edit(place, place, f" ?{self._name}")

    def _of_all(self, select: Select, edits: list[Edit]) -> str:
        """Return an aggregate of all solutions of each graph: where there are some, and where there are none."""
        start, end = select.group.start, select.group.end
        group = edited(self._text[start:end], (Edit(e.start - start, e.end - start, e.text) for e in edits))
        if "VALUES" in select.modifiers or any(token.kind == "blank" for token in tokens_of(group)):
            raise NotUnderstood("what cannot be written twice")
        name, head = f"?{self._name}", self._text[select.start : select.after]
        items, rest = self._text[select.after : select.items[-1].end], self._text[end : select.end]
        some = f"{{ {head} {name} {items} {{ {group} }} GROUP BY {name} {rest} }}"
        empty = f"{{ GRAPH {name} {{}} MINUS {{ SELECT {name} {group} }} }}"
        none = f"{{ {empty} {{ {head} {items} {{ FILTER(false) }} {rest} }} }}"
        return f"{some} UNION {none}"

    def _binds(self, group: Group) -> bool:
        """Tell whether the engine binds the variable in every solution of the group, once it is edited."""
        elements = [element for element in group.elements if not isinstance(element, Filter)]
        begins = elements[:1]
        if not begins or isinstance(begins[0], Bind) or getattr(begins[0], "kind", "") == "OPTIONAL":
            return True  # it has an empty basic graph pattern, and that is in each graph
        return any(map(self._binds_as_element, elements))

    def _binds_as_element(self, element: Element) -> bool:
        if isinstance(element, Nested):
            return element.kind == "UNION" and all(map(self._binds, element.groups))
        return isinstance(element, (Block, Select))
