"""Numbers by value, where only their value is prescribed.

What a service computes (a sum, a cast) has a value and a datatype; `1.1E1` and `11` are the same answer. What it
stores must come back as it was written, so a literal of the data is compared by its letters, unless it is the answer
of a SUM or an AVG, which is computed even where the data have the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from functools import partial
from struct import pack, unpack

import pyoxigraph as ox

from tests.conformance.cases import Sources
from tests.conformance.rdf import Term, document
from tests.conformance.solutions import Solutions

XSD = "http://www.w3.org/2001/XMLSchema#"


_COMPUTED = re.compile(r"\(\s*(?:SUM|AVG)\s*\((?:(?!\bAS\b).)*\)\s*AS\s*\?(\w+)\s*\)", re.IGNORECASE | re.DOTALL)


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


def computed(query: str) -> frozenset[str]:
    """Return the variables that are the SUM or AVG of something."""
    return frozenset(_COMPUTED.findall(query))


def by_value(solutions: Solutions, kept: frozenset[ox.Literal], new: Collection[str] = ()) -> Solutions:
    """Return the solutions with one spelling for each number that is not of `kept`, or has a variable of `new`."""
    names = solutions.variables
    rows = tuple(tuple(map(partial(_spelt, kept, new), names, row)) for row in solutions.rows)
    return Solutions(names, rows, solutions.ordered)


def _spelt(kept: frozenset[ox.Literal], new: Collection[str], name: str, term: Term | None) -> Term | None:
    return _term(term) if isinstance(term, ox.Literal) and (name in new or term not in kept) else term


def _term(literal: ox.Literal) -> Term:
    spell = _BY_VALUE.get(literal.datatype.value)
    if spell is None:
        return literal
    try:
        return ox.Literal(spell(literal.value), datatype=literal.datatype)
    except (ValueError, OverflowError, InvalidOperation):
        return literal  # ill-formed: nothing but its letters
