"""Numbers by value, where only their value is prescribed.

What a service computes (a sum, a cast) has a value and a datatype; `1.1E1` and `11` are the same answer. What it
stores must come back as it was written, so a literal of the data is compared by its letters.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from struct import pack, unpack

import pyoxigraph as ox

from tests.conformance.cases import Sources
from tests.conformance.rdf import Term, document
from tests.conformance.solutions import Row, Solutions

XSD = "http://www.w3.org/2001/XMLSchema#"


def _decimal(text: str) -> str:
    return format(Decimal(text).normalize(), "f")


def _float(text: str) -> str:
    return repr(unpack("f", pack("f", float(text)))[0])


_BY_VALUE: dict[str, Callable[[str], str]] = {
    XSD + "integer": lambda text: str(int(text)),
    XSD + "decimal": _decimal,
    XSD + "double": lambda text: repr(float(text)),
    XSD + "float": _float,
}


def stored(sources: Sources) -> frozenset[ox.Literal]:
    """Return the literals of a test's data."""
    files = [*sources.default, *(file for _, file in sources.named)]
    return frozenset(q.object for file in files for q in document(file) if isinstance(q.object, ox.Literal))


def by_value(solutions: Solutions, kept: frozenset[ox.Literal]) -> Solutions:
    """Return the solutions with one spelling for each number that is not one of `kept`."""
    rows = tuple(_row(row, kept) for row in solutions.rows)
    return Solutions(solutions.variables, rows, solutions.ordered)


def _row(row: Row, kept: frozenset[ox.Literal]) -> Row:
    return tuple(_term(term) if isinstance(term, ox.Literal) and term not in kept else term for term in row)


def _term(literal: ox.Literal) -> Term:
    spell = _BY_VALUE.get(literal.datatype.value)
    if spell is None:
        return literal
    try:
        return ox.Literal(spell(literal.value), datatype=literal.datatype)
    except (ValueError, OverflowError, InvalidOperation):
        return literal  # ill-formed: nothing but its letters
