"""Every point with what the graph says of it and what its series has: the table behind /points."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ontologies.descriptions import DESCRIBE_POINTS, PointDescription, describe_points
from ontologies.points import PointSeries
from server.twin.cache import PerGeneration
from storage.graph.queries import Limits, Query

if TYPE_CHECKING:
    from server.twin.service import Twin

_TIME = pa.timestamp("us")
_INSIDE = Limits(seconds=300.0)  # for our own questions, which grow with the graph
_FIELDS: list[tuple[str, pa.DataType]] = [
    *((name, pa.string()) for name in ("uuid", "iri", "label", "class", "unit")),
    *((name, pa.string()) for name in ("equipment", "room", "floor", "building", "series_id", "stored_at")),
    ("readings", pa.int64()),
    ("first", _TIME),
    ("last", _TIME),
    ("latest_time", _TIME),
    ("latest_value", pa.float64()),
    ("latest_text", pa.string()),
]
SCHEMA = pa.schema(_FIELDS)


class KnownPoints:
    """What a twin's graph says of its points: kept until the graph changes."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._descriptions = PerGeneration(lambda: twin.graph.generation, self._read)

    def _read(self) -> dict[str, PointDescription]:
        facts = {name: list(self._pairs(text)) for name, text in DESCRIBE_POINTS.items()}
        points = [point.point for point in self._twin.index.points]
        return {known.point: known for known in describe_points(points, facts)}

    def _pairs(self, text: str) -> Iterator[tuple[str, str]]:
        body = json.loads(self._twin.readers.run(Query(text), _INSIDE).read())
        for row in body["results"]["bindings"]:
            if "subject" in row and "value" in row:
                yield row["subject"]["value"], row["value"]["value"]

    def table(self, points: Sequence[PointSeries]) -> pa.Table:
        """Return what is known of points and of their series (SCHEMA), a row each."""
        descriptions, series = self._descriptions.get(), self._twin.series
        ids = [str(point.uuid) for point in points]
        pairs = [(p, descriptions.get(p.point) or PointDescription(p.point)) for p in points]
        return points_table(pairs, series.stats(ids), series.latest(ids))

    def labels(self, limits: Limits) -> dict[str, str]:
        """Return the labels of those that have one, by their IRIs. Raises DeadlineExceeded."""
        return {iri: known.label for iri, known in self._descriptions.get(limits.end).items() if known.label}

    def matching(self, search: str) -> list[PointSeries]:
        """Return the points with this text in their IRI, label or class, whatever the case."""
        known = self._descriptions.get()

        def texts(point: PointSeries) -> str:
            about = known.get(point.point) or PointDescription(point.point)
            return "\n".join((point.point, about.label or "", about.class_iri or "")).lower()

        return [point for point in self._twin.index.points if search.lower() in texts(point)]


def points_table(
    points: Sequence[tuple[PointSeries, PointDescription]], stats: pa.Table, latest: pa.Table
) -> pa.Table:
    """Return one row a point (SCHEMA). `stats` and `latest` are those of the series store, for these points."""
    by_id = _by_id(stats, ("rows", "first", "last"))
    newest = _by_id(latest, ("time", "value", "text"))
    rows = [
        (*_described(point, description), *by_id.get(str(point.uuid), (0, None, None)), *_newest(point, newest))
        for point, description in points
    ]
    columns = list(zip(*rows, strict=True)) or [() for _ in SCHEMA]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _described(point: PointSeries, known: PointDescription) -> Iterable[str | None]:
    own = (reference for reference in point.references if reference.id != str(point.uuid))  # the source's, if any
    reference = next(own, point.references[0] if point.references else None)
    return (
        *(str(point.uuid), point.point, known.label, known.class_iri, known.unit),
        *(known.equipment, known.room, known.floor, known.building),
        reference.id if reference else None,
        reference.stored_at if reference else None,
    )


def _newest(point: PointSeries, newest: dict[str, tuple[object, ...]]) -> tuple[object, ...]:
    return newest.get(str(point.uuid), (None, None, None))


def _by_id(table: pa.Table, names: Sequence[str]) -> dict[str, tuple[object, ...]]:
    columns = [table.column(name).to_pylist() for name in names]
    ids = (str(name) for name in table.column("id").to_pylist())
    return dict(zip(ids, zip(*columns, strict=True), strict=True))
