"""SPARQL expressions as SQL, where that gives the same: an error or an unbound variable is NULL.

(SPARQL 1.1 Query, section 17.2: `true || error` is true, `false && error` false, all else with an error an error.)
Numbers are DOUBLE, or BIGINT for integers that are counted or parts of a time. What has no exact translation raises
NotUnderstood: decimals, and integers divided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyoxigraph as ox

from ontologies.namespaces import TWH, XSD
from server.twin.hybrid.literals import INTEGERS
from server.twin.hybrid.trees import Call, Const, Expression, Var, variables
from server.twin.hybrid.typed_sql import COMPARISONS, Column, but_nan, compared_results
from storage.graph.functions import step_of
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.durations import read_step
from storage.series.sql import quote, timestamp
from storage.series.steps import Buckets, Step

_INTEGERS = frozenset(XSD[name] for name in INTEGERS)
_FRACTIONS = frozenset(XSD[name] for name in ("decimal", "double", "float"))
_PARTS = {"YEAR": "year", "MONTH": "month", "DAY": "day", "HOURS": "hour", "MINUTES": "minute"}
_DURATION = XSD["dayTimeDuration"]
Extent = tuple[datetime, datetime]


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
        if name in COMPARISONS:
            return self._compared(name, arguments)
        if name in ("&&", "||"):
            left, right = (self._truth(argument) for argument in arguments)
            return Column(f"({left} {'AND' if name == '&&' else 'OR'} {right})", "boolean")
        if name == "!":
            return Column(f"(NOT {self._truth(arguments[0])})", "boolean")
        if name == "IN":
            first, *others = arguments
            equal = [self._compared("=", (first, other)).sql for other in others]
            return Column(f"({' OR '.join(equal or ['false'])})", "boolean")
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
            return Column(f"({compared_results(operator, left, right)})", "boolean")
        if all(self._is_number(argument) for argument in arguments):
            return self._compared_numbers(operator, arguments)
        if left.type == right.type and left.type in ("time", "string"):
            if left.type == "string" and operator not in ("=", "!="):
                raise NotUnderstood("an order of strings")
            return Column(f"({left.sql} {COMPARISONS[operator]} {right.sql})", "boolean")
        raise NotUnderstood(f"{left.type} {operator} {right.type}")

    def _compared_numbers(self, operator: str, arguments: tuple[Expression, ...]) -> Column:
        """Compare numbers."""
        if all(isinstance(argument, Var) and self.compile(argument).type == "term" for argument in arguments):
            raise NotUnderstood("terms of the graph alone")
        sides = [self.number(argument) for argument in arguments]
        sql = f"{sides[0].sql} {COMPARISONS[operator]} {sides[1].sql}"
        tests = [f"isnan({s.sql})" for s, a in zip(sides, arguments, strict=True) if _may_be_nan(s, a)]
        return Column(f"({but_nan(sql, operator, tests)})", "boolean")

    def _computed(self, operator: str, arguments: tuple[Expression, ...]) -> Column:
        left = self.compile(arguments[0])
        if left.type == "time" and isinstance(arguments[1], Const):
            if variables(arguments[0]):  # of which the graph's engine makes an error where it is a triple's
                raise NotUnderstood("arithmetic on a time")
            return Column(f"({left.sql} {operator} {_interval(arguments[1].term, operator)})", "time")
        sides = [self.number(argument) for argument in arguments]
        if any(map(self._is_double, sides, arguments)):
            return Column(f"({sides[0].sql}::DOUBLE {operator} {sides[1].sql}::DOUBLE)", "double")
        if operator != "/" and all(side.type == "integer" for side in sides):
            return Column(f"({sides[0].sql} {operator} {sides[1].sql})", "integer")
        raise NotUnderstood("decimals")

    def _is_double(self, side: Column, argument: Expression) -> bool:
        """Tell a double from what may be a decimal: a constant, or a term of the graph."""
        match argument:
            case Const(ox.Literal() as constant):
                return side.type == "double" and constant.datatype != XSD["decimal"]
        return side.type == "double" and self.compile(argument).type != "term"


def _may_be_nan(side: Column, argument: Expression) -> bool:
    return side.type == "double" and not isinstance(argument, Const)


def _constant(term: ox.Literal | ox.NamedNode) -> Column:
    if isinstance(term, ox.NamedNode):
        raise NotUnderstood("an IRI")
    if term.datatype in _INTEGERS:
        if abs(int(term.value)) >= 2**53:
            raise NotUnderstood("a large integer")
        return Column(f"{int(term.value)}::BIGINT", "integer")
    if term.datatype in _FRACTIONS:
        number = float(term.value.replace("INF", "inf"))
        if math.isnan(number):
            raise NotUnderstood("NaN")
        return Column(f"{quote(repr(number))}::DOUBLE", "double")
    if term.datatype == XSD["dateTime"]:
        return Column(timestamp(time_of(term)), "time")
    if term.datatype == XSD["boolean"]:
        return Column("true" if term.value in ("true", "1") else "false", "boolean")
    if term.datatype == XSD["string"]:
        return Column(quote(term.value), "string")
    raise NotUnderstood(f"a {term.datatype}")


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
        match arguments:
            case (moment, Const(ox.Literal() as zone)):
                time, buckets = _time(scope, moment), Buckets(_hours(zone.value), *scope.extent)
            case _:
                raise NotUnderstood("a zone that is not constant")
        clock, grain = buckets.clock(time.sql), buckets.grain if name != "minute" else None
        if name == "date":
            return Column(f"({clock})::DATE", "date", grain=_both(time, grain))
        return Column(f"date_part('{name}', {clock})::BIGINT", "integer", grain=_both(time, grain))

    return function


def _hours(zone: str) -> Step:
    """Return hours by the clocks of a zone. Raises NotUnderstood where it is none."""
    try:
        return step_of("PT1H", zone)
    except ValueError:
        raise NotUnderstood("no zone") from None


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
