"""Graph patterns, as SPARQL and evaluated as the recommendation defines it (SPARQL 1.1 Query, section 18).

A second opinion on small datasets, with no other aim than to be seen to be right. Terms are texts: `?x`, `:n`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import pyoxigraph as ox

PREFIX = "http://example.org/"
PROLOGUE = f"PREFIX : <{PREFIX}> "

Solution: TypeAlias = dict[str, str]
Triples: TypeAlias = frozenset[tuple[str, str, str]]


@dataclass(frozen=True)
class Dataset:
    """The default graph, and the named ones."""

    default: Triples = frozenset()
    named: dict[str, Triples] = field(default_factory=dict)

    def store(self) -> ox.Store:
        """Return a store with the dataset; every graph of it exists, also one without triples."""
        store = ox.Store()
        store.extend(_quad(triple) for triple in self.default)
        for name, triples in self.named.items():
            store.add_graph(_node(name))
            store.extend(_quad(triple, _node(name)) for triple in triples)
        return store


def _quad(triple: tuple[str, str, str], graph: ox.NamedNode | None = None) -> ox.Quad:
    subject, predicate, target = map(_node, triple)
    return ox.Quad(subject, predicate, target, graph or ox.DefaultGraph())


def _node(term: str) -> ox.NamedNode:
    return ox.NamedNode(PREFIX + term[1:])


@dataclass(frozen=True)
class Pattern:
    """A triple, or with a mark (`*`, `+` or `?`) a path."""

    subject: str
    predicate: str
    object: str
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.subject} {self.predicate}{self.mark} {self.object} ."

    def evaluate(self, _: Dataset, graph: Triples) -> list[Solution]:
        pairs = self._pairs(graph) if self.mark else [(s, o) for s, p, o in graph if p == self.predicate]
        bound = (_bound(self.subject, s, self.object, o) for s, o in pairs)
        return [solution for solution in bound if solution is not None]

    def _pairs(self, graph: Triples) -> set[tuple[str, str]]:
        """Return which nodes the path leads to from which (sections 18.4 and 18.5); terms count as nodes."""
        step = {(s, o) for s, p, o in graph if p == self.predicate}
        terms = {term for term in (self.subject, self.object) if not term.startswith("?")}
        none = {(node, node) for s, _, o in graph for node in (s, o)}
        if len(terms) == 2 and self.mark != "+":  # a path between two terms starts at the first one alone
            none |= {(node, node) for node in terms} if self.subject == self.object else set()
        elif self.mark != "+":
            none |= {(node, node) for node in terms}
        reached = step if self.mark == "?" else _closure(step)
        return reached if self.mark == "+" else reached | none


def _closure(step: set[tuple[str, str]]) -> set[tuple[str, str]]:
    reached = set(step)
    while further := {(s, o) for s, m in reached for n, o in step if n == m} - reached:
        reached |= further
    return reached


def _bound(subject: str, s: str, target: str, o: str) -> Solution | None:
    solution: Solution = {}
    for term, value in ((subject, s), (target, o)):
        if term.startswith("?"):
            if solution.setdefault(term, value) != value:
                return None
        elif term != value:
            return None
    return solution


@dataclass(frozen=True)
class Group:
    """A group graph pattern; `Filter`s come last whatever their place."""

    elements: tuple[Element, ...]

    def __str__(self) -> str:
        return "{ " + " ".join(map(str, self.elements)) + " }"

    def evaluate(self, dataset: Dataset, graph: Triples) -> list[Solution]:
        found: list[Solution] = [{}]
        for element in self.elements:
            if isinstance(element, (Optional, Minus)):
                found = element.apply(found, dataset, graph)
            elif isinstance(element, Bind):
                found = [element.extended(solution) for solution in found]
            elif not isinstance(element, Filter):
                found = list(_join(found, element.evaluate(dataset, graph)))
        filters = [element for element in self.elements if isinstance(element, Filter)]
        return [solution for solution in found if all(f.holds(solution, dataset, graph) for f in filters)]


@dataclass(frozen=True)
class Optional:
    """OPTIONAL; a filter in its group is the condition of the join, as the recommendation has it."""

    group: Group

    def __str__(self) -> str:
        return f"OPTIONAL {self.group}"

    def apply(self, left: list[Solution], dataset: Dataset, graph: Triples) -> list[Solution]:
        filters = [element for element in self.group.elements if isinstance(element, Filter)]
        others = Group(tuple(element for element in self.group.elements if not isinstance(element, Filter)))
        right, found = others.evaluate(dataset, graph), list[Solution]()
        for solution in left:
            joined = [s for s in _join([solution], right) if all(f.holds(s, dataset, graph) for f in filters)]
            found += joined or [solution]
        return found


@dataclass(frozen=True)
class Minus:
    """MINUS."""

    group: Group

    def __str__(self) -> str:
        return f"MINUS {self.group}"

    def apply(self, left: list[Solution], dataset: Dataset, graph: Triples) -> list[Solution]:
        right = self.group.evaluate(dataset, graph)
        return [s for s in left if not any(s.keys() & other.keys() and _compatible(s, other) for other in right)]


@dataclass(frozen=True)
class Union:
    """A group, or several with UNION between them."""

    groups: tuple[Group, ...]

    def __str__(self) -> str:
        return " UNION ".join(map(str, self.groups))

    def evaluate(self, dataset: Dataset, graph: Triples) -> list[Solution]:
        return [solution for group in self.groups for solution in group.evaluate(dataset, graph)]


@dataclass(frozen=True)
class GraphOf:
    """GRAPH with a name or a variable."""

    name: str
    group: Group

    def __str__(self) -> str:
        return f"GRAPH {self.name} {self.group}"

    def evaluate(self, dataset: Dataset, _: Triples) -> list[Solution]:
        names = dataset.named.keys() & ({self.name} if self.name[0] != "?" else dataset.named.keys())
        found = list[Solution]()
        for name in names:
            own = [{self.name: name}] if self.name.startswith("?") else [{}]
            found += _join(self.group.evaluate(dataset, dataset.named[name]), own)
        return found


@dataclass(frozen=True)
class Values:
    """VALUES; None is UNDEF."""

    names: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    def __str__(self) -> str:
        rows = (f"({' '.join(term or 'UNDEF' for term in row)})" for row in self.rows)
        return f"VALUES ({' '.join(self.names)}) {{ {' '.join(rows)} }}"

    def evaluate(self, _: Dataset, __: Triples) -> list[Solution]:
        return [{n: term for n, term in zip(self.names, row, strict=True) if term} for row in self.rows]


@dataclass(frozen=True)
class Bind:
    """BIND of a term or of a variable's value."""

    term: str
    name: str

    def __str__(self) -> str:
        return f"BIND({self.term} AS {self.name})"

    def extended(self, solution: Solution) -> Solution:
        value = solution.get(self.term) if self.term.startswith("?") else self.term
        return solution if value is None else {**solution, self.name: value}


