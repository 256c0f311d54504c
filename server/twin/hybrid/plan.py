"""Plans a query whose readings are pushed down: what the graph is asked, and the SQL over its bindings and readings.

A plan is made of the text alone. `statement` makes it SQL once the bindings are there: a table `b` with a column
`c…` for each variable of the graph (a number of a term), `n…` for the numeric value of those that are compared, and
`i…` for the series of each point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from server.twin.hybrid.algebra import (
    Algebra,
    Call,
    Expression,
    Item,
    Modified,
    Var,
    algebra,
    modified,
    variables,
)
from server.twin.hybrid.expressions import Column, Extent, Scope
from server.twin.hybrid.patterns import Observation, Side, Split, split
from server.twin.hybrid.windows import window_of
from storage.graph.rewriting.scope import visible
from storage.graph.rewriting.tokens import NotUnderstood, tokens_of
from storage.series.sql import Window

ALWAYS = (datetime(2000, 1, 1), datetime(2000, 1, 2))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is pushed down. `carried` are the variables of the graph that matter above, `graph` the query for them.

    `points` are the points of the observations, joined ones first: variables, IRIs in brackets, or (None) any.
    """

    whole: Algebra
    query: Modified
    parts: Split
    carried: tuple[str, ...]
    graph: str
    compared: frozenset[str]

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
        found = re.findall(r"[?$](\w+)", text[self.whole.group.start : self.whole.group.end])
        return tuple(Item(name) for name in dict.fromkeys(found) if name in there)

    @property
    def free_point(self) -> str | None:
        """The variable of points that the graph part does not bind: it is any point."""
        names = {o.point_name for o in self.parts.observations} - self.parts.graph_names - {None}
        return next(iter(names), None)

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
        return self.query.groups is not None or any(_has_aggregate(expression) for expression in found)


@lru_cache(1024)
def plan(text: str) -> Plan | None:
    """Return how a query is pushed down; None where it is not."""
    try:
        return _planned(text)
    except NotUnderstood:
        return None


def why_not(text: str) -> str:
    """Return why a query is not pushed down, for explain."""
    try:
        _planned(text)
    except NotUnderstood as error:
        return str(error)
    return ""


def _planned(text: str) -> Plan:
    whole = algebra(text)
    select = whole.query
    if select.form != "SELECT":
        raise NotUnderstood("no SELECT")
    if any(token.word == "FROM" for token in tokens_of(text[select.start : select.group.start])):
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
        bound = sorted(name for name in (used | points) & self.parts.graph_names if name)
        free = sorted(name for name in points - self.parts.graph_names if name)
        if free and self.parts.graph.strip():
            raise NotUnderstood("a point that the graph does not bind, beside a graph")
        carried = (*bound, *free)
        select = " ".join(f"?{name}" for name in bound) or "(1 AS ?none)"
        graph = (
            f"{self.whole.prologue}SELECT {select} WHERE {{ {self.parts.graph} }}" if self.parts.graph.strip() else ""
        )
        compared = frozenset[str]().union(*map(variables, self._expressions())) & frozenset(carried)
        made = Plan(self.whole, self.query, self.parts, carried, graph, compared)
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


def _has_aggregate(found: Expression) -> bool:
    return isinstance(found, Call) and (found.is_aggregate or any(map(_has_aggregate, found.arguments)))


# SQL


@dataclass(frozen=True, slots=True)
class Statement:
    """The SQL, the window of each relation `r…`, and the columns of the answer, `o…`.

    `flags` names a column that tells of each group how many of its values are texts; then MIN and MAX are others.
    `count` names the one that tells how many solutions the only group has.
    """

    sql: str
    windows: dict[str, Window]
    columns: tuple[Column, ...]
    ranked: tuple[str, ...] = ()
    flags: str = ""
    count: str = ""


