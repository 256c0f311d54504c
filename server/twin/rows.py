"""The solutions of a SELECT as terms, all of them in memory."""

from __future__ import annotations

from dataclasses import dataclass

import pyoxigraph as ox

from server.errors import Problem
from server.twin.terms import Term


@dataclass(frozen=True, slots=True)
class Solutions:
    """The variables and rows of a SELECT."""

    variables: tuple[str, ...]
    rows: list[tuple[Term, ...]]


def solutions_of(body: bytes) -> Solutions:
    """Return the solutions in an answer in JSON. Raises a 400 problem for the answer to another query form."""
    found = ox.parse_query_results(body, ox.QueryResultsFormat.JSON)
    if not isinstance(found, ox.QuerySolutions):
        raise Problem(400, "bad-request", "the query is no SELECT")
    variables = tuple(variable.value for variable in found.variables)
    return Solutions(variables, [tuple(row[name] for name in variables) for row in found])
