"""The SQL of a plan: the graph's bindings joined to readings, grouped, in order.

The table `b` of bindings has the number `k` of each row, a column `c…` for each variable of the graph (a number of a
term), `n…` for the numeric value of those that are compared, `s…` for the text of those that are written, `t…` for
those that are times of observations, `i…` for the series and `g…` for the kind of each observation's point.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from server.twin.hybrid.aggregates import Aggregates, Merged, selected
from server.twin.hybrid.expressions import Extent, Scope
from server.twin.hybrid.patterns import Observation, Side
from server.twin.hybrid.trees import Expression, Item, Var
from server.twin.hybrid.typed_sql import Column
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
            text = f"b.s{place}" if name in self.plan.written else ""
            self.columns[name] = Column(f"b.c{place}", "term", value, text=text)
            if name in self.plan.parts.timed:
                self.columns[name] = Column(f"b.t{place}", "time", grain=timedelta(0))

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
        if len(parts.observations) != 1 or parts.sides or parts.observations[0].current or parts.timed:
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
        return self._grouped_by(keys, f"b JOIN {rows} AS r0 ON r0.id = b.i0", Merged)

    def _rolled_keys(self, name: str | None) -> tuple[list[tuple[str, Column]], list[Column]]:
        """Return the keys of the groups, and those of them that are made of the time."""
        inside = dict(self.columns)
        scope = Scope(inside, self.extent, self.now)
        if name is not None:
            inside[name] = Column("time", "time", grain=timedelta(0))
        for bound, found in self.plan.parts.binds:
            inside[bound] = scope.compile(found)
        keys, times = list[tuple[str, Column]](), list[Column]()
        for item in self.plan.query.groups or ():
            column = scope.compile(item.expression or Var(item.name))
            if column.type == "term" and item.expression is None:
                keys.append((item.name, self.columns[item.name]))
            elif column.grain:
                keys.append((item.name, Column(f"r0.t{len(times)}", column.type)))
                times.append(column)
            else:
                raise NotUnderstood("groups by what is in no rollup")
        return keys, times

    def _grouped(self, joined: str) -> Statement:
        return self._grouped_by([self._key(item) for item in self.plan.query.groups or ()], joined, Aggregates)

    def _grouped_by(self, keys: list[tuple[str, Column]], joined: str, aggregates: type[Aggregates]) -> Statement:
        above = {
            name: Column(f"k{place}", column.type, f"kn{place}" if column.number else "")
            for place, (name, column) in enumerate(keys)
            if name
        }
        selects = [f"{column.sql} AS k{place}" for place, (_, column) in enumerate(keys)]
        selects += [f"min({column.number}) AS kn{place}" for place, (_, column) in enumerate(keys) if column.number]
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
        source = made.source(joined, [column.sql for _, column in keys], self._relations(), " ".join(selects))
        rows = f"(SELECT {', '.join(selects)} FROM {source}{grouping})"
        having = [self._condition(replaced[id(found)]) for found in query.having]
        where = f" WHERE {' AND '.join(having)}" if having else ""
        return self._outer(rows + where, replaced, ("texts", "n"))

    def _relations(self) -> list[str]:
        """Return the names of what is joined."""
        parts, first = self.plan.parts, len(self.plan.parts.observations)
        optional = [n for n, side in enumerate(parts.sides, first) if side.kind == "OPTIONAL"]
        return ["b", *(f"r{number}" for number in (*range(first), *optional))]

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
        selects = [f"{selected(column)} AS o{place}" for place, column in enumerate(columns)]
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
        elif column.type in ("double", "integer", "time", "date", "boolean"):
            sql = column.sql
        else:
            raise NotUnderstood(f"an order of {column.type}")
        return f"{sql} {'DESC NULLS LAST' if descending else 'ASC NULLS FIRST'}"


def statement(planned: Plan, extent: Extent, now: datetime, *, rolled: bool = True) -> Statement:
    """Return the SQL of a plan, if `rolled` over rollups where they do. Raises NotUnderstood where there is none."""
    return _Writer(planned, extent, now).statement(rolled=rolled)