@dataclass(slots=True)
class _Writer:
    plan: Plan
    extent: Extent
    now: datetime
    columns: dict[str, Column] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    ranked: list[str] = field(default_factory=list)
    sums: bool = False

    # What is joined

    def relation(self, number: int) -> str:
        """Return the name of the relation of an observation pattern."""
        return "latest" if self.plan.observations[number].current else f"r{number}"

    def scope(self) -> Scope:
        return Scope(self.columns, self.extent, self.now)

    def joins(self) -> str:
        parts = self.plan.parts
        for place, name in enumerate(self.plan.carried):
            value = f"b.n{place}" if name in self.plan.compared else ""
            self.columns[name] = Column(f"b.c{place}", "term", value)
        text = "b"
        for number, observation in enumerate(parts.observations):
            text += f" JOIN {self._source(number, parts.filters)} AS r{number} ON {self._on(number, observation)}"
            self._bind(number, observation)
        for name, found in parts.binds:
            self.columns[name] = self.scope().compile(found)
        conditions = []
        for number, side in enumerate(parts.sides, len(parts.observations)):
            text, more = self._side(text, number, side)
            conditions += more
        conditions += [self._condition(found) for found in parts.filters]
        return f"{text} WHERE {' AND '.join(conditions)}" if conditions else text

    def _source(self, number: int, filters: Sequence[Expression]) -> str:
        observation = self.plan.observations[number]
        window = window_of(filters, observation.time.value if observation.time else None, self.now)
        if not observation.current:
            self.windows[f"r{number}"] = window
        needed = ["(value IS NOT NULL OR text IS NOT NULL)"] if observation.value is not None else []
        needed += ["status IS NOT NULL"] if observation.status is not None else []
        needed += [window.condition()] if observation.current else []
        where = " AND ".join(needed)
        return f"(SELECT * FROM {self.relation(number)} WHERE {where})" if where else self.relation(number)

    def _on(self, number: int, observation: Observation) -> str:
        on = [f"r{number}.id = b.i{number}"]
        if observation.time is not None and (known := self.columns.get(observation.time.value)):
            if known.type != "time":
                raise NotUnderstood("a time that is something else as well")
            on.append(f"r{number}.time = {known.sql}")
        return " AND ".join(on)

    def _bind(self, number: int, observation: Observation) -> None:
        alias = f"r{number}"
        if observation.name:
            self.columns[observation.name] = Column(alias, "observation")
        if observation.time is not None and observation.time.value not in self.columns:
            self.columns[observation.time.value] = Column(f"{alias}.time", "time", grain=timedelta(0))
        if observation.value is not None:
            self.columns[observation.value.value] = Column(alias, "result", f"{alias}.value")
        if observation.status is not None:
            self.columns[observation.status.value] = Column(f"{alias}.status", "string")

    def _side(self, text: str, number: int, side: Side) -> tuple[str, list[str]]:
        """Return the joins with a side, and the conditions that it adds."""
        outer = dict(self.columns)
        on = self._on(number, side.observation)
        source = self._source(number, side.filters)
        self._bind(number, side.observation)
        on = " AND ".join([on, *(self._condition(found) for found in side.filters)])
        if side.kind == "OPTIONAL":
            return f"{text} LEFT JOIN {source} AS r{number} ON {on}", []
        self.columns = outer
        return text, [f"{side.kind} (SELECT 1 FROM {source} AS r{number} WHERE {on})"]

    def _condition(self, found: Expression) -> str:
        column = self.scope().compile(found)
        if column.type != "boolean":
            raise NotUnderstood("a filter that is no comparison")
        return column.sql

    # What is made of it

    def statement(self) -> Statement:
        joined = self.joins()
        if self.plan.is_grouped:
            return self._grouped(joined)
        return self._outer(joined, {}, ())

    def _grouped(self, joined: str) -> Statement:
        keys = [self._key(item) for item in self.plan.query.groups or ()]
        inner, self.columns = self.columns, {}
        above = dict[str, Column]()
        selects = list[str]()
        for place, (name, column) in enumerate(keys):
            selects.append(f"{column.sql} AS k{place}")
            if name:
                above[name] = Column(f"k{place}", column.type)
        self.columns = inner
        made = _Aggregates(self.scope(), len(selects))
        query = self.plan.query
        replaced = {id(found): made.replace(found) for found in self._above()}
        selects += [f"{sql} AS a{place}" for place, sql in enumerate(made.sql)]
        self.columns = {**above, **made.columns}
        self.sums = made.sums
        texts = " + ".join(
            f"count(*) FILTER ({v}.value IS NULL AND {v}.text IS NOT NULL)" for v in sorted(made.ranged)
        )
        selects += [f"{texts or '0'} AS texts", "count(*) AS n"]
        grouping = f" GROUP BY {', '.join(f'k{place}' for place in range(len(keys)))}" if keys else ""
        rows = f"(SELECT {', '.join(selects)} FROM {joined}{grouping})"
        having = [self._condition(replaced[id(found)]) for found in query.having]
        where = f" WHERE {' AND '.join(having)}" if having else ""
        return self._outer(rows + where, replaced, ("texts", "n"))

    def _above(self) -> Iterator[Expression]:
        query = self.plan.query
        yield from (item.expression for item in self.plan.items if item.expression)
        yield from query.having
        yield from (key.expression for key in query.order)

    def _key(self, item: Item) -> tuple[str, Column]:
        column = self.scope().compile(item.expression or Var(item.name))
        if column.type in ("double", "result", "observation"):
            raise NotUnderstood("groups by a number")
        if item.expression is not None and column.type == "term":
            raise NotUnderstood("groups by a term")
        return item.name, column

    def _outer(self, rows: str, replaced: dict[int, Expression], hidden: tuple[str, ...]) -> Statement:
        """Return the statement with the columns of the answer, its order and its limits."""
        query, columns = self.plan.query, list[Column]()
        for item in self.plan.items:
            found = replaced.get(id(item.expression), item.expression) if item.expression else Var(item.name)
            column = self.scope().compile(found)
            columns.append(column)
            if item.expression is not None:
                self.columns[item.name] = column
        if query.distinct and any(column.type in ("double", "result") for column in columns):
            raise NotUnderstood("DISTINCT numbers")
        order = [self._order(replaced.get(id(key.expression), key.expression), key.descending) for key in query.order]
        if query.distinct and order:
            raise NotUnderstood("DISTINCT in an order")
        selects = [f"{_selected(column)} AS o{place}" for place, column in enumerate(columns)]
        selects += hidden
        sql = f"SELECT {'DISTINCT ' if query.distinct else ''}{', '.join(selects) or '1 AS nothing'} FROM {rows}"
        sql += f" ORDER BY {', '.join(order)}" if order else ""
        sql += f" LIMIT {query.limit}" if query.limit is not None else ""
        sql += f" OFFSET {query.offset}" if query.offset else ""
        single = "n" if hidden and not query.groups and self.sums else ""
        return Statement(sql, self.windows, tuple(columns), tuple(self.ranked), "texts" if hidden else "", single)

    def _order(self, found: Expression, descending: bool) -> str:
        column = self.scope().compile(found)
        if column.type == "term":
            sql = f"(SELECT rank FROM terms WHERE terms.k = {column.sql})"
            self.ranked.append(column.sql)
        elif column.type in ("double", "integer", "time", "boolean"):
            sql = column.sql
        else:
            raise NotUnderstood(f"an order of {column.type}")
        return f"{sql} {'DESC NULLS LAST' if descending else 'ASC NULLS FIRST'}"


