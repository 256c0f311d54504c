"""SPARQL solutions as Arrow columns: numbers as numbers, times as timestamps, everything else as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyoxigraph as ox

from ontologies.namespaces import XSD

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None

_INTEGERS = frozenset(
    XSD[name]
    for name in (
        *("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"),
        *("unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte", "negativeInteger", "nonPositiveInteger"),
    )
)
_NUMBERS = _INTEGERS | {XSD["decimal"], XSD["double"], XSD["float"]}


def table_of(variables: Sequence[str], rows: Sequence[Sequence[Term]]) -> pa.Table:
    """Return a column per variable. A column has a type of its own where all its terms are of that kind."""
    columns = {name: column_of([row[i] for row in rows]) for i, name in enumerate(variables)}
    return pa.table(columns)


def column_of(terms: Sequence[Term]) -> pa.Array[Any]:
    """Return one column: int64, double, bool or timestamp where that holds for all bound terms, else text."""
    kinds = {term.datatype if isinstance(term, ox.Literal) else None for term in terms if term is not None}
    for datatypes, kind, convert in _TYPED:
        if kinds and kinds <= datatypes:
            typed = _converted(terms, convert, kind)
            if typed is not None:
                return typed
    return pa.array([text_of(term) for term in terms], pa.string())


def text_of(term: Term) -> str | None:
    """Return a term as text: an IRI or a literal's value without its marks."""
    if term is None or isinstance(term, ox.NamedNode | ox.Literal):
        return term.value if term is not None else None
    return str(term)


def _converted(terms: Sequence[Term], convert: Callable[[str], object], kind: pa.DataType) -> pa.Array[Any] | None:
    try:
        values = [convert(term.value) if isinstance(term, ox.Literal) else None for term in terms]
        return pa.array(values, kind)
    except (ValueError, OverflowError, pa.ArrowInvalid):  # an ill-typed literal stays text
        return None


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


_TYPED: list[tuple[frozenset[ox.NamedNode], pa.DataType, Callable[[str], object]]] = [
    (_INTEGERS, pa.int64(), int),
    (_NUMBERS, pa.float64(), float),
    (frozenset({XSD["boolean"]}), pa.bool_(), lambda text: text in ("true", "1")),
    (frozenset({XSD["dateTime"], XSD["dateTimeStamp"]}), pa.timestamp("us", "UTC"), _time),
]
