"""Gives a query that is not pushed down an overlay with the readings that it can touch, for the graph's engine."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyoxigraph as ox

from server.twin.hybrid.checks import is_valid
from server.twin.hybrid.explain import Explained
from server.twin.hybrid.materialise import Materialiser, Wanted
from server.twin.hybrid.needs import everything, needs
from server.twin.hybrid.underway import Underway
from server.twin.hybrid.views import View
from server.twin.hybrid.vocabulary import parse_reading
from storage.errors import ByteLimitExceeded, QueryError, RowLimitExceeded
from storage.files import disk_errors
from storage.graph.guard import mentions_outbound
from storage.graph.queries import Limits, Query
from storage.series.engine import Stop

if TYPE_CHECKING:
    from server.twin.service import Twin

Asked = tuple[Query, Limits]
_QUADS = "the readings that the query needs as triples"
MOST_BINDINGS, MOST_BYTES = 1_000_000, 1 << 30
_SHORT = 8192  # characters; a longer text is not read a second time to see whether it is a query


class Preparing:
    """Prepares queries over a view of a twin's graph."""

    def __init__(self, twin: Twin, view: View, public_url: str) -> None:
        self._twin = twin
        self._settings = twin.settings
        self._view = view
        self._public_url = public_url

    def prepared(self, query: Query, limits: Limits, explained: Explained, underway: Underway) -> Asked:
        """Return a query with its overlay, and its limits, which have begun."""
        if not _may_be_valid(query.text):
            return query, limits  # whose error the engine tells
        with disk_errors(_QUADS):
            overlay = self._view.overlay()
        started = time.monotonic()
        try:
            wanted = self._wanted(query, limits)
            materialiser = self._materialiser(limits, underway.stop)
            with disk_errors(_QUADS):
                if self._view.facts(limits).are_plain:
                    overlay.stand_apart()
                written = materialiser.write(wanted, overlay.quads, limits)
            underway.check()
            explained.path = "materialised" if wanted == everything() else "mixed"
            explained.graph, explained.rows["materialised"] = [query.text], written
            explained.seconds["materialise"] = time.monotonic() - started
            return replace(query, overlay=overlay), limits
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
            observed = self._view.facts(limits).observed
            return found.wanted(candidates, datetime.now(UTC).replace(tzinfo=None), observed=observed)
        except QueryError:  # whatever it is, the query itself has it too, or none
            return everything()

    def _solutions(self, query: Query, limits: Limits) -> ox.QuerySolutions:
        """Return the solutions of a SELECT to the graph alone, as many as may be in memory."""
        held = replace(limits, rows=MOST_BINDINGS, bytes=MOST_BYTES)
        found = ox.parse_query_results(self._view.run(query, held).read(), ox.QueryResultsFormat.JSON)
        assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - it is a SELECT, for the type checker
        return found

    def _materialiser(self, limits: Limits, stop: Stop | None = None) -> Materialiser:
        kinds, most = self._view.facts(limits).kinds, self._settings.hybrid_readings
        return Materialiser(self._twin.series, self._view.index(limits), kinds, most, self._public_url, stop)

    def observation(self, series: str, moment: str) -> bytes | None:
        """Return the triples of the reading whose IRI ends so, as N-Quads; None where there is none."""
        known = parse_reading(series, moment)
        if known is None:
            return None
        overlay = self._view.overlay()
        limits = Limits(self._settings.query_seconds).begun()
        try:
            self._materialiser(limits).write(Wanted.single((known,)), overlay.quads, limits)
            return overlay.quads.read_bytes() or None
        finally:
            overlay.close()


def _may_be_valid(text: str) -> bool:
    return len(text) >= _SHORT or mentions_outbound(text) or "ask" in text.lower() or is_valid(text)
