"""Runs queries that see readings: pushed down where that gives the same, else by the graph's engine over quads."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyoxigraph as ox

from server.twin.cache import PerGeneration
from server.twin.columns import TSV, names_of, read_cells
from server.twin.hybrid.bindings import bindings
from server.twin.hybrid.cells import FORMATS
from server.twin.hybrid.explain import Explained
from server.twin.hybrid.facts import Facts, facts, predicates_query
from server.twin.hybrid.forms import Form, form_of
from server.twin.hybrid.inlining import MOST_ROWS, Inner, inlined, inner_queries, solution
from server.twin.hybrid.kinds import kinds_query, read_kinds
from server.twin.hybrid.materialise import Materialiser, Part, Wanted
from server.twin.hybrid.needs import everything, needs
from server.twin.hybrid.plan import ALWAYS, Plan, plan
from server.twin.hybrid.pushed import Pushed, Pushing
from server.twin.hybrid.statement import statement
from server.twin.hybrid.underway import Queries, Underway
from server.twin.hybrid.updates import MOST_SOLUTIONS, reads_readings, refuse_writes, where
from server.twin.hybrid.vocabulary import mentions, parse_reading
from server.twin.solutions import TypedSolutions
from storage.errors import ByteLimitExceeded, DeadlineExceeded, QueryError, RowLimitExceeded
from storage.graph.extensions import extensions
from storage.graph.guard import mentions_outbound
from storage.graph.overlay import Overlay
from storage.graph.readers import SPARQL_JSON, Limits, Query
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
_SHORT = 8192  # characters; what is known of longer texts is not kept


class Hybrid:
    """The queries of a twin that see readings."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._settings = twin.settings
        self._public_url = twin.settings.public_url.rstrip("/")
        self.queries = Queries(twin.readers)
        self._facts = PerGeneration(lambda: twin.graph.generation, self._read_facts)
        self._mentions = lru_cache(4096)(lambda text: mentions(text, self._public_url))

    def sees(self, text: str) -> bool:
        """Tell whether a query or an update sees readings."""
        if self._settings.hybrid == "always":
            return True
        return self._sees(text)

    def _sees(self, text: str) -> bool:
        return self._mentions(text) if len(text) < _SHORT else mentions(text, self._public_url)

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
                    return query, _rest(limits, began)
                form = self._form(query)
                asked = replace(query, text=form.select)
                pushing = self._pushing(asked, _rest(limits, began), explained, underway)
                found = take(pushing, form, _rest(limits, began), ending)
                explained.path = "pushed"
                explained.series.append(pushing.sql)
                explained.seconds["series"] = time.monotonic() - began - sum(explained.seconds.values())
            except NotUnderstood as error:
                explained.above = f"all, since it is not pushed down: {error}"
            else:
                return found
            finally:
                _note_slow(query, explained, time.monotonic() - began)
            prepared = self._prepared(query, limits, began, explained, underway)
        _note_slow(query, explained, time.monotonic() - began)
        return prepared

    def _inlined(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Query:
        """Return a query with the solutions of the sub-queries that are pushed down."""
        answers = list[tuple[Inner, bytes]]()
        began = time.monotonic()
        for inner in self._inner(query):
            asked = replace(query, text=inner.text, format=TSV)
            with contextlib.suppress(NotUnderstood, RowLimitExceeded):
                part = Explained()
                pushing = self._pushing(asked, _rest(limits, began), part, underway)
                with contextlib.closing(
                    pushing.texts(FORMATS[TSV], _rest(replace(limits, rows=MOST_ROWS), began))
                ) as answer:
                    answers.append((inner, answer.read()))
                explained.series.append(pushing.sql)
                underway.is_sending, underway.rows = False, 0
        if not answers:
            return query
        explained.seconds["sub-queries"] = time.monotonic() - began
        return replace(query, text=inlined(query.text, answers))

    def _inner(self, query: Query) -> list[Inner]:
        """Return the sub-queries that see readings, of a query that is not one of the graph's own business."""
        if query.lease is not None or self._settings.hybrid == "always" or "select" not in query.text[1:].lower():
            return []
        return inner_queries(query.text, self._public_url) if _is_valid(query.text) else []

    def explain(self, query: Query, limits: Limits, *, run: bool = True) -> Explained:
        """Plan a query, and run it unless told otherwise; return what became of it. Raises what it raises."""
        explained, began = Explained(), time.monotonic()
        if not run:
            return self._explained_plan(query, explained)
        if self.sees(query.text):
            found = self.answer(query, limits, explained)
        else:
            explained.graph, found = [query.text], (query, limits)
        result = found if isinstance(found, Pushed) else self._twin.readers.run(*found)
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
        answers = list[tuple[Inner, bytes]]()
        for inner in self._inner(query):
            with contextlib.suppress(NotUnderstood):
                names = self._plan(replace(query, text=inner.text)).names
                answers.append((inner, solution(names)))
        return replace(query, text=inlined(query.text, answers)) if answers else query

    def observation(self, series: str, moment: str) -> bytes | None:
        """Return the triples of the reading whose IRI ends so, as N-Quads; None where there is none."""
        known = parse_reading(series, moment)
        if known is None:
            return None
        part = Part.of_reading(self._twin.index, *known)
        overlay = Overlay(self._twin.directory.snapshots)
        try:
            self._materialiser().write(Wanted((part,), (part,)), overlay.quads, self._settings.query_seconds)
            return overlay.quads.read_bytes() or None
        finally:
            overlay.close()

    def answered(self, text: str, limits: Limits, *, base_iri: str | None, union: bool) -> str:
        """Return an update with the solutions for a WHERE that sees readings. Raises a 400 problem.

        What is committed between this and the update itself, it does not see.
        """
        refuse_writes(text)
        if not reads_readings(text, self._public_url):
            return text
        found = where(text)
        default = (ox.NamedNode(found.default[1:-1]).value,) if found.default else None
        query = Query(found.select, SPARQL_JSON, base=base_iri, union=union and not default, default_graphs=default)
        solutions = self._twin.solutions(query, replace(limits, rows=MOST_SOLUTIONS))
        return found.answered(solutions.rows)

    def _pushing(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Pushing:
        """Return what runs a query, once the graph's part of it is there. Raises NotUnderstood."""
        began = time.monotonic()
        planned = self._plan(query)
        explained.seconds["plan"] = time.monotonic() - began
        known = self._facts.get()
        if not known.are_plain:
            raise NotUnderstood("the graph has observations of its own")
        underway.check()
        cells, rows = self._cells(planned, query, limits)
        explained.seconds["graph"] = time.monotonic() - began - explained.seconds["plan"]
        bound = bindings(planned, cells, rows, self._twin.index, known.kinds)
        if known.mixed & set(bound.ids):
            raise NotUnderstood("a series of points of several kinds")
        explained.rows |= {"graph": rows, "points": len(bound.ids)}
        explained.graph = [planned.graph] if planned.graph else []
        return Pushing(self._twin.series, planned, bound, self._public_url, underway)

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

    def _cells(self, planned: Plan, query: Query, limits: Limits) -> tuple[Sequence[pa.Array[Any]], int]:
        """Return the cells of the carried variables in the graph's solutions, and how many solutions there are."""
        if not planned.graph:
            iris = [f"<{point.point}>" for point in self._twin.index.points] if planned.carried else []
            return [pa.array(iris, pa.string()) for _ in planned.carried], len(iris) if planned.carried else 1
        held = replace(limits, rows=_MOST_BINDINGS, bytes=_MOST_BYTES)
        try:
            body = self._twin.readers.run(Query(planned.graph, TSV, base=query.base), held).read()
        except (RowLimitExceeded, ByteLimitExceeded):
            raise NotUnderstood("too many solutions of the graph to hold") from None
        head, _, lines = body.partition(b"\n")
        cells = read_cells(names_of(head), lines)
        return [cells.column(name) for name in planned.carried], cells.num_rows

    def _solutions(self, query: Query, limits: Limits) -> ox.QuerySolutions:
        """Return the solutions of a SELECT to the graph alone, as many as may be in memory."""
        held = replace(limits, rows=_MOST_BINDINGS, bytes=_MOST_BYTES)
        found = ox.parse_query_results(self._twin.readers.run(query, held).read(), ox.QueryResultsFormat.JSON)
        assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - it is a SELECT, for the type checker
        return found

    def _prepared(
        self, query: Query, limits: Limits, began: float, explained: Explained, underway: Underway
    ) -> Asked:
        if not self._may_be_valid(query.text):
            return query, limits  # whose error the engine tells
        overlay = Overlay(self._twin.directory.snapshots)
        started = time.monotonic()
        try:
            wanted = self._wanted(query, _rest(limits, began))
            materialiser = self._materialiser(underway.stop)
            written = materialiser.write(wanted, overlay.quads, _rest(limits, began).seconds)
            underway.check()
            explained.path = "materialised" if wanted == everything() else "mixed"
            explained.graph, explained.rows["materialised"] = [query.text], written
            explained.seconds["materialise"] = time.monotonic() - started
            return replace(query, overlay=overlay), _rest(limits, began)
        except BaseException:
            overlay.close()
            raise

    def _wanted(self, query: Query, limits: Limits) -> Wanted:
        """Return what a query can touch, as far as its text and the graph tell."""
        found = (
            needs(query.text, self._public_url) if self._settings.hybrid != "always" and query.lease is None else None
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
            return found.wanted(self._twin.index, candidates, _now(), observed=self._facts.get().observed)
        except QueryError:  # whatever it is, the query itself has it too, or none
            return everything()

    @staticmethod
    def _may_be_valid(text: str) -> bool:
        return len(text) >= _SHORT or mentions_outbound(text) or "ask" in text.lower() or _is_valid(text)

    def _materialiser(self, stop: Stop | None = None) -> Materialiser:
        twin = self._twin
        kinds, most = self._facts.get().kinds, self._settings.hybrid_readings
        return Materialiser(twin.series, twin.index, kinds, most, self._public_url, stop)

    def _read_facts(self) -> Facts:
        twin = self._twin
        run: Callable[[str], list[tuple[object, ...]]] = lambda text: list(twin.graph_solutions(text).rows)  # noqa: E731
        kinds = read_kinds(run(kinds_query()))
        found = [term.value for (term,) in run(predicates_query(self._public_url)) if isinstance(term, ox.NamedNode)]
        return facts(found, twin.index.points, kinds)


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


def _note_slow(query: Query, explained: Explained, seconds: float) -> None:
    """Log what takes long until its first bytes."""
    if seconds > _SLOW and explained.path != "graph":
        _LOG.warning("slow query (%.1f s): %s %s", seconds, " ".join(query.text.split()), explained.document())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _rest(limits: Limits, began: float) -> Limits:
    """Return the limits with what is left of the time. Raises DeadlineExceeded where nothing is."""
    left = limits.seconds - (time.monotonic() - began)
    if left <= 0:
        raise DeadlineExceeded(f"the query took longer than {limits.seconds:g} s")
    return replace(limits, seconds=left)
