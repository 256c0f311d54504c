"""Which readings a query can touch, for what is not pushed down: a superset, found from its text and the graph.

Readings may be left out where no solution could have them: of points that other triples of the same group exclude, at
times that its filters exclude. All of that holds for what is joined in the group; and for OPTIONAL, MINUS and EXISTS
there, as far as what precedes them binds the variable in any case: else a solution could come to be where readings
are missing. What is not understood needs all readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.algebra import Algebra, algebra, condition
from server.twin.hybrid.describing import iris_described
from server.twin.hybrid.materialise import ALL, Part, Wanted
from server.twin.hybrid.trees import Expression, conjuncts, names_in, variables
from server.twin.hybrid.triples import PLACES, iris_of, may_be_empty, observation_first, written
from server.twin.hybrid.windows import window_of
from storage.graph.rewriting.scope import certain
from storage.graph.rewriting.syntax import (
    Block,
    Element,
    Filter,
    Group,
    Nested,
    Select,
    Term,
    Triple,
    Values,
    exists_of,
    groups_of,
)
from storage.graph.rewriting.tokens import NotUnderstood, tokens_of
from storage.series.sql import Window

Candidates = Callable[[str], frozenset[str] | None]
"""Takes a SELECT of one variable, and gives the IRIs that it has in the graph; None where it may have any."""
_LATER = timedelta(hours=1)
_EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Need:
    """One observation pattern: the query for its points (an IRI in brackets, or empty: any), its filters' window."""

    points: str
    time: str | None
    filters: tuple[Expression, ...]
    history: bool
    current: bool

    def window(self, now: datetime) -> Window:
        """Return the window: the query will be run a little later than `now`."""
        early, late = (window_of(self.filters, self.time, time) for time in (now, now + _LATER))
        return Window(early.start, late.end)


