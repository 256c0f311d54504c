"""SPARQL solutions as Arrow columns: numbers as numbers, times as timestamps, everything else as text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
_TIMES = frozenset({XSD["dateTime"], XSD["dateTimeStamp"]})
_NUMBERS = _INTEGERS | {XSD["decimal"], XSD["double"], XSD["float"]}


def table_of(variables: Sequence[str], rows: Sequence[Sequence[Term]]) -> pa.Table:
    """Return a column per variable. A column has a type of its own where all its terms are of that kind."""
    columns = {name: column_of([row[i] for row in rows]) for i, name in enumerate(variables)}
    return pa.table(columns)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What a column can be besides text: the datatypes of its terms, Arrow's type, and the way from text to it."""

    datatypes: frozenset[ox.NamedNode]
    type: pa.DataType
    convert: Callable[[str], object]


def column_of(terms: Sequence[Term]) -> pa.Array[Any]:
    """Return one column: int64, double, bool or timestamp where that holds for all bound terms, else text."""
    for kind in kinds_of(terms):
        return column_as(terms, kind)
    return column_as(terms, None)


def kinds_of(terms: Sequence[Term]) -> Iterator[Kind]:
    """Yield what a column of these terms can be, the best first. There is nothing where no term is bound."""
    found = {term.datatype if isinstance(term, ox.Literal) else None for term in terms if term is not None}
    for kind in KINDS:
        if found and found <= kind.datatypes:
            with contextlib.suppress(ValueError, OverflowError, pa.ArrowInvalid):  # an ill-typed literal stays text
                column_as(terms, kind)
                yield kind


def column_as(terms: Sequence[Term], kind: Kind | None) -> pa.Array[Any]:
    """Return one column of a kind, or (None) of text. Raises ValueError, OverflowError or ArrowInvalid."""
    if kind is None:
        return pa.array([text_of(term) for term in terms], pa.string())
    values = [kind.convert(term.value) if isinstance(term, ox.Literal) else None for term in terms]
    return pa.array(values, kind.type)


def text_of(term: Term) -> str | None:
    """Return a term as text: an IRI or a literal's value without its marks."""
    if term is None or isinstance(term, ox.NamedNode | ox.Literal):
        return term.value if term is not None else None
    return str(term)


def _instant(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    return time.astimezone(UTC).replace(tzinfo=None)


def _local(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None:
        raise ValueError("a time with a zone is none of a clock on a wall")
    return time


KINDS = (
    Kind(_INTEGERS, pa.int64(), int),
    Kind(_NUMBERS, pa.float64(), float),
    Kind(frozenset({XSD["boolean"]}), pa.bool_(), lambda text: text in ("true", "1")),
    Kind(_TIMES, pa.timestamp("us", "UTC"), _instant),
    Kind(_TIMES, pa.timestamp("us"), _local),
)
"""The best first."""
