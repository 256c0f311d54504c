"""SQL that knows its type, and comparisons of it as SPARQL has them: with NaN, and with results that may be texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from storage.graph.rewriting.tokens import NotUnderstood

Type = Literal["double", "integer", "time", "date", "boolean", "string", "term", "observation", "result"]
COMPARISONS = {"=": "=", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}


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


def but_nan(sql: str, operator: str, tests: Sequence[str]) -> str:
    """Return a comparison where sides may be NaN, by these tests: DuckDB has it above all, and equal to itself.

    To the graph's engine it equals nothing, but has a place in an order beside itself; beside a number it has none.
    """
    if not tests:
        return sql
    if operator in ("=", "!="):
        return f"CASE WHEN {' OR '.join(tests)} THEN {'false' if operator == '=' else 'true'} ELSE {sql} END"
    return f"CASE WHEN {' <> '.join(tests)} THEN NULL ELSE {sql} END"


def compared_results(operator: str, left: Column, right: Column) -> str:
    """Return the comparison of a result, a number or a text, with another one, a number or a string.

    A text is no number, which `=` says as well; which of them is above the other is an error (section 17.3).
    """
    sides = [_Side.of(left), _Side.of(right)]
    numbers = " AND ".join(side.is_number for side in sides)
    texts = " AND ".join(side.is_text for side in sides)
    there = " AND ".join(f"({side.is_number} OR {side.is_text})" for side in sides)
    symbol = COMPARISONS[operator]
    tests = [f"isnan({side.number})" for side in sides if side.may_be_nan]
    compared = but_nan(f"{sides[0].number} {symbol} {sides[1].number}", operator, tests)
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
