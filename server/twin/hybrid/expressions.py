"""SPARQL expressions as SQL, where that gives the same: an error or an unbound variable is NULL.

(SPARQL 1.1 Query, section 17.2: `true || error` is true, `false && error` false, all else with an error an error.)
Numbers are DOUBLE, or BIGINT for integers that are counted or parts of a time. What has no exact translation raises
NotUnderstood: decimals, and integers divided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import pyoxigraph as ox

from ontologies.namespaces import TWH, XSD
from server.twin.hybrid.algebra import Call, Const, Expression, Var, variables
from storage.graph.functions import step_of
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.sql import quote, timestamp
from storage.series.steps import Buckets, Step

Type = Literal["double", "integer", "time", "date", "boolean", "string", "term", "observation", "result"]
_INTEGERS = frozenset(XSD[name] for name in ("integer", "int", "long", "short", "byte", "nonNegativeInteger"))
_NUMBERS = _INTEGERS | {XSD["decimal"], XSD["double"], XSD["float"]}
_COMPARISONS = {"=": "=", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_PARTS = {"YEAR": "year", "MONTH": "month", "DAY": "day", "HOURS": "hour", "MINUTES": "minute"}
_DURATION = XSD["dayTimeDuration"]
Extent = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Column:
    """SQL and what it is. `grain` tells of a time, or a part of one, on which times it changes: those of buckets.

    A `term` is a number of the table of terms; then `number` is SQL of its numeric value, and `text` of its text.
    """

    sql: str
    type: Type
    number: str = ""
    grain: timedelta | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the variables are, and for how long readings are there: buckets by clocks depend on that."""

    columns: Mapping[str, Column]
    extent: Extent
    now: datetime

    def compile(self, found: Expression) -> Column:
        """Return an expression as SQL. Raises NotUnderstood."""
        match found:
            case Var(name):
                if name not in self.columns:
                    raise NotUnderstood(f"?{name} is not there")
                return self.columns[name]
            case Const(term):
                return _constant(term)
            case Call(name, arguments):
                return self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Column:
        if name in _COMPARISONS:
            return self._compared(name, arguments)
        if name in ("&&", "||"):
            left, right = (self._truth(argument) for argument in arguments)
            return Column(f"({left} {'AND' if name == '&&' else 'OR'} {right})", "boolean")
        if name == "!":
            return Column(f"(NOT {self._truth(arguments[0])})", "boolean")
        if name == "IN":
            first, *others = arguments
            return Column(
                f"({' OR '.join([self._compared('=', (first, other)).sql for other in others] or ['false'])})",
                "boolean",
            )
        if name in ("+", "-", "*", "/"):
            return self._computed(name, arguments)
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](self, arguments)
        raise NotUnderstood(name)

    def _truth(self, found: Expression) -> str:
        column = self.compile(found)
        if column.type != "boolean":
            raise NotUnderstood("an effective boolean value")
        return column.sql

    def number(self, found: Expression) -> Column:
        """Return an expression as a number. Raises NotUnderstood."""
        column = self.compile(found)
        if column.type in ("double", "integer"):
            return column
        if column.number:
            return Column(column.number, "double")
        raise NotUnderstood("no number")

    def _is_number(self, found: Expression) -> bool:
        column = self.compile(found)
        return column.type in ("double", "integer") or bool(column.number)

    def _compared(self, operator: str, arguments: tuple[Expression, ...]) -> Column:
        left, right = (self.compile(argument) for argument in arguments)
        if arguments[0] == arguments[1]:  # which the graph's engine takes for true, also of NaN
            raise NotUnderstood("a comparison with itself")
        if operator in ("=", "!=") and "term" in (left.type, right.type):
            raise NotUnderstood("equality with a term of the graph")  # which is no error where it is no number
        if "result" in (left.type, right.type):
            return Column(f"({_compared_results(operator, left, right)})", "boolean")
        if all(self._is_number(argument) for argument in arguments):
            return self._compared_numbers(operator, arguments)
        if left.type == right.type and left.type in ("time", "string"):
            if left.type == "string" and operator not in ("=", "!="):
                raise NotUnderstood("an order of strings")
            return Column(f"({left.sql} {_COMPARISONS[operator]} {right.sql})", "boolean")
        raise NotUnderstood(f"{left.type} {operator} {right.type}")

    def _compared_numbers(self, operator: str, arguments: tuple[Expression, ...]) -> Column:
        """Compare numbers."""
        if all(isinstance(argument, Var) and self.compile(argument).type == "term" for argument in arguments):
            raise NotUnderstood("terms of the graph alone")
        sides = [self.number(argument) for argument in arguments]
        sql = f"{sides[0].sql} {_COMPARISONS[operator]} {sides[1].sql}"
        tests = [f"isnan({s.sql})" for s, a in zip(sides, arguments, strict=True) if _may_be_nan(s, a)]
        return Column(f"({_but_nan(sql, operator, tests)})", "boolean")

    def _computed(self, operator: str, arguments: tuple[Expression, ...]) -> Column:
        left = self.compile(arguments[0])
        if left.type == "time" and isinstance(arguments[1], Const):
            if variables(arguments[0]):  # of which the graph's engine makes an error where it is a triple's
                raise NotUnderstood("arithmetic on a time")
            return Column(f"({left.sql} {operator} {_interval(arguments[1].term, operator)})", "time")
        sides = [self.number(argument) for argument in arguments]
        exact = [side.type == "double" and not _is_term(self, a) for side, a in zip(sides, arguments, strict=True)]
        constants = [isinstance(a, Const) and a.term.datatype == XSD["decimal"] for a in arguments]  # type: ignore[union-attr]
        if any(e and not c for e, c in zip(exact, constants, strict=True)):
            return Column(f"({sides[0].sql}::DOUBLE {operator} {sides[1].sql}::DOUBLE)", "double")
        if operator != "/" and all(side.type == "integer" for side in sides):
            return Column(f"({sides[0].sql} {operator} {sides[1].sql})", "integer")
        raise NotUnderstood("decimals")