def _selected(column: Column) -> str:
    if column.type == "observation":
        return f"struct_pack(id := {column.sql}.id, time := {column.sql}.time)"
    if column.type == "result":
        return f"struct_pack(value := {column.sql}.value, text := {column.sql}.text, kind := b.g{column.sql[1:]})"
    return column.sql


@dataclass(slots=True)
class _Aggregates:
    """Takes the aggregates out of expressions: each becomes a column `a…`."""

    scope: Scope
    first: int
    sql: list[str] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    ranged: set[str] = field(default_factory=set)
    sums: bool = False

    def replace(self, found: Expression) -> Expression:
        """Return the expression over these columns."""
        if not isinstance(found, Call):
            return found
        if not found.is_aggregate:
            return Call(found.name, tuple(map(self.replace, found.arguments)), found.distinct)
        sql, type_ = self._aggregate(found)
        if sql not in self.sql:
            self.sql.append(sql)
        place = f"a{self.sql.index(sql)}"
        self.columns[f" {place}"] = Column(place, type_)  # type: ignore[arg-type]
        return Var(f" {place}")

    def _aggregate(self, found: Call) -> tuple[str, str]:
        if not found.arguments:
            if found.distinct or found.name != "COUNT":
                raise NotUnderstood("COUNT(DISTINCT *)")
            return "count(*)", "integer"
        [argument] = found.arguments
        column = self.scope.compile(argument)
        if found.name == "COUNT":
            return self._count(column, distinct=found.distinct), "integer"
        if found.distinct:
            raise NotUnderstood("an aggregate of distinct values")
        if found.name == "SAMPLE" and column.type == "term":
            return f"any_value({column.sql})", "term"
        if found.name in ("MIN", "MAX") and column.type in ("time", "integer"):
            return f"{found.name.lower()}({column.sql})", column.type
        if column.type not in ("result", "double"):
            raise NotUnderstood(f"{found.name} of {column.type}")
        value = column.number or column.sql
        if found.name in ("MIN", "MAX"):
            if column.type == "result":
                self.ranged.add(column.sql)
            return f"{found.name.lower()}({value})", "double"
        if found.name not in ("SUM", "AVG"):
            raise NotUnderstood(found.name)
        self.sums = True
        # One value that is no number, or is unbound, makes the whole an error (section 11.3).
        return f"CASE WHEN count(*) = count({value}) THEN {found.name.lower()}({value}) END", "double"

    def _count(self, column: Column, *, distinct: bool) -> str:
        if column.type == "result":
            if distinct:
                raise NotUnderstood("COUNT of distinct numbers")
            return f"count(*) FILTER ({column.sql}.value IS NOT NULL OR {column.sql}.text IS NOT NULL)"
        if column.type == "double" and distinct:
            raise NotUnderstood("COUNT of distinct numbers")
        value = column.sql
        if column.type == "observation":
            value = f"CASE WHEN {column.sql}.id IS NOT NULL THEN {_selected(column)} END"
        return f"count({'DISTINCT ' if distinct else ''}{value})"


def statement(planned: Plan, extent: Extent, now: datetime) -> Statement:
    """Return the SQL of a plan. Raises NotUnderstood where there is none."""
    return _Writer(planned, extent, now).statement()
