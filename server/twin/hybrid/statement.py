"""The SQL of a plan: the graph's bindings joined to readings, grouped, in order.

The table `b` of bindings has the number `k` of each row, a column `c…` for each variable of the graph (a number of a
term), `n…` for the numeric value of those that are compared, `i…` for the series and `g…` for the kind of each
observation's point.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyoxigraph as ox

from ontologies.namespaces import TWH, XSD
from server.twin.hybrid.algebra import OUR_AGGREGATES, Call, Const, Expression, Item, Var
from server.twin.hybrid.expressions import Column, Extent, Scope
from server.twin.hybrid.patterns import Observation, Side
from server.twin.hybrid.windows import is_window, window_of
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.sql import Window

if TYPE_CHECKING:
    from server.twin.hybrid.plan import Plan


@dataclass(frozen=True, slots=True)
class Statement:
    """The SQL, the window of each relation `r…`, and the columns of the answer, `o…`.

    `flags` names a column that tells of each group how many of its values are texts; then MIN and MAX are others.
    `count` names the one that tells how many solutions the only group has.
    """

    sql: str
    windows: dict[str, Window]
    columns: tuple[Column, ...]
    partials: dict[str, tuple[Window, timedelta]] = field(default_factory=dict)
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
    partials: dict[str, tuple[Window, timedelta]] = field(default_factory=dict)
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
        self._bind_graph()
        text = "b"
        alone = len(parts.observations) == 1
        for number, observation in enumerate(parts.observations):
            source = self._source(number, parts.filters)
            source = source if alone else f"(SELECT r.*, b.k FROM b JOIN {source} AS r ON r.id = b.i{number})"
            text += f" JOIN {source} AS r{number} ON {self._on(number, observation, alone=alone)}"
            self._bind(number, observation)
        for name, found in parts.binds:
            self.columns[name] = self.scope().compile(found)
        conditions = []
        for number, side in enumerate(parts.sides, len(parts.observations)):
            text, more = self._side(text, number, side)
            conditions += more
        conditions += [self._condition(found) for found in parts.filters]
        return f"{text} WHERE {' AND '.join(conditions)}" if conditions else text

    def _bind_graph(self) -> None:
        for place, name in enumerate(self.plan.carried):
            value = f"b.n{place}" if name in self.plan.compared else ""
            self.columns[name] = Column(f"b.c{place}", "term", value)

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

    def _on(self, number: int, observation: Observation, *, alone: bool = True) -> str:
        """Return the condition of a join; where it is not `alone`, by the row of bindings.

        By their series, DuckDB may join two observations by their times before anything else: all with all.
        """
        on = [f"r{number}.id = b.i{number}"] if alone else [f"r{number}.k = b.k"]
        on += [f"r{number}.k = r0.k"] if number and not alone else []
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

    def statement(self, *, rolled: bool) -> Statement:
        if rolled and self.plan.is_grouped:
            with contextlib.suppress(NotUnderstood):
                return _Writer(self.plan, self.extent, self.now)._rolled()
        joined = self.joins()
        if self.plan.is_grouped:
            return self._grouped(joined)
        return self._outer(joined, {}, ())

    def _rolled(self) -> Statement:
        """Return the statement over partials (storage.series.rollups). Raises NotUnderstood where they do not do.

        They are added up for each series and bucket before they are joined.
        """
        parts = self.plan.parts
        if len(parts.observations) != 1 or parts.sides or parts.observations[0].current:
            raise NotUnderstood("more than one observation")
        [observation] = parts.observations
        name = observation.time.value if observation.time is not None else None
        if observation.status is not None or not all(is_window(f, name or "", self.now) for f in parts.filters):
            raise NotUnderstood("filters of more than a time")
        self._bind_graph()
        keys, times = self._rolled_keys(name)
        grain = min((column.grain for column in times if column.grain is not None), default=timedelta(days=1))
        self.partials["p0"] = (window_of(parts.filters, name, self.now), grain)
        buckets = "".join(f", {column.sql} AS t{place}" for place, column in enumerate(times))
        grouping = "".join(f", t{place}" for place in range(len(times)))
        sums = "sum(rows) AS rows, sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max"
        rows = f"(SELECT id{buckets}, {sums} FROM p0 GROUP BY id{grouping})"
        if observation.value is not None:
            self.columns[observation.value.value] = Column("r0", "result", "r0.value")
        if observation.name:
            self.columns[observation.name] = Column("r0", "observation")
        return self._grouped_by(keys, f"b JOIN {rows} AS r0 ON r0.id = b.i0", _Merged)

    def _rolled_keys(self, name: str | None) -> tuple[list[tuple[str, Column]], list[Column]]:
        """Return the keys of the groups, and those of them that are made of the time."""
        scope = Scope(dict(self.columns), self.extent, self.now)
        inside = dict(self.columns)
        if name is not None:
            inside[name] = Column("time", "time", grain=timedelta(0))
        for bound, found in self.plan.parts.binds:
            inside[bound] = Scope(inside, self.extent, self.now).compile(found)
        keys, times = list[tuple[str, Column]](), list[Column]()
        for item in self.plan.query.groups or ():
            column = Scope(inside, self.extent, self.now).compile(item.expression or Var(item.name))
            if column.type == "term" and item.expression is None:
                keys.append((item.name, scope.columns[item.name]))
            elif column.grain:
                keys.append((item.name, Column(f"r0.t{len(times)}", column.type)))
                times.append(column)
            else:
                raise NotUnderstood("groups by what is in no rollup")
        return keys, times

    def _grouped(self, joined: str) -> Statement:
        return self._grouped_by([self._key(item) for item in self.plan.query.groups or ()], joined, _Aggregates)

    def _grouped_by(self, keys: list[tuple[str, Column]], joined: str, aggregates: type[_Aggregates]) -> Statement:
        above = {name: Column(f"k{place}", column.type) for place, (name, column) in enumerate(keys) if name}
        selects = [f"{column.sql} AS k{place}" for place, (_, column) in enumerate(keys)]
        observations = self.plan.parts.observations
        of_results = bool(self.partials) and observations[0].value is not None
        made = aggregates(self.scope(), of_results, frozenset(f"r{n}" for n in range(len(observations))))
        query = self.plan.query
        replaced = {id(found): made.replace(found) for found in self._above()}
        selects += [f"{sql} AS a{place}" for place, sql in enumerate(made.sql)]
        self.columns = {**above, **made.columns}
        self.sums = made.sums
        selects += [f"{made.texts()} AS texts", f"{made.total} AS n"]
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
        return Statement(
            sql, self.windows, tuple(columns), self.partials, tuple(self.ranked), "texts" if hidden else "", single
        )

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
    of_results: bool
    always: frozenset[str] = frozenset()
    sql: list[str] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    ranged: set[str] = field(default_factory=set)
    sums: bool = False

    @property
    def total(self) -> str:
        """The SQL of how many solutions a group has."""
        return "count(*)"

    def texts(self) -> str:
        """Return the SQL of how many texts are among the values whose order matters."""
        counts = [f"count(*) FILTER ({v}.value IS NULL AND {v}.text IS NOT NULL)" for v in sorted(self.ranged)]
        return " + ".join(counts) or "0"

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
            return self.total, "integer"
        if found.name in OUR_AGGREGATES:
            return self._ours(found.name.removeprefix(TWH.iri), found.arguments), "double"
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
        elif found.name in ("SUM", "AVG"):
            self.sums = True
        else:
            raise NotUnderstood(found.name)
        return self._of_values(found.name, value), "double"

    def _ours(self, name: str, arguments: Sequence[Expression]) -> str:
        """Return the SQL of an aggregate of ours, of numbers that every solution has; texts are told apart."""
        column = self.scope.compile(arguments[0])
        if column.type != "result" or column.sql not in self.always:
            raise NotUnderstood(f"{name} of {column.type}")
        self.ranged.add(column.sql)
        value = column.number
        match name, arguments[1:]:
            case "median", ():
                return f"quantile_cont({value}, 0.5)"
            case "stdev", ():
                return f"stddev_samp({value})"
            case "percentile", (Const(ox.Literal() as share),) if 0 <= _number_of(share) <= 100:
                return f"quantile_cont({value}, {_number_of(share) / 100!r})"
            case ("first" | "last") as place, (time,) if self.scope.compile(time).type == "time":
                return f"arg_{'min' if place == 'first' else 'max'}({value}, {self.scope.compile(time).sql})"
        raise NotUnderstood(name)

    def _of_values(self, name: str, value: str) -> str:
        if name in ("MIN", "MAX"):
            return f"{name.lower()}({value})"
        # One value that is no number, or is unbound, makes the whole an error (section 11.3).
        return f"CASE WHEN count(*) = count({value}) THEN {name.lower()}({value}) END"

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


def _number_of(term: ox.Literal) -> float:
    """Return a number; what is none is none of a percentile either."""
    return float(term.value) if term.datatype in (XSD["integer"], XSD["decimal"], XSD["double"]) else -1.0


class _Merged(_Aggregates):
    """The same of partials: all of them have results that are numbers, or `texts` tells that there are others."""

    @property
    def total(self) -> str:
        return "coalesce(sum(r0.rows), 0)::BIGINT"

    def texts(self) -> str:
        return "coalesce(sum(r0.rows - r0.count), 0)::BIGINT" if self.of_results else "0"

    def _count(self, column: Column, *, distinct: bool) -> str:
        if column.type == "term":
            if distinct:
                return f"count(DISTINCT {column.sql})"
            return f"coalesce(sum(r0.rows) FILTER ({column.sql} IS NOT NULL), 0)::BIGINT"
        if distinct or column.type not in ("result", "observation"):
            raise NotUnderstood("COUNT of what is in no rollup")
        return self.total

    def _ours(self, name: str, arguments: Sequence[Expression]) -> str:  # noqa: ARG002 - as above
        raise NotUnderstood(f"{name} is in no rollup")

    def _of_values(self, name: str, value: str) -> str:
        if value != "r0.value":
            raise NotUnderstood("an aggregate of what is in no rollup")
        return {"MIN": "min(r0.min)", "MAX": "max(r0.max)", "SUM": "sum(r0.sum)"}.get(
            name, "sum(r0.sum) / sum(r0.count)"
        )


def statement(planned: Plan, extent: Extent, now: datetime, *, rolled: bool = True) -> Statement:
    """Return the SQL of a plan, if `rolled` over rollups where they do. Raises NotUnderstood where there is none."""
    return _Writer(planned, extent, now).statement(rolled=rolled)
