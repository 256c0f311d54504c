"""Makes a union of graphs a merge: a triple that several of them have is one triple (SPARQL 1.1 Query, section 13.1).

The engine finds such a triple once for each graph. So where it can, and where the number of solutions matters, the
solutions of a pattern are made distinct that has each of them once over a merge (see `sets`): best of a whole group,
whose joins, OPTIONALs and filters then are evaluated as they would be without.

    { ?x :p ?y OPTIONAL { ?x :q ?z } }  ->  { { SELECT DISTINCT * { ?x :p ?y OPTIONAL { ?x :q ?z } } } }

A group that may have solutions more than once by itself is taken in parts: as many elements from the first on as have
each once, then block by block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.graph.rewriting.explicit import Explicit
from storage.graph.rewriting.scope import selected, visible
from storage.graph.rewriting.sets import Sets
from storage.graph.rewriting.shared import Shared
from storage.graph.rewriting.syntax import (
    AGGREGATES,
    NEW_EACH_TIME,
    Block,
    Element,
    Filter,
    Group,
    Nested,
    Path,
    Select,
    Term,
    exists_of,
)
from storage.graph.rewriting.tokens import Edit, NotUnderstood, Token, between, tokens_of

_COUNTING = AGGREGATES - {"MIN", "MAX", "SAMPLE"}


def edits(text: str, queries: Sequence[Select], shared: Shared) -> Iterator[Edit]:
    """Yield the edits that make solutions distinct where they are not because of what is `shared`."""
    merging = _Merging(text, shared)
    for query in queries:
        yield from merging.top(query)


class _Merging:
    """The edits of a text. `counts` says, wherever it is, that the number of equal solutions matters."""

    def __init__(self, text: str, shared: Shared) -> None:
        self._text = text
        self._shared = shared
        self._explicit = Explicit(text)
        self._sets = Sets(self._explicit)
        self._unbound = f"?{self._explicit.fresh.variable()}"  # never bound, for a SELECT of nothing else

    def top(self, query: Select) -> Iterator[Edit]:
        """Yield the edits of a query or an operation."""
        counts = query.form == "SELECT"
        if query.form in ("CONSTRUCT", "UPDATE"):  # whose templates make blank nodes for each solution
            before = between(tokens_of(self._text), 0, query.group.start)
            counts = any(token.kind == "blank" or token.sign in ("[", "(") for token in before)
        yield from self._query(query, counts=counts)

    def _query(self, query: Select, *, counts: bool) -> Iterator[Edit]:
        for group in exists_of(query):
            yield from self._group(group, counts=False)
        found = list(self._group(query.group, counts=self._matters(query, counts)))
        yield from found
        if query.star is not None and any(self._unbound in edit.text for edit in found):
            names = " ".join(f"?{name}" for name in sorted(selected(query)))
            if not names:
                raise NotUnderstood("a * of nothing")
            yield Edit(query.star, query.star + 1, names)

    def _matters(self, query: Select, counts: bool) -> bool:
        """Tell whether a query's answer depends on how often its WHERE has a solution."""
        tokens = tokens_of(self._text)
        around = [
            *between(tokens, query.start, query.group.start),
            *between(tokens, query.group.end, query.end),
        ]
        if query.form == "UPDATE":
            return counts
        if any(map(_counts, around, around[1:], around[2:])):
            return True
        if query.words & AGGREGATES or {"GROUP", "HAVING"} & query.modifiers.keys():
            return False
        if query.distinct and not query.words & NEW_EACH_TIME:
            return False
        return counts or bool({"LIMIT", "OFFSET"} & query.modifiers.keys())

    def _group(self, group: Group, *, counts: bool, optional: bool = False) -> Iterator[Edit]:
        elements = group.elements
        if not counts or not self._touches(elements):
            yield from self._inside(elements, counts=counts)
        elif not optional and self._sets.is_set(elements):
            yield from self._distinct(elements)
        else:
            yield from self._in_parts(elements)

    def _in_parts(self, elements: Sequence[Element]) -> Iterator[Edit]:
        """Yield the edits of a group of which not all, or not its filters, can be in one sub-query."""
        if _shares_blank_nodes(elements):
            raise NotUnderstood("a FILTER between triples that share a blank node")
        begin = next((i for i, element in enumerate(elements) if not isinstance(element, Filter)), 0)
        end = next((i for i, e in enumerate(elements) if i > begin and isinstance(e, Filter)), len(elements))
        end = begin + self._sets.longest(elements[begin:end])
        parts = [elements[begin:end], *([element] for element in (*elements[:begin], *elements[end:]))]
        for part in parts:
            if self._touches(part) and (len(part) > 1 or isinstance(part[0], Block)):
                yield from self._distinct(part)
            else:
                yield from self._inside(part, counts=True)

    def _inside(self, elements: Sequence[Element], *, counts: bool) -> Iterator[Edit]:
        """Yield the edits of the groups in elements that stay as they are."""
        for element in elements:
            for group in exists_of(element):
                yield from self._group(group, counts=False)
            if isinstance(element, Select):
                yield from self._query(element, counts=counts)
            elif isinstance(element, Nested) and element.kind != "GRAPH":
                for group in element.groups:
                    many = counts and element.kind != "MINUS"
                    yield from self._group(group, counts=many, optional=element.kind == "OPTIONAL")

    def _distinct(self, elements: Sequence[Element]) -> Iterator[Edit]:
        """Yield the edits that make the solutions of these elements distinct."""
        start, end = elements[0].start, elements[-1].end
        before, after = "{ SELECT DISTINCT * { ", " } }"
        if self._explicit.hides(elements):
            names = " ".join(f"?{name}" for name in sorted(visible(elements))) or self._unbound
            before, after = f"{{ SELECT {names} {{ SELECT DISTINCT * {{ ", " } } }"
        yield Edit(start, start, before)
        yield from self._named(elements)
        yield Edit(end, end, after)

    def _named(self, elements: Sequence[Element], *, in_graph: bool = False) -> Iterator[Edit]:
        """Yield the edits that give names to all that elements go through, and to the branches of UNION."""
        for element in elements:
            if isinstance(element, Block):
                yield from self._explicit.block(element)
            elif isinstance(element, Nested) and element.kind != "MINUS":
                for group in element.groups:
                    yield from self._named(group.elements, in_graph=in_graph or element.kind == "GRAPH")
                if len(element.groups) > 1:
                    yield from self._branches(element.groups)
            elif not in_graph:
                yield from self._inside([element], counts=False)

    def _branches(self, groups: Sequence[Group]) -> Iterator[Edit]:
        branch = self._explicit.fresh.variable()
        for number, group in enumerate(groups):
            yield Edit(group.start, group.start, "{ ")
            yield Edit(group.end, group.end, f" BIND({number} AS ?{branch}) }}")

    def _touches(self, elements: Sequence[Element]) -> bool:
        """Tell whether elements themselves may meet a triple that is shared, other than in their sub-queries."""
        return any(map(self._touches_one, elements))

    def _touches_one(self, element: Element) -> bool:
        if isinstance(element, Block):
            return any(self._meets(triple.verb, triple.subject, triple.object) for triple in element.triples)
        if isinstance(element, Nested) and element.kind not in ("GRAPH", "MINUS"):
            return any(self._touches(group.elements) for group in element.groups)
        return False

    def _meets(self, verb: Term | Path, subject: Term | None, target: Term | None) -> bool:
        """Tell whether a pattern may meet a shared triple more than once; None is a node that may be anything."""
        if isinstance(verb, Term):
            return self._shared.has(None)
        match verb.kind:
            case "iri":
                known = target.value if target and target.kind == "iri" else None
                return self._shared.has(verb.value, known)
            case "inverse":
                return self._meets(verb.parts[0], target, subject)
            case "sequence":
                *others, last = verb.parts
                return any(self._meets(step, None, None) for step in others) or self._meets(last, None, target)
            case "negated":
                in_list = verb.end == 0  # which stands for rdf:first and rdf:rest
                return in_list or (bool(self._shared) and self._explicit.negated(verb) is not None)
        return False


def _counts(first: Token, second: Token, third: Token) -> bool:
    """Tell whether an aggregate begins here whose value depends on equal solutions, or a function that may be one."""
    if second.sign != "(":
        return False
    return first.kind in ("iri", "name") or (first.word in _COUNTING and third.word != "DISTINCT")


def _shares_blank_nodes(elements: Sequence[Element]) -> bool:
    seen = set[str]()
    for element in elements:
        if isinstance(element, Block):
            found = {node.value for triple in element.triples for node in triple.ends if node.kind == "blank"}
            if found & seen:
                return True
            seen |= found
    return False
