"""Finds the classes first: `?x a/rdfs:subClassOf* brick:Sensor` as a join with a sub-query of the classes.

The engine estimates such a path as it does `?x rdfs:label ?l`, and then walks up from the class of every `?x`. As a
sub-query the classes are found once, and each `?x` costs a look into a hash table. The solutions are the same, with
the same multiplicity: a sequence path is a join whose middle is not distinct, `*`, `+` and `?` give each class once,
and joins may change places (SPARQL 1.1 Query, sections 18.2.2.4 and 18.5).

Nothing is gained, and much can be lost, where few `?x` are left to look at: when a triple with a constant subject
or a literal leads to `?x`, when VALUES, BIND or a sub-query may, and inside OPTIONAL and EXISTS.
"""

from __future__ import annotations

from collections.abc import Iterator

from storage.graph.rewriting.scope import selected
from storage.graph.rewriting.syntax import (
    AGGREGATES,
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
    Triple,
    Values,
)
from storage.graph.rewriting.tokens import Edit, Fresh
from storage.graph.rewriting.triples import TYPE

_BETWEEN_CLASSES = frozenset(
    {"http://www.w3.org/2000/01/rdf-schema#subClassOf", "http://www.w3.org/2002/07/owl#equivalentClass"}
)


def edits(text: str, queries: tuple[Select, ...]) -> Iterator[Edit]:
    """Yield the edits that put the classes first."""
    fresh = Fresh(text)
    for query in queries:
        yield from _Classes(text, fresh).of(query, first_only=False)


class _Classes:
    """The edits of one query. With `first_only` the first solutions have to come as soon as they did."""

    def __init__(self, text: str, fresh: Fresh) -> None:
        self._text = text
        self._fresh = fresh
        self._added = False

    def of(self, query: Select, *, first_only: bool) -> Iterator[Edit]:
        """Yield the edits of a query, and of sub-queries that are all of it."""
        if "VALUES" in query.modifiers:
            return
        yield from self._group(query.group, first_only=first_only or _streams(query))
        if self._added and query.star is not None:
            yield Edit(query.star, query.star + 1, " ".join(f"?{name}" for name in sorted(selected(query))))

    def _group(self, group: Group, *, first_only: bool) -> Iterator[Edit]:
        match group.elements:
            case (Select() as query,):
                yield from _Classes(self._text, self._fresh).of(query, first_only=first_only)
            case (Nested(kind="UNION", groups=groups),):
                for inner in groups:
                    yield from self._group(inner, first_only=first_only)
            case elements if not (first_only and _waits(elements)):
                if not any(isinstance(element, (Values, Bind, Select)) for element in _joined(elements)):
                    yield from self._blocks(elements)

    def _blocks(self, elements: tuple[Element, ...]) -> Iterator[Edit]:
        anchored = _anchored(elements)
        for block in elements:
            if isinstance(block, Block):
                yield from self._block(block, anchored)

    def _block(self, block: Block, anchored: Names) -> Iterator[Edit]:
        found = list[Edit]()
        first = list[str]()
        for triple in block.triples:
            if triple.links and not triple.links & anchored:
                end = self._end(triple, block, first) or self._beginning(triple, first)
                found += end or self._whole(triple, block, first)
        if first:
            yield Edit(block.start, block.start, " ".join(first) + " ")
        yield from found

    def _end(self, triple: Triple, block: Block, first: list[str]) -> list[Edit]:
        """Take the classes off the end of `?x a/rdfs:subClassOf* brick:Sensor`."""
        *others, last = _steps(triple)
        if not others or not _is_type(others[-1]) or not _is_hierarchy(last):
            return []
        if any(other.object.kind != "iri" for other in block.triples if other.verb is triple.verb):
            return []
        name = self._new()
        first.append(_sub_query(name, f"?{name} {self._written(last)} {self._written(triple.object)}"))
        return [Edit(others[-1].end, last.end, ""), Edit(triple.object.start, triple.object.end, f"?{name}")]

    def _beginning(self, triple: Triple, first: list[str]) -> list[Edit]:
        """Take the classes off the beginning of `brick:Sensor ^rdfs:subClassOf*/^a ?x`."""
        begin, *others = _steps(triple)
        if triple.subject.kind != "iri" or not triple.alone or not others or not _is_hierarchy(begin):
            return []
        if others[0].kind != "inverse" or not _is_type(others[0].parts[0]):
            return []
        name = self._new()
        first.append(_sub_query(name, f"{self._written(triple.subject)} {self._written(begin)} ?{name}"))
        return [Edit(triple.subject.start, triple.subject.end, f"?{name}"), Edit(begin.start, others[0].start, "")]

    def _new(self) -> str:
        self._added = True
        return self._fresh.variable()

    def _written(self, part: Term | Path) -> str:
        return self._text[part.start : part.end]

    def _whole(self, triple: Triple, block: Block, first: list[str]) -> list[Edit]:
        """Take `?class rdfs:subClassOf* brick:Sensor` out of a block that has `?x a ?class`."""
        constant, variable = sorted(triple.ends, key=lambda node: node.kind == "variable")
        if not triple.alone or (constant.kind, variable.kind) != ("iri", "variable"):
            return []
        (path, *others) = _steps(triple)
        if others or not _is_hierarchy(path) or not any(_is_typed(other, variable) for other in block.triples):
            return []
        first.append(_sub_query(variable.value, self._text[triple.subject.start : triple.object.end]))
        return [Edit(triple.start, triple.end, "")]


