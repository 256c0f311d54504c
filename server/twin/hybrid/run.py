"""Runs queries that see readings: pushed down where that gives the same, else by the graph's engine over quads."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyoxigraph as ox

from server.twin.columns import TSV, names_of, read_cells
from server.twin.hybrid.bindings import bindings
from server.twin.hybrid.cells import FORMATS
from server.twin.hybrid.describing import described
from server.twin.hybrid.explain import Explained
from server.twin.hybrid.facts import Facts
from server.twin.hybrid.forms import Form, form_of
from server.twin.hybrid.inlining import MOST_ROWS, Inner, any_values, inlined, inner_queries, values
from server.twin.hybrid.materialise import Materialiser, Wanted
from server.twin.hybrid.needs import everything, needs
from server.twin.hybrid.plan import ALWAYS, Plan, plan
from server.twin.hybrid.pushed import Pushed, Pushing
from server.twin.hybrid.statement import statement
from server.twin.hybrid.underway import Queries, Underway
from server.twin.hybrid.views import After, Now, View
from server.twin.hybrid.vocabulary import mentions, parse_reading
from server.twin.solutions import TypedSolutions
from storage.errors import ByteLimitExceeded, DeadlineExceeded, QueryError, RowLimitExceeded
from storage.graph.extensions import extensions
from storage.graph.guard import Form as Kind
from storage.graph.guard import form, mentions_outbound
from storage.graph.readers import Limits, Query
from storage.graph.results import Result
from storage.graph.rewriting import ask
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.engine import Stop

if TYPE_CHECKING:
    from server.twin.service import Twin

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
Asked = tuple[Query, Limits]
Take = Callable[[Pushing, Form, Limits, contextlib.ExitStack], T]
_MOST_BINDINGS, _MOST_BYTES = 1_000_000, 1 << 30
_SLOW = 5.0  # seconds
_NESTED = re.compile(r"select|union", re.IGNORECASE)
_SHORT = 8192  # characters; what is known of longer texts is not kept


class Hybrid:
    """The queries of a twin that see readings, over a view of its graph."""

    def __init__(self, twin: Twin, before: Hybrid | None = None, view: View | None = None) -> None:
        self._twin = twin
        self._settings = twin.settings
        self.public_url = twin.settings.public_url.rstrip("/")
        self._view = view or Now(twin, self.public_url)
        self.queries: Queries = before.queries if before is not None else Queries(twin.readers)
        self._mentions = lru_cache(4096)(partial(mentions, public_url=self.public_url))

    def after(self, update: str, base_iri: str | None) -> Hybrid:
        """Return the queries over the graph as an update would leave it, which is not made."""
        return Hybrid(self._twin, self, After(self._twin, self.public_url, update, base_iri))

    def sees(self, text: str) -> bool:
        """Tell whether a query or an update sees readings."""
        if self._settings.hybrid == "always":
            return True
        return self._mentions(text) if len(text) < _SHORT else mentions(text, self.public_url)

    def run(self, query: Query, limits: Limits) -> Result | Pushed:
        """Start any query: one that sees readings, and one of the graph alone. Raises as `answer` does."""
        if self.sees(query.text):
            found = self.answer(query, limits)
            if isinstance(found, Pushed):
                return found
            query, limits = found
        return self._view.run(query, limits)

    def answer(self, query: Query, limits: Limits, explained: Explained | None = None) -> Pushed | Asked:
        """Return the answer on its way; or the query with all that it needs as an overlay, and the time that is left.

        Raises the errors of a query, DeadlineExceeded, Cancelled, or a 413 problem for too many readings.
        """

        def start(pushing: Pushing, form: Form, limits: Limits, ending: contextlib.ExitStack) -> Pushed:
            answer = pushing.texts(form.rows, limits)
            answer.chunks = form.answer(answer.chunks)
            kept = ending.pop_all()
            kept.callback(answer.close)
            answer.close = kept.close
            return answer

        return self._answer(query, limits, explained or Explained(), start)

    def typed(self, query: Query, limits: Limits) -> TypedSolutions | Asked:
        """Return the whole answer to a SELECT in typed columns; or as `answer` does."""

        def take(pushing: Pushing, _: Form, limits: Limits, __: contextlib.ExitStack) -> TypedSolutions:
            return pushing.typed(limits, self._twin.directory.root)

        return self._answer(query, limits, Explained(), take)

    def _answer(self, query: Query, limits: Limits, explained: Explained, take: Take[T]) -> T | Asked:
        """Answer a query, which is listed until then, or until its `ending` that `take` keeps."""
        began = time.monotonic()
        with contextlib.ExitStack() as ending:
            underway = ending.enter_context(self.queries.noted(query.text))
            try:
                query = self._inlined(query, limits, explained, underway)
                if not self.sees(query.text):
                    explained.path, explained.graph = "pushed", [query.text]
                    return query, rest_of(limits, began)
                form = self._form(query)
                asked = replace(query, text=form.select)
                pushing = self._pushing(asked, rest_of(limits, began), explained, underway)
                found = take(pushing, form, rest_of(limits, began), ending)
                explained.path = "pushed"
                explained.series.append(pushing.sql)
                explained.seconds["series"] = time.monotonic() - began - sum(explained.seconds.values())
            except NotUnderstood as error:
                explained.above = f"all, since it is not pushed down: {error}"
            else:
                return found
            finally:
                _note_slow(query, explained, time.monotonic() - began)
            query = self._described(query, rest_of(limits, began), explained, underway)
            prepared = self._prepared(query, limits, began, explained, underway)
        _note_slow(query, explained, time.monotonic() - began)
        return prepared

    def _inlined(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Query:
        """Return a query with the solutions of the sub-queries that are pushed down."""
        answers = list[tuple[Inner, str]]()
        began = time.monotonic()
        for inner in self._inner(query):
            if any(inner.is_in(outer) for outer, _ in answers):
                continue
            with contextlib.suppress(NotUnderstood, RowLimitExceeded):
                first = replace(query, text=inner.text)
                answers.append((inner, values(self._solved(first, rest_of(limits, began), explained, underway))))
        if not answers:
            return query
        explained.seconds["sub-queries"] = time.monotonic() - began
        return replace(query, text=inlined(query.text, answers))

    def _solved(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> bytes:
        """Return the few solutions of a SELECT that is answered first, in TSV. Raises NotUnderstood."""
        held = replace(limits, rows=MOST_ROWS)
        pushing = self._pushing(replace(query, format=TSV), limits, Explained(), underway)
        with contextlib.closing(pushing.texts(FORMATS[TSV], held)) as answer:
            found = answer.read()
        explained.series.append(pushing.sql)
        underway.is_sending, underway.rows = False, 0
        return found

    def _described(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Query:
        """Return a DESCRIBE by a pattern as one by the IRIs that the pattern has; another query as it is."""
        began = time.monotonic()
        if "describe" not in query.text.lower() or not _is_valid(query.text):
            return query
        try:
            found = described(query.text)
            if found is None:
                return query
            first = self._inlined(replace(query, text=found.select), limits, explained, underway)
            if self.sees(first.text):
                answer = self._solved(first, rest_of(limits, began), explained, underway)
            else:
                held = replace(rest_of(limits, began), rows=MOST_ROWS)
                answer = self._view.run(replace(first, format=TSV), held).read()
            text = found.of(answer)
        except (NotUnderstood, RowLimitExceeded):
            return query
        explained.seconds["described"] = time.monotonic() - began
        return replace(query, text=text)

    def _inner(self, query: Query) -> list[Inner]:
        """Return the sub-queries that see readings, of a query that is not one of the graph's own business."""
        if query.lease is not None or self._settings.hybrid == "always" or not _NESTED.search(query.text, 1):
            return []
        if form(query.text) is Kind.DESCRIBE:  # that sees readings without naming them
            return []
        if not _is_valid(query.text) or _is_planned(query.text):
            return []
        return inner_queries(query.text, self.public_url)

    def explain(self, query: Query, limits: Limits, *, run: bool = True) -> Explained:
        """Plan a query, and run it unless told otherwise; return what became of it. Raises what it raises."""
        explained, began = Explained(), time.monotonic()
        if not run:
            return self._explained_plan(query, explained)
        if self.sees(query.text):
            found = self.answer(query, limits, explained)
        else:
            explained.graph, found = [query.text], (query, limits)
        result = found if isinstance(found, Pushed) else self._view.run(*found)
        with contextlib.closing(result):
            for _ in result:
                pass
        explained.rows["answer"] = result.rows
        explained.seconds["all"] = time.monotonic() - began
        return explained

    def _explained_plan(self, query: Query, explained: Explained) -> Explained:
        explained.graph = [query.text]
        if not self.sees(query.text):
            return explained
        try:
            query = self._with_some_solutions(query)
            if not self.sees(query.text):
                explained.path = "pushed"
                return explained
            planned = self._plan(replace(query, text=self._form(query).select))
        except NotUnderstood as error:
            explained.path = "mixed" if needs(query.text) else "materialised"
            explained.above = f"all, since it is not pushed down: {error}"
            return explained
        explained.path, explained.graph = "pushed", [planned.graph] if planned.graph else []
        explained.series = [statement(planned, ALWAYS, _now()).sql]
        return explained

    def _with_some_solutions(self, query: Query) -> Query:
        """Return a query as if the sub-queries that are pushed down had one solution."""
        answers = list[tuple[Inner, str]]()
        for inner in self._inner(query):
            if any(inner.is_in(outer) for outer, _ in answers):
                continue
            with contextlib.suppress(NotUnderstood):
                answers.append((inner, any_values(self._plan(replace(query, text=inner.text)).names)))
        return replace(query, text=inlined(query.text, answers)) if answers else query

    def observation(self, series: str, moment: str) -> bytes | None:
        """Return the triples of the reading whose IRI ends so, as N-Quads; None where there is none."""
        known = parse_reading(series, moment)
        if known is None:
            return None
        overlay = self._view.overlay()
        try:
            self._materialiser().write(Wanted.single((known,)), overlay.quads, self._settings.query_seconds)
            return overlay.quads.read_bytes() or None
        finally:
            overlay.close()

    def _pushing(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Pushing:
        """Return what runs a query, once the graph's part of it is there. Raises NotUnderstood."""
        began = time.monotonic()
        planned = self._plan(query)
        explained.seconds["plan"] = time.monotonic() - began
        known = self._view.facts
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
        return Pushing(self._twin.series, planned, bound, self.public_url, underway)

    def _form(self, query: Query) -> Form:
        """Return the form of a query. Raises NotUnderstood."""
        form = form_of(query.text, query.format)
        if form.select != query.text and not _is_valid(query.text):
            raise NotUnderstood("it is no SPARQL")
        return form

    def _plan(self, query: Query) -> Plan:
        """Return the plan of a query. Raises NotUnderstood."""
        text = query.text
        if not query.union or query.default_graphs is not None or query.named_graphs is not None:
            raise NotUnderstood("another default graph than the union of all")
        if query.lease is not None or mentions_outbound(text):
            raise NotUnderstood("SERVICE")
        planned = plan(text)
        if not _is_valid(text):
            raise NotUnderstood("it is no SPARQL")
        return planned

    def _cells(
        self, planned: Plan, query: Query, limits: Limits, known: Facts
    ) -> tuple[Sequence[pa.Array[Any]], int]:
        """Return the cells of the carried variables in the graph's solutions, and how many solutions there are."""
        if not planned.graph:
            points = known.series.cells
            return [points for _ in planned.carried], len(points) if planned.carried else 1
        held = replace(limits, rows=_MOST_BINDINGS, bytes=_MOST_BYTES)
        try:
            body = self._view.run(Query(planned.graph, TSV, base=query.base), held).read()
        except (RowLimitExceeded, ByteLimitExceeded):
            raise NotUnderstood("too many solutions of the graph to hold") from None
        head, _, lines = body.partition(b"\n")
        cells = read_cells(names_of(head), lines)
        return [cells.column(name) for name in planned.carried], cells.num_rows

    def _solutions(self, query: Query, limits: Limits) -> ox.QuerySolutions:
        """Return the solutions of a SELECT to the graph alone, as many as may be in memory."""
        held = replace(limits, rows=_MOST_BINDINGS, bytes=_MOST_BYTES)
        found = ox.parse_query_results(self._view.run(query, held).read(), ox.QueryResultsFormat.JSON)
        assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - it is a SELECT, for the type checker
        return found

    def _prepared(
        self, query: Query, limits: Limits, began: float, explained: Explained, underway: Underway
    ) -> Asked:
        if not self._may_be_valid(query.text):
            return query, limits  # whose error the engine tells
        overlay = self._view.overlay()
        started = time.monotonic()
        try:
            wanted = self._wanted(query, rest_of(limits, began))
            materialiser = self._materialiser(underway.stop)
            if self._view.facts.are_plain:
                overlay.stand_apart()
            written = materialiser.write(wanted, overlay.quads, rest_of(limits, began).seconds)
            underway.check()
            explained.path = "materialised" if wanted == everything() else "mixed"
            explained.graph, explained.rows["materialised"] = [query.text], written
            explained.seconds["materialise"] = time.monotonic() - started
            return replace(query, overlay=overlay), rest_of(limits, began)
        except BaseException:
            overlay.close()
            raise

    def _wanted(self, query: Query, limits: Limits) -> Wanted:
        """Return what a query can touch, as far as its text and the graph tell."""
        found = (
            needs(query.text, self.public_url) if self._settings.hybrid != "always" and query.lease is None else None
        )
        if found is None:
            return everything()

        def candidates(text: str) -> frozenset[str] | None:
            try:
                terms = [row[0] for row in self._solutions(Query(text), limits)]
            except (RowLimitExceeded, ByteLimitExceeded):
                return None
            return None if None in terms else frozenset(t.value for t in terms if isinstance(t, ox.NamedNode))

        try:
            return found.wanted(candidates, _now(), observed=self._view.facts.observed)
        except QueryError:  # whatever it is, the query itself has it too, or none
            return everything()

    @staticmethod
    def _may_be_valid(text: str) -> bool:
        return len(text) >= _SHORT or mentions_outbound(text) or "ask" in text.lower() or _is_valid(text)

    def _materialiser(self, stop: Stop | None = None) -> Materialiser:
        twin = self._twin
        kinds, most = self._view.facts.kinds, self._settings.hybrid_readings
        return Materialiser(twin.series, self._view.index, kinds, most, self.public_url, stop)


@lru_cache(1024)
def _is_valid(text: str) -> bool:
    """Tell whether a text is a query that the engine takes. It opens no connection, nor reads more than the text."""
    try:
        ask(text, lambda instead: ox.Store().query(instead, base_iri="http://localhost/", **extensions(instead)))
    except SyntaxError:
        return False
    except (RuntimeError, ValueError):
        return True
    return True


def _is_planned(text: str) -> bool:
    """Tell whether a query is pushed down as a whole."""
    try:
        plan(text)
    except NotUnderstood:
        return False
    return True


def _note_slow(query: Query, explained: Explained, seconds: float) -> None:
    """Log what takes long until its first bytes."""
    if seconds > _SLOW and explained.path != "graph":
        _LOG.warning("slow query (%.1f s): %s %s", seconds, " ".join(query.text.split()), explained.document())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def rest_of(limits: Limits, began: float) -> Limits:
    """Return the limits with what is left of the time. Raises DeadlineExceeded where nothing is."""
    left = limits.seconds - (time.monotonic() - began)
    if left <= 0:
        raise DeadlineExceeded(f"the query took longer than {limits.seconds:g} s")
    return replace(limits, seconds=left)
