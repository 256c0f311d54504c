"""Plans a query whose readings are pushed down: what the graph is asked, and the SQL over its bindings and readings.

A plan is made of the text alone; `statement` makes it SQL once the bindings are there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from server.twin.hybrid.algebra import Algebra, algebra, modified
from server.twin.hybrid.patterns import Observation, Side, Split, split
from server.twin.hybrid.statement import statement
from server.twin.hybrid.trees import Call, Expression, Item, Modified, Var, has_aggregate, names_in, variables
from server.twin.hybrid.unions import factored
from storage.graph.rewriting.scope import visible
from storage.graph.rewriting.tokens import NotUnderstood

_SHORT = 8192  # characters; what is known of longer texts is not kept
ALWAYS = (datetime(2000, 1, 1), datetime(2000, 1, 2))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is pushed down. `carried` are the variables of the graph that matter above, `graph` the query for them.

    Of these, some are `compared` or calculated with, and of some the text is `written`, where they have to be
    `strings` or may be any.
    """

    whole: Algebra
    query: Modified
    parts: Split
    carried: tuple[str, ...]
    graph: str
    compared: frozenset[str]
    written: frozenset[str]
    strings: frozenset[str]

    @property
    def observations(self) -> tuple[Observation, ...]:
        """All observation patterns: the joined ones, then those of the sides."""
        return (*self.parts.observations, *(side.observation for side in self.parts.sides))

    @property
    def names(self) -> tuple[str, ...]:
        """The variables of the answer."""
        return tuple(item.name for item in self.items)

    @property
    def items(self) -> tuple[Item, ...]:
        """What is selected; `*` is all variables, as they come in the text."""
        if self.query.select.star is None:
            return self.query.items
        text = self.whole.text
        there = visible(self.whole.group.elements)
        found = names_in(text[self.whole.group.start : self.whole.group.end])
        return tuple(Item(name) for name in dict.fromkeys(found) if name in there)

    @property
    def calculates(self) -> bool:
        """Tell whether results are in expressions, and not only selected."""
        results = {o.value.value for o in self.observations if o.value is not None}
        expressions = [item.expression for item in (*self.items, *(self.query.groups or ())) if item.expression]
        expressions += [*self.query.having, *(key.expression for key in self.query.order), *self.parts.filters]
        expressions += [found for _, found in self.parts.binds]
        expressions += [found for side in self.parts.sides for found in side.filters]
        return bool(results & frozenset[str]().union(*map(variables, expressions)))

    @property
    def is_grouped(self) -> bool:
        """Tell whether the answer has a row a group."""
        found = [item.expression for item in self.items if item.expression is not None]
        found += [*self.query.having, *(key.expression for key in self.query.order)]
        return self.query.groups is not None or any(has_aggregate(expression) for expression in found)


def plan(text: str) -> Plan:
    """Return how a query is pushed down. Raises NotUnderstood where it is not."""
    found = _kept_plan(text) if len(text) < _SHORT else _plan_or_reason(text)
    if isinstance(found, str):
        raise NotUnderstood(found)
    return found


def _plan_or_reason(text: str) -> Plan | str:
    try:
        return _planned(text)
    except NotUnderstood as error:
        reason = str(error)
    with contextlib.suppress(NotUnderstood):
        if "union" in text.lower():
            return _planned(factored(text))
    return reason


_kept_plan = lru_cache(1024)(_plan_or_reason)


def _planned(text: str) -> Plan:
    whole = algebra(text)
    select = whole.query
    if select.form != "SELECT":
        raise NotUnderstood("no SELECT")
    if whole.names_dataset:
        raise NotUnderstood("FROM")
    query, parts = modified(whole, select), split(whole, whole.group)
    if not parts.observations and not parts.sides:
        raise NotUnderstood("no observations")
    made = _Made(whole, query, parts)
    made.check()
    return made.plan()