@dataclass(frozen=True, slots=True)
class Needs:
    """All observation patterns of a query; without any restriction it is `everything`.

    `typed` says that a class which readings may have by what the graph says of sosa:Observation is asked for.
    """

    patterns: tuple[Need, ...]
    predicates: frozenset[str]
    typed: bool = False
    readings: frozenset[str] = frozenset()
    public_url: str = ""

    def wanted(self, candidates: Candidates, now: datetime, *, observed: bool) -> Wanted:
        """Return what to materialise. `observed`: the graph says more of sosa:Observation."""
        predicates = self.predicates | ({terms.TYPE} if self.typed and observed else frozenset())
        if self.typed and observed:
            return Wanted(predicates=predicates)
        known: dict[str, frozenset[str] | None] = {"": None}
        history, current = list[Part](), list[Part]()
        readings = (terms.parse_observation(iri, self.public_url) for iri in self.readings)
        for need in self.patterns:
            if need.points not in known:
                constant = need.points.startswith("<")
                known[need.points] = frozenset((need.points[1:-1],)) if constant else candidates(need.points)
            part = Part(known[need.points], need.window(now))
            history += [part] if need.history and part not in history else []
            current += [part] if need.current and part not in current else []
        return Wanted(tuple(history), tuple(current), predicates, frozenset(filter(None, readings)))


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known of the solutions of a group: what is joined (triples, VALUES), filters, the same observations.

    Of further triples, `outer`, that is known for the variables in `shared` alone.
    """

    triples: tuple[str, ...] = ()
    filters: tuple[Expression, ...] = ()
    points: tuple[tuple[str, Term], ...] = ()
    times: tuple[tuple[str, Term], ...] = ()
    outer: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()

    def beside(self, bound: frozenset[str]) -> _Around:
        """Return what is known of a group that may have no solution, where these variables are bound before."""
        nodes = {f"variable {name}" for name in bound}
        return _Around(
            (),
            tuple(found for found in self.filters if variables(found) <= bound),
            tuple((node, term) for node, term in self.points if node in nodes),
            tuple((node, term) for node, term in self.times if node in nodes),
            self.triples,
            bound,
        )


def needs(text: str, public_url: str = "") -> Needs | None:
    """Return what a query needs; None for all readings."""
    if constant := iris_described(text):
        return _described(constant, public_url)
    try:
        whole = algebra(text)
        if whole.query.form == "DESCRIBE":
            return None
        found = _Finding(whole, public_url=public_url)
        found.query(whole.query)
    except NotUnderstood:
        return None
    if sum(token.word == "EXISTS" for token in tokens_of(text)) != found.exists:  # in HAVING, or ORDER BY
        return None
    patterns, predicates = tuple(dict.fromkeys(found.patterns)), frozenset(found.predicates)
    return Needs(patterns, predicates, found.typed, frozenset(found.readings), public_url)


def _described(iris: Sequence[str], public_url: str) -> Needs:
    """Return what the descriptions of nodes have: the triples that readings and points are the subjects of."""
    readings = frozenset(iri for iri in iris if terms.is_observation(iri, public_url))
    points = [Need(f"<{iri}>", None, (), history=True, current=True) for iri in iris if iri not in readings]
    predicates = ALL if readings else frozenset((terms.MADE_OBSERVATION, terms.LAST_KNOWN_VALUE))
    return Needs(tuple(points), predicates, readings=readings, public_url=public_url)


@dataclass(slots=True)
class _Finding:
    whole: Algebra
    patterns: list[Need] = field(default_factory=list)
    predicates: set[str] = field(default_factory=set)
    typed: bool = False
    exists: int = 0
    readings: set[str] = field(default_factory=set)
    public_url: str = ""

    def query(self, query: Select) -> None:
        """Take a query or a sub-query, into which nothing leads from outside."""
        for found in query.expressions:
            self._exists(found.exists, _Around())
        self.group(query.group, _Around())

    def group(self, group: Group, around: _Around) -> None:
        """Take a group and all in it. Raises NotUnderstood where only all readings will do."""
        blocks = [element for element in group.elements if isinstance(element, Block)]
        triples = [triple for block in blocks for triple in block.triples]
        inside = self._inside(group, triples, around)
        self._observations(triples, inside)
        for element in group.elements:
            if isinstance(element, Select):
                self.query(element)
                continue
            if isinstance(element, Nested) and element.kind == "GRAPH":
                self._graph(element)
            before = certain(group.elements[: group.elements.index(element)])
            joined = isinstance(element, Nested) and element.kind in ("UNION", "GRAPH")
            for inner in groups_of(element):
                self.group(inner, inside if joined else inside.beside(before))
            bound = certain(group.elements) if isinstance(element, Filter) else before
            self._exists(exists_of(element), inside.beside(bound))

    def _exists(self, groups: Iterable[Group], around: _Around) -> None:
        for group in groups:
            self.exists += 1
            self.group(group, around)

    def _graph(self, element: Nested) -> None:
        if element.name is None or element.name.kind == "variable" or not element.groups[0].elements:
            raise NotUnderstood("any graph")

    def _inside(self, group: Group, triples: Sequence[Triple], around: _Around) -> _Around:
        filters = [part for element in group.elements for part in self._filters(element)]
        texts = [written(self.whole.text, triple) for triple in triples if _is_of_graph(triple)]
        texts += [self.whole.text[e.start : e.end] for e in group.elements if isinstance(e, Values)]
        points = [(node, term) for node, place, term in _parts(triples) if place == "point"]
        times = [(node, term) for node, place, term in _parts(triples) if place == "time"]
        return _Around(
            (*around.triples, *filter(None, texts)),
            (*around.filters, *filters),
            (*around.points, *points),
            (*around.times, *times),
            around.outer,
            around.shared,
        )

    def _filters(self, element: Element) -> list[Expression]:
        if not isinstance(element, Filter) or element.expression.exists:
            return []
        try:
            return conjuncts(condition(self.whole, element))
        except NotUnderstood:
            return []

    def _observations(self, triples: Sequence[Triple], inside: _Around) -> None:
        nodes = dict[str, set[str]]()
        for triple in triples:
            for node, predicate in self._seen(triple):
                nodes.setdefault(node, set()).add(predicate)
        for node, predicates in nodes.items():
            self.predicates |= predicates
            if node.startswith("iri ") and terms.is_observation(node[4:], self.public_url):
                self.readings.add(node[4:])
                continue
            points = [term for name, term in inside.points if name == node]
            times = [term.value for name, term in inside.times if name == node and term.kind == "variable"]
            self.patterns.append(
                Need(
                    self._points(points[0], inside) if points else "",
                    times[0] if times else None,
                    tuple(f for f in inside.filters if times and times[0] in variables(f)),
                    bool(predicates & (terms.HISTORY | {terms.TYPE})),
                    bool(predicates & terms.CURRENT),
                )
            )

    def _seen(self, triple: Triple) -> list[tuple[str, str]]:
        """Return the observation nodes of a triple and the predicates. Raises NotUnderstood where any may match."""
        if isinstance(triple.verb, Term):
            raise NotUnderstood("a variable predicate")
        iris = list(iris_of(triple.verb))
        if may_be_empty(triple.verb) and sum(end.kind in ("iri", "literal") for end in triple.ends) == 0:
            raise NotUnderstood("any node")
        found = [iri for iri in iris if iri in terms.PREDICATES]
        if terms.TYPE in iris:
            found += self._type(triple, iris)
        if len(iris) == 1 and found:
            [predicate] = found
            node, _ = observation_first(triple, predicate, inverse=triple.verb.kind == "inverse")
            return [(f"{node.kind} {node.value}", predicate)]
        return [(f"path {triple.verb.start}", predicate) for predicate in found]

    def _type(self, triple: Triple, iris: Sequence[str]) -> list[str]:
        constant = triple.object if triple.verb.kind != "inverse" else triple.subject
        if constant.kind == "iri" and constant.value != terms.OBSERVATION:
            self.typed = self.typed or len(iris) > 1
            return []
        return [terms.TYPE]

    def _points(self, term: Term, inside: _Around) -> str:
        """Return the query for the points that a term can be; with nothing known any."""
        if term.kind == "iri":
            return f"<{term.value}>"
        if term.kind != "variable":
            return ""
        used, reached = _connected({term.value}, inside.triples)
        if reached & inside.shared:
            used += _connected(reached & inside.shared, inside.outer)[0]
        if not used:
            return ""
        return f"{self.whole.prologue}SELECT DISTINCT ?{term.value} WHERE {{ {' '.join(used)} }}"


def _connected(names: Iterable[str], triples: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return the triples that variables lead to, and all variables there."""
    left, reached, found = list(dict.fromkeys(triples)), set(names), list[str]()
    while more := [text for text in left if reached.intersection(names_in(text))]:
        found += more
        left = [text for text in left if text not in more]
        reached |= {variable for text in more for variable in names_in(text)}
    return found, reached


def _parts(triples: Iterable[Triple]) -> list[tuple[str, str, Term]]:
    """Return the nodes of observations with the terms in their places."""
    found = []
    for triple in triples:
        if isinstance(triple.verb, Term) or triple.verb.kind not in ("iri", "inverse"):
            continue
        path = triple.verb if triple.verb.kind == "iri" else triple.verb.parts[0]
        place = PLACES.get(path.value)
        if place is None or path.kind != "iri":
            continue
        node, term = observation_first(triple, path.value, inverse=triple.verb.kind == "inverse")
        found.append((f"{node.kind} {node.value}", place, term))
    return found


def _is_of_graph(triple: Triple) -> bool:
    """Tell whether a triple matches nothing but the graph's own triples."""
    if isinstance(triple.verb, Term) or may_be_empty(triple.verb):
        return False
    iris = list(iris_of(triple.verb))
    if any(iri in terms.PREDICATES for iri in iris):
        return False
    return terms.TYPE not in iris or (triple.object.kind == "iri" and iris == [terms.TYPE])


def everything() -> Wanted:
    """Return what needs all readings, with all that is said of them."""
    return _EVERYTHING


__all__ = ["ALL", "Need", "Needs", "everything", "needs"]
