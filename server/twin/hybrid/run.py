"""Runs queries that see readings: pushed down where that gives the same, else by the graph's engine over quads."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from server.twin.hybrid.explain import Explained
from server.twin.hybrid.forms import Form
from server.twin.hybrid.needs import needs
from server.twin.hybrid.plan import ALWAYS
from server.twin.hybrid.preparing import Asked, Preparing
from server.twin.hybrid.pushdown import Pushdown, plan_of, selected
from server.twin.hybrid.pushed import Pushed, Pushing
from server.twin.hybrid.statement import statement
from server.twin.hybrid.underway import Queries
from server.twin.hybrid.views import After, Now, View
from server.twin.hybrid.vocabulary import mentions
from server.twin.solutions import TypedSolutions
from storage.graph.queries import Limits, Query
from storage.graph.results import Result
from storage.graph.rewriting.tokens import NotUnderstood

if TYPE_CHECKING:
    from server.twin.service import Twin

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
Take = Callable[[Pushing, Form, Limits, contextlib.ExitStack], T]
_SLOW = 5.0  # seconds
_SHORT = 8192  # characters; what is known of longer texts is not kept


class Hybrid:
    """The queries of a twin that see readings, over a view of its graph."""

    def __init__(self, twin: Twin, before: Hybrid | None = None, view: View | None = None) -> None:
        self._twin = twin
        self._settings = twin.settings
        self.public_url = twin.settings.public_url.rstrip("/")
        self._view = view or Now(twin, self.public_url)
        self.queries: Queries = before.queries if before is not None else Queries(twin.readers)
        self._pushdown = Pushdown(twin, self._view, self.public_url, self.sees)
        self._preparing = Preparing(twin, self._view, self.public_url)
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
        began, limits = time.monotonic(), limits.begun()
        with contextlib.ExitStack() as ending:
            underway = ending.enter_context(self.queries.noted(query.text))
            try:
                query = self._pushdown.inlined(query, limits, explained, underway)
                if not self.sees(query.text):
                    explained.path, explained.graph = "pushed", [query.text]
                    return query, limits
                form = selected(query)
                asked = replace(query, text=form.select)
                pushing = self._pushdown.pushing(asked, limits, explained, underway)
                found = take(pushing, form, limits, ending)
                explained.path = "pushed"
                explained.series.append(pushing.sql)
                explained.seconds["series"] = time.monotonic() - began - sum(explained.seconds.values())
            except NotUnderstood as error:
                explained.above = f"all, since it is not pushed down: {error}"
            else:
                return found
            finally:
                _note_slow(query, explained, time.monotonic() - began)
            query = self._pushdown.described(query, limits, explained, underway)
            prepared = self._preparing.prepared(query, limits, explained, underway)
        _note_slow(query, explained, time.monotonic() - began)
        return prepared

    def observation(self, series: str, moment: str) -> bytes | None:
        """Return the triples of the reading whose IRI ends so, as N-Quads; None where there is none."""
        return self._preparing.observation(series, moment)

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
            query = self._pushdown.with_some_solutions(query)
            if not self.sees(query.text):
                explained.path = "pushed"
                return explained
            planned = plan_of(replace(query, text=selected(query).select))
        except NotUnderstood as error:
            explained.path = "mixed" if needs(query.text) else "materialised"
            explained.above = f"all, since it is not pushed down: {error}"
            return explained
        explained.path, explained.graph = "pushed", [planned.graph] if planned.graph else []
        explained.series = [statement(planned, ALWAYS, datetime.now(UTC).replace(tzinfo=None)).sql]
        return explained


def _note_slow(query: Query, explained: Explained, seconds: float) -> None:
    """Log what takes long until its first bytes."""
    if seconds > _SLOW and explained.path != "graph":
        _LOG.warning("slow query (%.1f s): %s %s", seconds, " ".join(query.text.split()), explained.document())
