"""Runs queries that see readings."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from server.twin.cache import PerGeneration
from server.twin.hybrid.kinds import Kinds, kinds_query, read_kinds
from server.twin.hybrid.materialise import Materialiser, Wanted
from server.twin.hybrid.vocabulary import mentions
from storage.errors import DeadlineExceeded
from storage.graph.overlay import Overlay
from storage.graph.readers import Limits, Query

if TYPE_CHECKING:
    from server.twin.service import Twin

_SHORT = 8192  # characters; what is known of longer texts is not kept


class Hybrid:
    """The queries of a twin that see readings."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._settings = twin.settings
        self._kinds = PerGeneration(lambda: twin.graph.generation, self._read_kinds)
        self._mentions = lru_cache(4096)(lambda text: mentions(text, twin.settings.public_url))

    def sees(self, text: str) -> bool:
        """Tell whether a query or an update sees readings."""
        if self._settings.hybrid == "always":
            return True
        return self._mentions(text) if len(text) < _SHORT else mentions(text, self._settings.public_url)

    def prepared(self, query: Query, limits: Limits) -> tuple[Query, Limits]:
        """Return a query with the readings that it sees as an overlay, and what is left of its time.

        Raises DeadlineExceeded, or a 413 problem for too many readings.
        """
        began = time.monotonic()
        overlay = Overlay(self._twin.directory.snapshots)
        try:
            self._materialiser().write(Wanted(), overlay.quads, limits.seconds)
            return replace(query, overlay=overlay), _rest(limits, began)
        except BaseException:
            overlay.close()
            raise

    def _materialiser(self) -> Materialiser:
        twin, settings = self._twin, self._settings
        return Materialiser(
            twin.series, twin.index, self._kinds.get(), settings.hybrid_readings, settings.public_url.rstrip("/")
        )

    def _read_kinds(self) -> Kinds:
        return read_kinds(self._twin.select(kinds_query()).rows)


def _rest(limits: Limits, began: float) -> Limits:
    """Return the limits with what is left of the time. Raises DeadlineExceeded where nothing is."""
    left = limits.seconds - (time.monotonic() - began)
    if left <= 0:
        raise DeadlineExceeded(f"the query took longer than {limits.seconds:g} s")
    return replace(limits, seconds=left)
