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

from storage.graph.rewriting.explicit import Explicit, Pattern
from storage.graph.rewriting.lookups import in_turn, may_be_many, ordered
from storage.graph.rewriting.scope import certain, selected, visible
from storage.graph.rewriting.sets import Sets
from storage.graph.rewriting.shared import Shared
from storage.graph.rewriting.syntax import (
    AGGREGATES,
    NEW_EACH_TIME,
    NONE,
    Bind,
    Block,
    Element,
    Filter,
    Group,
    Names,
    Nested,
    Path,
    Select,
    Term,
    Values,
    exists_of,
    groups_of,
)
from storage.graph.rewriting.tokens import Edit, NotUnderstood, Token, between, tokens_of

_COUNTING = AGGREGATES - {"MIN", "MAX", "SAMPLE"}


def edits(text: str, queries: Sequence[Select], shared: Shared) -> Iterator[Edit]:
    """Yield the edits that make solutions distinct where they are not because of what is `shared`."""
    merging = _Merging(text, shared)
    for query in queries:
        if _reuses_labels(query):
            raise NotUnderstood("a blank node in two patterns, which the engine is to refuse")
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
        yield from self._query(query, counts=counts, nested=False)

    def _query(self, query: Select, *, counts: bool, nested: bool = True) -> Iterator[Edit]:
        for group in exists_of(query):
            yield from self._group(group, counts=False)
        found = list(self._group(query.group, counts=self._matters(query, counts), known=NONE))
        yield from found
        if query.star is not None and any(self._unbound in edit.text for edit in found):
            names = " ".join(f"?{name}" for name in sorted(selected(query))) or self._unbound * nested
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

    def _group(
        self, group: Group, *, counts: bool, optional: bool = False, known: Names | None = None
    ) -> Iterator[Edit]:
        """Yield the edits of a group; where it is evaluated by itself, `known` are the variables that it is given."""
        elements = group.elements
        if not counts or not self._touches(elements):
            if known is not None and not counts:
                yield from self._looked_up(elements, least=2 if known else 3, known=known)
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
                yield from self._inside(part, counts=True, around=elements)

    def _inside(self, elements: Sequence[Element], *, counts: bool, around: Sequence[Element] = ()) -> Iterator[Edit]:
        """Yield the edits of the groups in elements that stay as they are."""
        for element in elements:
            for group in exists_of(element):
                yield from self._group(group, counts=False, known=visible(around or elements))
            if isinstance(element, Select):
                yield from self._query(element, counts=counts)
            elif isinstance(element, Nested) and element.kind != "GRAPH":
                optional, known = element.kind == "OPTIONAL", NONE if element.kind == "MINUS" else None
                for group in element.groups:
                    many = counts and element.kind != "MINUS"
                    yield from self._group(group, counts=many, optional=optional, known=known)

    def _distinct(self, elements: Sequence[Element]) -> Iterator[Edit]:
        """Yield the edits that make the solutions of these elements distinct."""
        start, end = elements[0].start, elements[-1].end
        before, after = "{ SELECT DISTINCT * { ", " } }"
        if self._explicit.hides(elements):
            before, after = f"{{ SELECT {self._listed(elements)} {{ SELECT DISTINCT * {{ ", " } } }"
        yield Edit(start, start, before)
        yield from self._in_turn(elements) or self._named(elements)
        yield Edit(end, end, after)

    def _in_turn(self, elements: Sequence[Element]) -> list[Edit]:
        """Return the edits that keep solutions few which would be many times as many; none where they would not."""
        optionals = [e for e in elements if getattr(e, "kind", "") == "OPTIONAL" and self._touches_one(e)]
        edits = self._looked_up(elements, least=2 - len(optionals))
        if edits:
            others = [element for element in elements if not isinstance(element, Block)]
            edits = [*self._distinct_before(optionals, elements), *edits, *self._named(others, around=elements)]
        return edits

    def _looked_up(self, elements: Sequence[Element], *, least: int, known: Names | None = None) -> list[Edit]:
        """Return the edits that have the triples which elements begin with found in turn.

        There are none where fewer than `least` patterns meet shared triples. With `known`, new names are hidden.
        """
        if (run := _run(elements)) is None:
            return []
        leading, blocks = run
        parts = [self._explicit.parts(block) for block in blocks]
        patterns = [pattern for found, _ in parts for pattern in found]
        if not patterns or sum(map(self._meets_pattern, patterns)) < least:
            return []
        begun = bool(leading) and (any(isinstance(e, Values) for e in leading) or may_be_many(patterns))
        order = ordered(patterns, (known or NONE) | (certain(leading) if begun else NONE))
        if len(order) < len(patterns):
            return []
        start = leading[0].start if begun else blocks[0].start
        group = in_turn(order, self._meets_pattern, begun=begun, all_distinct=least < 2)
        group += "".join(filters for _, filters in parts)
        before, after = "{ ", " }"
        if known is not None and self._explicit.hides(blocks):
            before, after = f"{{ SELECT {self._listed([*leading, *blocks])} {{ ", " } }"
        others = (Edit(block.start, block.end, "{}") for block in blocks[1:])
        return [Edit(start, start, before), Edit(blocks[0].start, blocks[0].end, group + after), *others]

    def _listed(self, elements: Sequence[Element]) -> str:
        return " ".join(f"?{name}" for name in sorted(visible(elements))) or self._unbound

    def _distinct_before(self, optionals: Sequence[Element], elements: Sequence[Element]) -> Iterator[Edit]:
        """Yield the edits that make solutions distinct after each of these, as far as no FILTER comes before it."""
        start = elements[0].start
        ends = [element.start for element in elements if isinstance(element, Filter)] or [elements[-1].end]
        for optional in optionals[:-1]:
            if optional.end < ends[0]:
                yield Edit(start, start, "{ SELECT DISTINCT * { ")
                yield Edit(optional.end, optional.end, " } }")

    def _meets_pattern(self, pattern: Pattern) -> bool:
        if isinstance(pattern.verb, Path) and pattern.verb.kind == "iri":
            return self._shared.has(pattern.verb.value, pattern.iri)
        return self._meets(pattern.verb, None, None)

    def _named(
        self, elements: Sequence[Element], *, in_graph: bool = False, around: Sequence[Element] = ()
    ) -> Iterator[Edit]:
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
                yield from self._inside([element], counts=False, around=around or elements)

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