def _sub_query(name: str, pattern: str) -> str:
    return f"{{ SELECT ?{name} {{ {pattern} }} }}"


def _streams(query: Select) -> bool:
    """Tell whether the first solutions are enough: ASK, or a LIMIT that nothing makes wait for all of them."""
    waits = {"ORDER", "GROUP"} & query.modifiers.keys() or query.words & AGGREGATES
    return query.form == "ASK" or ("LIMIT" in query.modifiers and not waits)


def _waits(elements: tuple[Element, ...]) -> bool:
    """Tell whether the engine could fill a hash table first: it does not if it begins with the classes."""
    parts = [element for element in elements if not isinstance(element, Filter)]
    if not parts or any(getattr(part, "kind", "") != "OPTIONAL" for part in parts[1:]):
        return True
    triples = parts[0].triples if isinstance(parts[0], Block) else ()
    return sum(node.kind in ("iri", "literal") for triple in triples for node in triple.ends) != 1


def _steps(triple: Triple) -> tuple[Path, ...]:
    """Return the paths that the verb of a triple is made of, one behind the other."""
    verb = triple.verb
    if isinstance(verb, Term):
        return (Path("negated", verb.start, verb.end),)  # a variable is any predicate
    return verb.parts if verb.kind == "sequence" else (verb,)


def _is_type(path: Path) -> bool:
    return path.kind == "iri" and path.value == TYPE


def _is_hierarchy(path: Path) -> bool:
    """Tell whether a path is rdfs:subClassOf*, or the like: with + or ?, inverse, or with owl:equivalentClass."""
    if path.kind == "inverse":
        return _is_hierarchy(path.parts[0])
    return path.kind == "closure" and _is_between_classes(path.parts[0])


def _is_between_classes(path: Path) -> bool:
    if path.kind == "iri":
        return path.value in _BETWEEN_CLASSES
    return path.kind in ("alternative", "inverse") and all(map(_is_between_classes, path.parts))


def _is_typed(triple: Triple, variable: Term) -> bool:
    """Tell whether a triple says that a variable is a class: `?x a ?class`, `?x brick:hasPoint/a ?class`."""
    steps = _steps(triple)
    if _is_type(steps[-1]) and triple.object.value == variable.value:
        return True
    inverse = steps[0].kind == "inverse" and _is_type(steps[0].parts[0])
    return inverse and triple.subject.value == variable.value


def _anchored(elements: tuple[Element, ...]) -> Names:
    """Return the variables that a constant subject or a literal leads to, over triples that are joined."""
    triples = list(_triples(elements))
    reached = frozenset[str]().union(*(triple.links for triple in triples if _is_anchor(triple)))
    while True:
        further = reached.union(*(triple.links for triple in triples if triple.links & reached))
        if further == reached:
            return reached
        reached = further


def _is_anchor(triple: Triple) -> bool:
    constant = triple.subject.kind == "iri" and not _is_hierarchy(_steps(triple)[0])
    return constant or triple.object.kind == "literal"


def _triples(elements: tuple[Element, ...]) -> Iterator[Triple]:
    for element in _joined(elements):
        if isinstance(element, Block):
            yield from element.triples


def _joined(elements: tuple[Element, ...]) -> Iterator[Element]:
    """Yield the elements that are joined, also those of groups in GRAPH and UNION."""
    for element in elements:
        yield element
        if isinstance(element, Nested) and element.kind in ("GRAPH", "UNION"):
            for group in element.groups:
                yield from _joined(group.elements)