def _but_nan(sql: str, operator: str, tests: Sequence[str]) -> str:
    """Return a comparison where sides may be NaN, by these tests: DuckDB has it above all, and equal to itself.

    To the graph's engine it equals nothing, but has a place in an order beside itself; beside a number it has none.
    """
    if not tests:
        return sql
    if operator in ("=", "!="):
        return f"CASE WHEN {' OR '.join(tests)} THEN {'false' if operator == '=' else 'true'} ELSE {sql} END"
    return f"CASE WHEN {' <> '.join(tests)} THEN NULL ELSE {sql} END"


def _compared_results(operator: str, left: Column, right: Column) -> str:
    """Return the comparison of a result, a number or a text, with another one, a number or a string.

    A text is no number, which `=` says as well; which of them is above the other is an error (section 17.3).
    """
    sides = [_Side.of(left), _Side.of(right)]
    numbers = " AND ".join(side.is_number for side in sides)
    texts = " AND ".join(side.is_text for side in sides)
    there = " AND ".join(f"({side.is_number} OR {side.is_text})" for side in sides)
    symbol = _COMPARISONS[operator]
    tests = [f"isnan({side.number})" for side in sides if side.may_be_nan]
    compared = _but_nan(f"{sides[0].number} {symbol} {sides[1].number}", operator, tests)
    cases = f"WHEN {numbers} THEN {compared} WHEN {texts} THEN {sides[0].text} {symbol} {sides[1].text}"
    others = {"=": f" WHEN {there} THEN false", "!=": f" WHEN {there} THEN true"}.get(operator, "")
    return f"CASE {cases}{others} END"


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison, as SQL."""

    number: str
    text: str
    is_number: str
    is_text: str
    may_be_nan: bool = True

    @classmethod
    def of(cls, column: Column) -> _Side:
        match column.type:
            case "result":
                value, text = f"{column.sql}.value", f"{column.sql}.text"
                return cls(value, text, f"{value} IS NOT NULL", f"({value} IS NULL AND {text} IS NOT NULL)")
            case "double" | "integer":
                number = f"({column.sql})::DOUBLE"
                return cls(number, "NULL::VARCHAR", f"{number} IS NOT NULL", "false", column.type == "double")
            case "term" if column.number:  # a text is refused where the terms are known
                return cls(column.number, "NULL::VARCHAR", f"{column.number} IS NOT NULL", "false")
            case "string":
                return cls("NULL::DOUBLE", column.sql, "false", f"{column.sql} IS NOT NULL")
        raise NotUnderstood(f"a result beside a {column.type}")


def _is_term(scope: Scope, found: Expression) -> bool:
    return scope.compile(found).type == "term"


def _may_be_nan(side: Column, argument: Expression) -> bool:
    return side.type == "double" and not isinstance(argument, Const)


def _constant(term: ox.Literal | ox.NamedNode) -> Column:
    if isinstance(term, ox.NamedNode):
        raise NotUnderstood("an IRI")
    if term.datatype in _NUMBERS:
        text = term.value
        if term.datatype in _INTEGERS:
            return Column(f"{int(text)}::BIGINT" if abs(int(text)) < 2**53 else _refuse("a large integer"), "integer")
        number = float(text.replace("INF", "inf"))
        return Column(f"{quote(repr(number))}::DOUBLE" if not math.isnan(number) else _refuse("NaN"), "double")
    if term.datatype == XSD["dateTime"]:
        return Column(timestamp(time_of(term)), "time")
    if term.datatype == XSD["boolean"]:
        return Column("true" if term.value in ("true", "1") else "false", "boolean")
    if term.datatype == XSD["string"]:
        return Column(quote(term.value), "string")
    raise NotUnderstood(f"a {term.datatype}")


def _refuse(what: str) -> str:
    raise NotUnderstood(what)


def time_of(term: ox.Literal) -> datetime:
    """Return an xsd:dateTime with a zone in naive UTC. Raises NotUnderstood for another."""
    try:
        time = datetime.fromisoformat(term.value)
    except ValueError:
        raise NotUnderstood("no time") from None
    fraction = term.value.partition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0]
    if time.tzinfo is None or len(fraction) > 6:
        raise NotUnderstood("a time without a zone, or more exact than readings")
    return time.astimezone(UTC).replace(tzinfo=None)


def _interval(term: ox.Literal | ox.NamedNode, operator: str) -> str:
    from storage.series.durations import read_step

    if operator not in ("+", "-") or not isinstance(term, ox.Literal) or term.datatype != _DURATION:
        raise NotUnderstood("no duration")
    step = read_step(term.value)
    if step is None or step.months:
        raise NotUnderstood("no duration of days and less")
    return step.interval()


def _now(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
    if arguments:
        raise NotUnderstood("NOW")
    return Column(timestamp(scope.now), "time")


def _time(scope: Scope, found: Expression) -> Column:
    column = scope.compile(found)
    if column.type != "time":
        raise NotUnderstood("no time")
    return column


def _reading(scope: Scope, found: Expression) -> Column:
    """Return the time of a reading: of others it is not known from when to when they are."""
    column = _time(scope, found)
    if column.grain != timedelta(0):
        raise NotUnderstood("buckets of another time than that of a reading")
    return column


def _part(name: str) -> Callable[[Scope, tuple[Expression, ...]], Column]:
    grain = {"HOURS": timedelta(hours=1), "MINUTES": None}.get(name, timedelta(days=1))

    def function(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
        time = _time(scope, arguments[0])
        return Column(f"date_part('{_PARTS[name]}', {time.sql})::BIGINT", "integer", grain=_both(time, grain))

    return function


def _both(time: Column, grain: timedelta | None) -> timedelta | None:
    """Return the grain of what is made of a time: only of that of a reading itself something is known."""
    return grain if time.grain == timedelta(0) else None


def _bucket(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
    first, *others = arguments
    if not all(isinstance(other, Const) and isinstance(other.term, ox.Literal) for other in others) or not others:
        raise NotUnderstood("buckets that are not constant")
    try:
        step = step_of(*(other.term.value for other in others))  # type: ignore[union-attr]
    except (ValueError, TypeError):
        raise NotUnderstood("no step") from None
    time, buckets = _reading(scope, first), Buckets(step, *scope.extent)
    return Column(buckets.start(time.sql), "time", grain=_both(time, buckets.grain))


def _local(name: str) -> Callable[[Scope, tuple[Expression, ...]], Column]:
    def function(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
        if (
            len(arguments) != 2
            or not isinstance(zone := arguments[1], Const)
            or not isinstance(zone.term, ox.Literal)
        ):
            raise NotUnderstood("a zone that is not constant")
        try:
            step = step_of("PT1H", zone.term.value)
        except ValueError:
            raise NotUnderstood("no zone") from None
        time, buckets = (
            _time(scope, arguments[0]),
            Buckets(Step(time=timedelta(hours=1), zone=step.zone), *scope.extent),
        )
        clock, grain = buckets.clock(time.sql), buckets.grain if name != "minute" else None
        if name == "date":
            return Column(f"({clock})::DATE", "date", grain=_both(time, grain))
        return Column(f"date_part('{name}', {clock})::BIGINT", "integer", grain=_both(time, grain))

    return function


def _bound(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
    [found] = arguments
    if not isinstance(found, Var):
        raise NotUnderstood("BOUND")
    column = scope.compile(found)
    if column.type == "result":
        return Column(f"({column.sql}.value IS NOT NULL OR {column.sql}.text IS NOT NULL)", "boolean")
    return Column(f"({column.sql}{'.id' if column.type == 'observation' else ''} IS NOT NULL)", "boolean")


def _if(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
    condition, first, second = (scope.compile(argument) for argument in arguments)
    if condition.type != "boolean" or first.type != second.type or first.type not in _PLAIN:
        raise NotUnderstood("IF of two kinds")
    sql = f"CASE WHEN {condition.sql} THEN {first.sql} WHEN NOT {condition.sql} THEN {second.sql} END"
    return Column(f"({sql})", first.type)


_PLAIN = ("double", "integer", "time", "boolean", "string")


def _coalesce(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
    columns = [scope.compile(argument) for argument in arguments]
    if len({column.type for column in columns}) != 1 or columns[0].type not in _PLAIN:
        raise NotUnderstood("COALESCE of two kinds")
    return Column(f"coalesce({', '.join(column.sql for column in columns)})", columns[0].type)


def _of_double(sql: str) -> Callable[[Scope, tuple[Expression, ...]], Column]:
    def function(scope: Scope, arguments: tuple[Expression, ...]) -> Column:
        [found] = arguments
        column = scope.number(found)
        if column.type != "double" or isinstance(found, Const) or scope.compile(found).type == "term":
            raise NotUnderstood("no double")
        return Column(sql.format(column.sql), "double")

    return function


_ROUNDED = "(CASE WHEN {0} - floor({0}) = 0.5 THEN ceil({0}) ELSE round({0}) END)"
_FUNCTIONS: dict[str, Callable[[Scope, tuple[Expression, ...]], Column]] = {
    "NOW": _now,
    "BOUND": _bound,
    "IF": _if,
    "COALESCE": _coalesce,
    "ABS": _of_double("abs({0})"),
    "FLOOR": _of_double("floor({0})"),
    "CEIL": _of_double("ceil({0})"),
    "ROUND": _of_double(_ROUNDED),
    "NEGATE": _of_double("(-({0}))"),
    XSD["double"].value: _of_double("{0}"),
    TWH["bucket"].value: _bucket,
    **{name: _part(name) for name in _PARTS},
    **{
        TWH[f"local{name.capitalize()}"].value: _local(part)
        for name, part in (
            *(("year", "year"), ("month", "month"), ("day", "day"), ("hour", "hour"), ("minute", "minute")),
            *(("weekday", "isodow"), ("date", "date")),
        )
    },
}