def _run(elements: Sequence[Element]) -> tuple[Sequence[Element], Sequence[Block]] | None:
    """Return the triples that elements begin with, and VALUES and sub-queries before them.

    There is none where they are joined with something else: the engine may want to look that up first, or them.
    """
    places = [place for place, element in enumerate(elements) if isinstance(element, Block)]
    begin = next((place for place, element in enumerate(elements) if not isinstance(element, Filter)), 0)
    if not places or not all(map(_leads, elements[begin : places[0]])):
        return None
    if not all(isinstance(element, (Block, Filter)) for element in elements[places[0] : places[-1]]):
        return None
    if not all(map(_follows, elements[places[-1] + 1 :])):
        return None
    return elements[begin : places[0]], [element for element in elements if isinstance(element, Block)]


def _leads(element: Element) -> bool:
    """Tell whether an element is VALUES, or a sub-query in its group."""
    if isinstance(element, Nested) and element.kind == "UNION":
        return all(isinstance(inner, Select) for inner in element.groups[0].elements) and len(element.groups) == 1
    return isinstance(element, Values)


def _follows(element: Element) -> bool:
    """Tell whether an element changes solutions that are there."""
    return isinstance(element, (Filter, Bind)) or getattr(element, "kind", "") in ("OPTIONAL", "MINUS")


def _counts(first: Token, second: Token, third: Token) -> bool:
    """Tell whether an aggregate begins here whose value depends on equal solutions, or a function that may be one."""
    if second.sign != "(":
        return False
    return first.kind in ("iri", "name") or (first.word in _COUNTING and third.word != "DISTINCT")


def _reuses_labels(query: Select) -> bool:
    """Tell whether basic graph patterns share the label of a blank node (SPARQL 1.1 Query, section 4.1.4)."""
    seen = set[str]()
    for group in (query.group, *exists_of(query)):
        for labels in _labels(group):
            if labels & seen:
                return True
            seen |= labels
    return False


def _labels(group: Group) -> Iterator[set[str]]:
    """Yield the blank nodes of each basic graph pattern, which for the engine no FILTER, BIND or VALUES ends."""
    labels = set[str]()
    for element in group.elements:
        if isinstance(element, Block):
            labels |= {node.value for triple in element.triples for node in triple.ends if node.kind == "blank"}
        elif not isinstance(element, (Filter, Bind, Values)):
            yield labels
            labels = set()
        for inner in (*groups_of(element), *exists_of(element)):
            yield from _labels(inner)
    yield labels


def _shares_blank_nodes(elements: Sequence[Element]) -> bool:
    seen = set[str]()
    for element in elements:
        if isinstance(element, Block):
            found = {node.value for triple in element.triples for node in triple.ends if node.kind == "blank"}
            if found & seen:
                return True
            seen |= found
    return False
