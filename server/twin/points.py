"""Every point with what the graph says of it and what its series has: the table behind /points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from ontologies.descriptions import PointDescription
from ontologies.points import PointSeries

_TIME = pa.timestamp("us")
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