@dataclass(frozen=True)
class Filter:
    """A FILTER: a variable is bound, is (not) a term, or a group has a solution."""

    kind: str  # BOUND, =, !=, EXISTS or NOT EXISTS
    name: str = ""
    term: str = ""
    group: Group | None = None

    def __str__(self) -> str:
        if self.group:
            return f"FILTER {self.kind} {self.group}"
        return (
            f"FILTER(BOUND({self.name}))" if self.kind == "BOUND" else f"FILTER({self.name} {self.kind} {self.term})"
        )

    def holds(self, solution: Solution, dataset: Dataset, graph: Triples) -> bool:
        if self.group:
            found = any(_compatible(solution, other) for other in self.group.evaluate(dataset, graph))
            return found == (self.kind == "EXISTS")
        if self.name not in solution:
            return False
        return self.kind == "BOUND" or (solution[self.name] == self.term) == (self.kind == "=")


@dataclass(frozen=True)
class Select:
    """A sub-query: variables, or what COUNT(*) is named; `by` has the variables of GROUP BY, None is no GROUP BY."""

    group: Group
    names: tuple[str, ...] = ()  # none: *
    distinct: bool = False
    count: str = ""
    by: tuple[str, ...] | None = None

    def __str__(self) -> str:
        items = f"{' '.join(self.by or ())} (COUNT(*) AS {self.count})" if self.count else " ".join(self.names) or "*"
        by = f" GROUP BY {' '.join(self.by)}" if self.by else ""
        return f"{{ SELECT {'DISTINCT ' * self.distinct}{items} WHERE {self.group}{by} }}"

    def evaluate(self, dataset: Dataset, graph: Triples) -> list[Solution]:
        found = self.group.evaluate(dataset, graph)
        if self.count:
            return list(self._counted(found))
        rows = [{n: s[n] for n in s if not self.names or n in self.names} for s in found]
        return [dict(row) for row in {tuple(sorted(row.items())) for row in rows}] if self.distinct else rows

    def _counted(self, found: list[Solution]) -> Iterator[Solution]:
        by = self.by or ()
        counts = Counter(tuple(solution.get(name) for name in by) for solution in found)
        if not by:
            counts = Counter({(): len(found)})
        for key, number in counts.items():
            yield {n: term for n, term in zip(by, key, strict=True) if term} | {self.count: str(number)}


Element: TypeAlias = Pattern | Optional | Minus | Union | GraphOf | Values | Bind | Filter | Select


def _compatible(left: Solution, right: Solution) -> bool:
    return all(left[name] == right[name] for name in left.keys() & right.keys())


def _join(left: Iterable[Solution], right: list[Solution]) -> Iterator[Solution]:
    return ({**one, **other} for one in left for other in right if _compatible(one, other))


def solutions(group: Group, dataset: Dataset) -> Counter[tuple[tuple[str, str], ...]]:
    """Return the solutions of a group over a dataset, and how often each comes."""
    return Counter(tuple(sorted(solution.items())) for solution in group.evaluate(dataset, dataset.default))


def asked(store: ox.Store, text: str) -> Counter[tuple[tuple[str, str], ...]]:
    """Return the engine's solutions of a SELECT in the same form."""
    results = store.query(text)
    assert isinstance(results, ox.QuerySolutions)
    names = [variable.value for variable in results.variables]
    return Counter(
        tuple(sorted((f"?{name}", _written(row[name])) for name in names if row[name] is not None)) for row in results
    )


def _written(term: object) -> str:
    return (
        ":" + term.value.removeprefix(PREFIX) if isinstance(term, ox.NamedNode) else str(getattr(term, "value", term))
    )
