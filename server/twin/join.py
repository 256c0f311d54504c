"""The join: a SPARQL SELECT names points and carries columns along, readings of their series follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyoxigraph as ox

from ontologies.identity import parse_uuid
from server.errors import bad_request
from server.twin.paging import Cursor
from server.twin.resolve import PointIndex
from server.twin.terms import Term, column_as, column_of, text_of
from storage.series.selection import Selection

POINT = "point"
MOST_WIDE_COLUMNS = 5_000
_TAKEN = frozenset({"id", "time", "value", "text", "status"})


@dataclass(frozen=True, slots=True)
class ReadingsRequest:
    """Which points (a SELECT with `?point`, or identifiers; with neither, all points), and what of their readings."""

    query: str | None = None
    points: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    after: Cursor | None = None

    @property
    def text(self) -> str:
        """What a person reads of it."""
        return self.query or f"# readings of {f'{len(self.points):,}' if self.points else 'all'} points"


def buckets(selection: Selection, stats: pa.Table) -> int:
    """Return how many buckets the window has, at most; open ends are those of the readings."""
    firsts, lasts = (sorted(filter(None, stats.column(name).to_pylist())) for name in ("first", "last"))
    if selection.step is None or not firsts:
        return 0
    start, end = selection.window.start or firsts[0], selection.window.end or lasts[-1]
    step = selection.step.time or timedelta(days=28) * selection.step.months
    return max(0, (end - start) // step + 2)


def bindings_of(variables: Sequence[str], rows: Sequence[Sequence[Term]], index: PointIndex) -> pa.Table:
    """Return the solutions as a table: `point` and the carried columns as selected, and `id`, the series.

    Solutions without a point that has a series are left out. Raises a 400 problem where there is no ?point,
    where a carried name is taken, or where no solution has a point.
    """
    key = _point_variable(variables)
    ids = [_series_of(row[key], index) for row in rows]
    kept = [i for i, found in enumerate(ids) if found]
    if rows and not kept:
        raise bad_request(
            f"?{variables[key]} is no point in any of the {len(rows):,} solutions, such as {text_of(rows[0][key])}",
            hint="?point must be the IRI of a point with a series, or a series' UUID",
        )
    columns = {name: _carried([rows[i][n] for i in kept]) for n, name in enumerate(variables)}
    return pa.table({**columns, "id": pa.array([ids[i] for i in kept], pa.string())})


def _carried(terms: Sequence[Term]) -> pa.Array[Any]:
    """Return a column to carry along; times without a zone as text: among readings they would be those of UTC."""
    column = column_of(terms)
    return column_as(terms, None) if column.type == pa.timestamp("us") else column


def _point_variable(variables: Sequence[str]) -> int:
    for name in variables:
        if name in _TAKEN:
            raise bad_request(f"?{name} is the name of a column of readings", hint="select it under another name")
    if POINT in variables:
        return variables.index(POINT)
    if len(variables) == 1:
        return 0
    raise bad_request("the query selects no ?point", hint="SELECT ?point and whatever columns to carry along")


def _series_of(term: Term, index: PointIndex) -> str | None:
    if isinstance(term, ox.NamedNode) and (point := index.by_iri.get(term.value)):
        return str(point.uuid)
    uuid = parse_uuid(term.value) if isinstance(term, ox.Literal | ox.NamedNode) else None
    return str(uuid) if uuid else None


def bindings_of_points(identifiers: Sequence[str], index: PointIndex) -> pa.Table:
    """Return `point` and `id` for identifiers (see PointIndex.series); of none: all points.

    Raises a 400 problem that names the first unknown one.
    """
    if not identifiers:
        named = [(point.point, str(point.uuid)) for point in index.points]
    else:
        named = [_named(identifier, index) for identifier in identifiers]
    return pa.table(
        {POINT: pa.array([n for n, _ in named], pa.string()), "id": pa.array([u for _, u in named], pa.string())}
    )


def _named(identifier: str, index: PointIndex) -> tuple[str, str]:
    uuid = index.series(identifier)
    if uuid is None:
        reason = "is the id of several points" if index.ambiguous(identifier) else "is no point"
        raise bad_request(f'"{identifier}" {reason}', hint="name a point by its IRI or UUID; GET /points lists them")
    point = index.by_uuid.get(uuid)
    return (point.point if point else uuid.urn, str(uuid))


def wide_names(bindings: pa.Table, labels: dict[str, str]) -> list[str]:
    """Return a name for each row of `bindings`, all different: for the columns of an answer that has one each.

    The first of these that differ from row to row: a selected ?column, all carried values together (of IRIs the last
    part, else all of them), labels, the last part of the points' IRIs, these IRIs with the row's number.
    """
    if bindings.num_rows > MOST_WIDE_COLUMNS:
        raise bad_request(
            f"a wide answer would have {bindings.num_rows:,} columns", hint="ask for shape=long, or for fewer points"
        )
    key = POINT if POINT in bindings.column_names else bindings.column_names[0]
    points = [str(point) for point in bindings.column(key).to_pylist()]
    carried = [name for name in bindings.column_names if name not in (key, "id")]
    rows = bindings.select(carried).to_pylist()
    candidates = [
        [str(row.get("column") or "") for row in rows],
        [" ".join(_last_part(str(value)) for value in row.values() if value is not None) for row in rows],
        [" ".join(str(value) for value in row.values() if value is not None) for row in rows],
        [labels.get(point, "") for point in points],
        [_last_part(point) for point in points],
    ]
    for names in candidates:
        if all(names) and len(set(names)) == len(names) and "time" not in names:
            return names
    return [f"{point} {number}" for number, point in enumerate(points, 1)]


def _last_part(text: str) -> str:
    """Return what follows the last `#` or `/` of an IRI; another text as it is."""
    return text.replace("#", "/").rsplit("/", 1)[-1] if "://" in text or text.startswith("urn:") else text