@dataclass(slots=True)
class _Made:
    whole: Algebra
    query: Modified
    parts: Split

    def check(self) -> None:
        """Raise NotUnderstood for patterns whose join is not one of points and times."""
        parts, names = self.parts, list[str]()
        free = {o.point_name for o in parts.observations} - parts.graph_names
        if len(free - {None}) > 1:
            raise NotUnderstood("two points that the graph does not bind")
        for observation in (*parts.observations, *(side.observation for side in parts.sides)):
            self._check_point(observation, free)
            for term in (observation.time, observation.value, observation.status):
                if term is not None and term.kind != "variable":
                    raise NotUnderstood("a constant in an observation")
        for observation in parts.observations:
            names += [term.value for term in (observation.value, observation.status) if term is not None]
            names += [observation.name] if observation.name else []
        times = {o.time.value for o in parts.observations if o.time is not None}
        if len(set(names)) < len(names) or times & set(names):
            raise NotUnderstood("a variable in two places")
        for side in parts.sides:
            self._check_side(side, set(names))

    def _check_point(self, observation: Observation, free: set[str | None]) -> None:
        point = observation.point
        if point is None:
            if self.parts.graph.strip() or len(self.parts.observations) > 1 or self.parts.sides:
                raise NotUnderstood("an observation without a point, beside others")
        elif point.kind == "variable":
            if point.value not in self.parts.certain and point.value not in free:
                raise NotUnderstood("a point that may be unbound")
            if point.value in observation.own:
                raise NotUnderstood("a point that is something else as well")
        elif point.kind != "iri":
            raise NotUnderstood("a point that is no IRI")

    def _check_side(self, side: Side, names: set[str]) -> None:
        observation = side.observation
        places = [term.value for term in (observation.value, observation.status) if term is not None]
        places += [observation.name] if observation.name else []
        if set(places) & names or len(set(places)) < len(places):
            raise NotUnderstood("an observation that is joined by more than its time")
        if observation.time is not None and observation.time.value in names | set(places):
            raise NotUnderstood("a time that is something else as well")
        if observation.point is None:
            raise NotUnderstood("an observation without a point")
        others = [s for s in self.parts.sides if s is not side and s.kind == "OPTIONAL"]
        if side.observation.own & frozenset[str]().union(*(s.observation.own for s in others)):
            raise NotUnderstood("two OPTIONAL observations that share a variable")

    def plan(self) -> Plan:
        used = self._used()
        points = {o.point_name for o in (*self.parts.observations, *(s.observation for s in self.parts.sides))}
        bound = sorted(name for name in (used | points | self.parts.timed) & self.parts.graph_names if name)
        free = sorted(name for name in points - self.parts.graph_names if name)
        if free and self.parts.graph.strip():
            raise NotUnderstood("a point that the graph does not bind, beside a graph")
        carried = (*bound, *free)
        select = " ".join(f"?{name}" for name in bound) or "(1 AS ?none)"
        graph = (
            f"{self.whole.prologue}SELECT {select} WHERE {{ {self.parts.graph} }}" if self.parts.graph.strip() else ""
        )
        compared, written, strings = (
            frozenset[str]().union(*map(of, self._expressions())) & frozenset(carried)
            for of in (_calculated, _written, _strings)
        )
        made = Plan(self.whole, self.query, self.parts, carried, graph, compared, written, strings)
        statement(made, ALWAYS, ALWAYS[1])  # raises NotUnderstood where it has an expression that has no SQL
        return made

    def _expressions(self) -> Iterator[Expression]:
        yield from self.parts.filters
        for side in self.parts.sides:
            yield from side.filters
        yield from (found for _, found in self.parts.binds)
        yield from (item.expression for item in self.query.items if item.expression)
        yield from self.query.having
        yield from (key.expression for key in self.query.order)
        yield from (item.expression for item in self.query.groups or () if item.expression)

    def _used(self) -> set[str | None]:
        found: set[str | None] = {
            item.name for item in (*self.query.items, *(self.query.groups or ())) if item.expression is None
        }
        if self.query.select.star is not None:
            found |= self.parts.graph_names
        return found.union(*map(variables, self._expressions()))


def _calculated(found: Expression) -> frozenset[str]:
    """Return the variables that an expression calculates with or compares, not those that it counts or gives."""
    if not isinstance(found, Call) or found.name in ("COUNT", "SAMPLE", "BOUND"):
        return frozenset()
    if found.name == "GROUP_CONCAT":
        return frozenset() if _written(found) else _calculated(found.arguments[0])
    inner = (variables(part) if isinstance(part, Var) else _calculated(part) for part in found.arguments)
    return frozenset[str]().union(*inner)


def _written(found: Expression) -> frozenset[str]:
    """Return the variables of which an expression takes the text."""
    return _concatenated(found, in_str=True) | _concatenated(found, in_str=False)


def _strings(found: Expression) -> frozenset[str]:
    """Return the variables that an expression takes for strings."""
    return _concatenated(found, in_str=False)


def _concatenated(found: Expression, *, in_str: bool) -> frozenset[str]:
    match found:
        case Call("GROUP_CONCAT", (Call("STR", (Var(name),)), _)) if in_str:
            return frozenset((name,))
        case Call("GROUP_CONCAT", (Var(name), _)) if not in_str:
            return frozenset((name,))
        case Call(_, arguments):
            return frozenset[str]().union(*(_concatenated(part, in_str=in_str) for part in arguments))
    return frozenset()
