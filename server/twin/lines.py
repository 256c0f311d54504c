"""Takes line protocol in: the points that its series need first, then the readings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import pyarrow as pa

from ontologies.points import find_points
from ontologies.written_points import point_quads
from server.settings import Settings
from server.tables.line_protocol.read import Batch
from server.twin.cache import PerGeneration
from server.twin.ingest import at_most, store_all
from server.twin.known_series import Known
from server.twin.resolve import PointIndex
from server.twin.series_keys import SeriesKeys
from storage.graph.store import GraphStore
from storage.series.store import SeriesStore

_AT_A_TIME = 10_000  # points in a commit to the graph, so that its memory stays bounded


class LineWriter:
    """Stores readings by the names that InfluxDB's clients give them."""

    def __init__(
        self, graph: GraphStore, series: SeriesStore, index: PerGeneration[PointIndex], settings: Settings
    ) -> None:
        self._graph = graph
        self._series = series
        self._index = index
        self._settings = settings
        self._known = Known()
        self._creating = threading.Lock()

    def write(self, batches: Iterator[Batch], store: str | None = None) -> int:
        """Store all readings or, when `batches` raises or a line is refused, none; returns how many.

        Durable and visible when it returns. The points that are needed are made before the readings are stored: a
        crash between the two leaves points without readings, and sending it again adds only these.
        """
        keys = self._keys(store)

        def rows() -> Iterator[pa.RecordBatch]:
            yield from map(keys.resolve, batches)
            self._create(keys.new, store)  # all has been read, so nothing can be refused any more
            keys.remember_new()

        store_all(self._series, at_most(rows(), self._settings.ingest_rows))
        return keys.readings

    def _keys(self, store: str | None) -> SeriesKeys:
        settings = self._settings
        latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=settings.future_days)
        create = settings.influx_unknown == "create"
        most = settings.influx_series
        return SeriesKeys(self._index.get(), self._known, store, settings.influx_tag, create, most, latest)

    def _create(self, new: dict[UUID, str], store: str | None) -> None:
        """Make the points, unless another request has made them meanwhile. Durable and visible when it returns."""
        items = iter(new.items())
        while some := dict(islice(items, _AT_A_TIME)):
            with self._creating:
                self._add(some, store)

    def _add(self, names: dict[UUID, str], store: str | None) -> None:
        index = self._index.get()
        quads = list(point_quads({uuid: name for uuid, name in names.items() if uuid not in index.by_uuid}, store))
        if not quads:
            return
        commit = self._graph.add(quads)
        grown = index.extended(find_points(quads))
        if grown is not None and self._index.put(commit, index, grown):
            self._known.grow(index, grown)
