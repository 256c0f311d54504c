"""Aggregates as SQL: each becomes a column of the grouped rows, over readings or over partials of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyoxigraph as ox

from ontologies.namespaces import TWH, XSD
from server.twin.hybrid.expressions import Scope
from server.twin.hybrid.observations import double_text, time_text
from server.twin.hybrid.trees import OUR_AGGREGATES, Call, Const, Expression, Var
from server.twin.hybrid.typed_sql import Column, Type
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.sql import quote

FOLLOWING = "following"


def selected(column: Column) -> str:
    """Return the SQL for a column's value, as the outer statement takes it."""
    if column.type == "observation":
        return f"struct_pack(id := {column.sql}.id, time := {column.sql}.time)"
    if column.type == "result":
        return f"struct_pack(value := {column.sql}.value, text := {column.sql}.text, kind := b.g{column.sql[1:]})"
    return column.sql


@dataclass(slots=True)
class Aggregates:
    """Takes the aggregates out of expressions: each becomes a column `a…`."""

    scope: Scope
    of_results: bool
    always: frozenset[str] = frozenset()
    sql: list[str] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    ranged: set[str] = field(default_factory=set)
    instants: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    sums: bool = False

    @property
    def total(self) -> str:
        """The SQL of how many solutions a group has."""
        return "count(*)"

    def texts(self) -> str:
        """Return the SQL of how many solutions there are for which the SQL of an aggregate is not right.

        These are texts among the values whose order matters, times that are not alone, and numbers with exponents.
        """
        counts = [f"count(*) FILTER ({v}.value IS NULL AND {v}.text IS NOT NULL)" for v in sorted(self.ranged)]
        counts += [f"count(*) FILTER ({FOLLOWING} = {time})" for time in sorted(self.instants)]
        counts += [f"count(*) FILTER (contains({text}, 'e'))" for text in sorted(self.written)]
        return " + ".join(counts) or "0"

    def source(self, joined: str, keys: Sequence[str], relations: Sequence[str], selected: str) -> str:
        """Return what to group: of what is joined the columns that are `selected` by their relations' names.

        Where values hold until the next time, each has beside it the time that follows in its group.
        """
        if not self.instants:
            return joined
        if len(self.instants) > 1:
            raise NotUnderstood("values that hold until two times")
        [time] = self.instants
        among = f"PARTITION BY {', '.join(keys)} " if keys else ""
        following = f"lead({time}) OVER ({among}ORDER BY {time}) AS {FOLLOWING}"
        return f"(SELECT {''.join(_packed(relation, selected) for relation in relations)}{following} FROM {joined})"

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
        self.columns[f" {place}"] = Column(place, type_)
        return Var(f" {place}")

    def _aggregate(self, found: Call) -> tuple[str, Type]:
        if not found.arguments:
            if found.distinct or found.name != "COUNT":
                raise NotUnderstood("COUNT(DISTINCT *)")
            return self.total, "integer"
        if found.name in OUR_AGGREGATES:
            return self._ours(found.name.removeprefix(TWH.iri), found.arguments), "double"
        if found.name == "GROUP_CONCAT":
            return self._concatenated(found), "string"
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
            case _, (time,) if self.scope.compile(time).type == "time":
                return self._at_times(name, value, self.scope.compile(time).sql)
        raise NotUnderstood(name)

    def _at_times(self, name: str, value: str, time: str) -> str:
        """Return the SQL of an aggregate of values at times; of two at one time, any is the first or the last."""
        if name in ("first", "last"):
            return f"arg_{'min' if name == 'first' else 'max'}({value}, {time})"
        self.instants.add(time)
        area = f"coalesce(sum({value} * ((epoch_us({FOLLOWING}) - epoch_us({time})) / 1e6)), 0)"
        seconds = f"(epoch_us(max({time})) - epoch_us(min({time}))) / 1e6"
        match name:
            case "integral":
                return f"CASE WHEN count(*) > 0 THEN {area} / 3600 END"
            case "timeWeightedMean":
                return f"CASE WHEN count(*) = 1 THEN min({value}) ELSE {area} / ({seconds}) END"
        raise NotUnderstood(name)

    def _concatenated(self, found: Call) -> str:
        """Return the SQL of GROUP_CONCAT, in any order; a solution without a string makes the whole an error."""
        argument, separator = found.arguments
        if isinstance(argument, Call) and argument.name == "STR":
            column = self.scope.compile(argument.arguments[0])
            text = self._text(column)
        else:
            column = self.scope.compile(argument)
            text = _string(column)
            if found.distinct and column.type == "term":
                raise NotUnderstood("distinct terms, which may have the same text")
        assert isinstance(separator, Const)  # noqa: S101 - as it is read, for the type checker
        made = f"string_agg({'DISTINCT ' if found.distinct else ''}{text}, {quote(separator.term.value)})"
        return f"CASE WHEN count(*) = count({text}) THEN coalesce({made}, '') END"

    def _text(self, column: Column) -> str:
        """Return the SQL of what STR makes of a column."""
        match column.type:
            case "result":
                number = double_text(f"{column.sql}.value")
                self.written.add(number)
                return f"coalesce({number}, {column.sql}.text)"
            case "double":
                self.written.add(double_text(f"({column.sql})"))
                return double_text(f"({column.sql})")
            case "integer" | "boolean":
                return f"({column.sql})::VARCHAR"
            case "time":
                return time_text(f"({column.sql})")
        return _string(column)

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
            value = f"CASE WHEN {column.sql}.id IS NOT NULL THEN {selected(column)} END"
        return f"count({'DISTINCT ' if distinct else ''}{value})"


def _packed(relation: str, selected: str) -> str:
    """Return the SQL of a column with a relation's name, in which are its columns that are selected by that."""
    columns = sorted(set(re.findall(rf"\b{relation}\.(\w+)", selected)))
    packed = ", ".join(f"{column} := {relation}.{column}" for column in columns)
    return f"struct_pack({packed}) AS {relation}, " if columns else ""


def _string(column: Column) -> str:
    """Return the SQL of a column where it is a string, and null where it is not. Raises NotUnderstood."""
    match column.type:
        case "result":
            return f"CASE WHEN {column.sql}.value IS NULL THEN {column.sql}.text END"
        case "double" | "integer" | "boolean" | "time":
            return "NULL::VARCHAR"
        case "string":
            return column.sql
        case "term" if column.text:
            return column.text
    raise NotUnderstood(f"the text of {column.type}")


def _number_of(term: ox.Literal) -> float:
    """Return a number; what is none is none of a percentile either."""
    return float(term.value) if term.datatype in (XSD["integer"], XSD["decimal"], XSD["double"]) else -1.0


class Merged(Aggregates):
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

    def _concatenated(self, found: Call) -> str:
        raise NotUnderstood(f"{found.name} is in no rollup")

    def _of_values(self, name: str, value: str) -> str:
        if value != "r0.value":
            raise NotUnderstood("an aggregate of what is in no rollup")
        return {"MIN": "min(r0.min)", "MAX": "max(r0.max)", "SUM": "sum(r0.sum)"}.get(
            name, "sum(r0.sum) / sum(r0.count)"
        )
