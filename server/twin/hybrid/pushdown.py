"""Plans what of a query goes to the readings as a statement of theirs, and asks the graph for its part of that."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from server.twin.columns import TSV, names_of, read_cells
from server.twin.hybrid.bindings import bindings
from server.twin.hybrid.cells import FORMATS
from server.twin.hybrid.checks import is_planned, is_valid
from server.twin.hybrid.describing import described
from server.twin.hybrid.explain import Explained
from server.twin.hybrid.facts import Facts
from server.twin.hybrid.forms import Form, form_of
from server.twin.hybrid.inlining import MOST_ROWS, Inner, any_values, inlined, inner_queries, values
from server.twin.hybrid.plan import Plan, plan
from server.twin.hybrid.preparing import MOST_BINDINGS, MOST_BYTES
from server.twin.hybrid.pushed import Pushing
from server.twin.hybrid.underway import Underway
from server.twin.hybrid.views import View
from storage.errors import ByteLimitExceeded, RowLimitExceeded
from storage.graph.guard import Form as Kind
from storage.graph.guard import form, mentions_outbound
from storage.graph.queries import Limits, Query
from storage.graph.rewriting.tokens import NotUnderstood

if TYPE_CHECKING:
    from server.twin.service import Twin

_NESTED = re.compile(r"select|union", re.IGNORECASE)


class Pushdown:
    """Pushes queries down over a view of a twin's graph."""

    def __init__(self, twin: Twin, view: View, public_url: str, sees: Callable[[str], bool]) -> None:
        """`sees` tells whether a text sees readings."""
        self._twin = twin
        self._view = view
        self._public_url = public_url
        self._sees = sees

    def inlined(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Query:
        """Return a query with the solutions of the sub-queries that are pushed down."""
        answers = list[tuple[Inner, str]]()
        began = time.monotonic()
        for inner in self._inner(query):
            if any(inner.is_in(outer) for outer, _ in answers):
                continue
            with contextlib.suppress(NotUnderstood, RowLimitExceeded):
                first = replace(query, text=inner.text)
                answers.append((inner, values(self._solved(first, limits, explained, underway))))
        if not answers:
            return query
        explained.seconds["sub-queries"] = time.monotonic() - began
        return replace(query, text=inlined(query.text, answers))

    def _solved(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> bytes:
        """Return the few solutions of a SELECT that is answered first, in TSV. Raises NotUnderstood."""
        held = replace(limits, rows=MOST_ROWS)
        pushing = self.pushing(replace(query, format=TSV), limits, Explained(), underway)
        with contextlib.closing(pushing.texts(FORMATS[TSV], held)) as answer:
            found = answer.read()
        explained.series.append(pushing.sql)
        underway.is_sending, underway.rows = False, 0
        return found

    def described(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Query:
        """Return a DESCRIBE by a pattern as one by the IRIs that the pattern has; another query as it is."""
        began = time.monotonic()
        if "describe" not in query.text.lower() or not is_valid(query.text):
            return query
        try:
            found = described(query.text)
            if found is None:
                return query
            first = self.inlined(replace(query, text=found.select), limits, explained, underway)
            if self._sees(first.text):
                answer = self._solved(first, limits, explained, underway)
            else:
                held = replace(limits, rows=MOST_ROWS)
                answer = self._view.run(replace(first, format=TSV), held).read()
            text = found.of(answer)
        except (NotUnderstood, RowLimitExceeded):
            return query
        explained.seconds["described"] = time.monotonic() - began
        return replace(query, text=text)

    def _inner(self, query: Query) -> list[Inner]:
        """Return the sub-queries that see readings, of a query that is not one of the graph's own business."""
        if query.lease is not None or self._twin.settings.hybrid == "always" or not _NESTED.search(query.text, 1):
            return []
        if form(query.text) is Kind.DESCRIBE:  # that sees readings without naming them
            return []
        if not is_valid(query.text) or is_planned(query.text):
            return []
        return inner_queries(query.text, self._public_url)

    def with_some_solutions(self, query: Query) -> Query:
        """Return a query as if the sub-queries that are pushed down had one solution."""
        answers = list[tuple[Inner, str]]()
        for inner in self._inner(query):
            if any(inner.is_in(outer) for outer, _ in answers):
                continue
            with contextlib.suppress(NotUnderstood):
                answers.append((inner, any_values(plan_of(replace(query, text=inner.text)).names)))
        return replace(query, text=inlined(query.text, answers)) if answers else query

    def pushing(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Pushing:
        """Return what runs a query, once the graph's part of it is there. Raises NotUnderstood."""
        began = time.monotonic()
        planned = plan_of(query)
        explained.seconds["plan"] = time.monotonic() - began
        known = self._view.facts(limits)
        if not known.are_plain:
            raise NotUnderstood("the graph has observations of its own")
        underway.check()
        cells, rows = self._cells(planned, query, limits, known)
        explained.seconds["graph"] = time.monotonic() - began - explained.seconds["plan"]
        bound = bindings(planned, cells, rows, known.series)
        if known.mixed and known.mixed & set(bound.ids.to_pylist()):
            raise NotUnderstood("a series of points of several kinds")
        explained.rows |= {"graph": rows, "points": len(bound.ids)}
        explained.graph = [planned.graph] if planned.graph else []
        return Pushing(self._twin.series, planned, bound, self._public_url, underway)

    def _cells(
        self, planned: Plan, query: Query, limits: Limits, known: Facts
    ) -> tuple[Sequence[pa.Array[Any]], int]:
        """Return the cells of the carried variables in the graph's solutions, and how many solutions there are."""
        if not planned.graph:
            points = known.series.cells
            return [points for _ in planned.carried], len(points) if planned.carried else 1
        held = replace(limits, rows=MOST_BINDINGS, bytes=MOST_BYTES)
        try:
            body = self._view.run(Query(planned.graph, TSV, base=query.base), held).read()
        except (RowLimitExceeded, ByteLimitExceeded):
            raise NotUnderstood("too many solutions of the graph to hold") from None
        head, _, lines = body.partition(b"\n")
        cells = read_cells(names_of(head), lines)
        return [cells.column(name) for name in planned.carried], cells.num_rows


def selected(query: Query) -> Form:
    """Return the SELECT of a query, and how its rows make the answer. Raises NotUnderstood."""
    found = form_of(query.text, query.format)
    if found.select != query.text and not is_valid(query.text):
        raise NotUnderstood("it is no SPARQL")
    return found


def plan_of(query: Query) -> Plan:
    """Return the plan of a query. Raises NotUnderstood."""
    text = query.text
    if not query.union or query.default_graphs is not None or query.named_graphs is not None:
        raise NotUnderstood("another default graph than the union of all")
    if query.lease is not None or mentions_outbound(text):
        raise NotUnderstood("SERVICE")
    planned = plan(text)
    if not is_valid(text):
        raise NotUnderstood("it is no SPARQL")
    return planned
