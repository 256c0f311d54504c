"""Paths of length zero from or to a constant that the data do not have: `<urn:new> ex:p* ?x` binds ?x to <urn:new>.

The engine looks first whether the constant is a node of the graph (SPARQL 1.1 Query, section 18.5: it need not be).
Where it is none, a second branch gives the one solution that is missing. Nothing is missing where the variable, or
the constant, is in a triple of the same block as well, since that holds nodes of the graph alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from storage.graph.rewriting.syntax import Block, Element, Group, Nested, Path, Select, Term, Triple, groups_of
from storage.graph.rewriting.tokens import Edit, Fresh


def edits(text: str, queries: tuple[Select, ...]) -> Iterator[Edit]:
    """Yield the edits that add the branch."""
    branches = _Branches(text)
    for query in queries:
        yield from branches.of(query.group, None)


class _Branches:
    def __init__(self, text: str) -> None:
        self._text = text
        self._fresh = Fresh(text)

    def of(self, group: Group, graph: Term | None) -> Iterator[Edit]:
        """Yield the edits of a group, inside `GRAPH graph` if there is one."""
        for element in group.elements:
            if isinstance(element, Block):
                yield from self._block(element, graph)
            elif not _hides(element, graph):
                named = element.name if isinstance(element, Nested) else None
                for inner in groups_of(element):
                    yield from self.of(inner, named or graph)

    def _block(self, block: Block, graph: Term | None) -> Iterator[Edit]:
        nodes = {(node.kind, node.value) for triple in block.triples if _is_of_graph(triple) for node in triple.ends}
        for triple in block.triples:
            ends = {(node.kind, node.value) for node in triple.ends}
            if triple.alone and _may_be_empty(triple.verb) and not ends & nodes and (term := _constant(triple)):
                yield Edit(block.start, block.start, self._both(triple, term, graph))
                yield Edit(triple.start, triple.end, "")

    def _both(self, triple: Triple, constant: Term, graph: Term | None) -> str:
        """Return the pattern in a group, and the branch for a constant that is no node of a graph that is there."""
        pattern, term = self._text[triple.subject.start : triple.object.end], self._written(constant)
        values = "".join(f"VALUES ?{name} {{ {term} }} " for name in triple.names)
        subject = f"{{ {term} {self._variable()} {self._variable()} }} UNION " if constant.kind == "iri" else ""
        there = f"GRAPH {self._written(graph)} {{}} " if graph else ""
        nowhere = f"FILTER NOT EXISTS {{ {subject}{{ {self._variable()} {self._variable()} {term} }} }}"
        return f"{{ {pattern} }} UNION {{ {there}{values}{nowhere} }} "

    def _written(self, node: Term) -> str:
        return self._text[node.start : node.end]

    def _variable(self) -> str:
        return f"?{self._fresh.variable()}"


def _hides(element: Element, graph: Term | None) -> bool:
    """Tell whether an element is a sub-query that does not hand on the variable of its GRAPH."""
    if not isinstance(element, Select) or graph is None or graph.kind != "variable":
        return False
    return all(item.name != graph.value for item in element.items)


def _constant(triple: Triple) -> Term | None:
    """Return the constant that a path of length zero starts or ends at; None where both or neither end is one."""
    first, second = triple.ends
    if (first.kind, first.value) == (second.kind, second.value):
        return first if first.kind == "iri" else None
    constants = [node for node in triple.ends if node.kind in ("iri", "literal")]
    others = [node for node in triple.ends if node.kind == "variable"]
    return constants[0] if len(constants) == len(others) == 1 else None


def _may_be_empty(verb: Term | Path) -> bool:
    """Tell whether a path is `p*` or `p?`, or the inverse of one."""
    if isinstance(verb, Path) and verb.kind == "inverse":
        return _may_be_empty(verb.parts[0])
    return isinstance(verb, Path) and verb.kind == "closure" and verb.value in "*?"


def _is_of_graph(triple: Triple) -> bool:
    """Tell whether both ends of a pattern are nodes of the graph."""
    verb = triple.verb
    while isinstance(verb, Path) and (verb.kind == "inverse" or (verb.kind == "closure" and verb.value == "+")):
        verb = verb.parts[0]
    return isinstance(verb, Term) or verb.kind in ("iri", "negated")
