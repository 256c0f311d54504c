"""Where readings lie, and the SQL that reads them from there, each (id, time) once and as it was written last.

A *relation* is a SELECT with the columns `id` VARCHAR, `time` TIMESTAMP (UTC), `value` DOUBLE, `text` VARCHAR,
`status` VARCHAR, holding each (id, time) once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import duckdb

from storage.series.catalog import FOREVER, Segment
from storage.series.spans import Spans
from storage.series.sql import COLUMNS, parquet

_MICROSECOND = timedelta(microseconds=1)
Numbered = tuple[Path, int]  # a file and its seq


@dataclass(frozen=True, slots=True)
class Layers:
    """`clean` files are read as they are. From `pruned` ones, which overlap nothing either, something was deleted
    since they were written. What overlaps, `mixed` and hot rows, is told apart by `seq`: the highest counts.
    """

    clean: Sequence[Path] = ()
    pruned: Sequence[Numbered] = ()
    mixed: Sequence[Numbered] = ()
    hot: bool = True
    deletions: bool = False

    def __bool__(self) -> bool:
        """Tell whether there is anything to read."""
        return bool(self.clean or self.pruned or self.mixed or self.hot)


def relation(layers: Layers, condition: str = "true") -> str:
    """Return the relation of all readings in `layers` that meet a condition on `id` and `time`."""
    parts = [f"SELECT {COLUMNS} FROM {parquet(layers.clean)} WHERE {condition}"] if layers.clean else []
    parts += [f"SELECT {COLUMNS} FROM ({rows})" for rows in _numbered(layers.pruned, condition, deletions=True)]
    if layers.mixed or layers.hot:
        mixed = _numbered(layers.mixed, condition, deletions=layers.deletions)
        hot = [_hot(condition, deletions=layers.deletions)] if layers.hot else []
        parts.append(newest(" UNION ALL ".join([*hot, *mixed])))
    return " UNION ALL ".join(parts) or f"SELECT {COLUMNS} FROM ({_hot('false', deletions=False)})"


def _numbered(files: Sequence[Numbered], condition: str, *, deletions: bool) -> list[str]:
    """Return SELECTs of readings with their `seq`."""
    found = []
    for seq, group in groupby(sorted(files, key=lambda file: file[1]), key=lambda file: file[1]):
        paths = [path for path, _ in group]
        rows = f"SELECT {COLUMNS}, {seq}::BIGINT AS seq FROM {parquet(paths)} WHERE {condition}"
        found.append(kept(rows) if deletions else rows)
    return found


def _hot(condition: str, *, deletions: bool) -> str:
    rows = f"SELECT * FROM (SELECT id::VARCHAR AS id, time, value, text, status, seq FROM readings) WHERE {condition}"
    return kept(rows) if deletions else rows


def kept(rows: str) -> str:
    """Return rows (with `id` VARCHAR, `time`, `seq`) without those that were deleted."""
    deletions = "(SELECT id::VARCHAR AS id, first, last, seq FROM deletions)"
    # An anti join is 50 times faster than NOT EXISTS.
    return (
        f"SELECT * FROM ({rows}) AS r ANTI JOIN {deletions} AS d"
        " ON d.id = r.id AND d.seq > r.seq AND r.time >= d.first AND r.time < d.last"
    )


def archived(files: Sequence[Numbered], columns: str, condition: str = "true") -> str:
    """Return the rows of archives that meet a condition, without the hours of which something was deleted."""
    parts = [
        f"SELECT {columns}, {seq}::BIGINT AS seq FROM {parquet([path])} WHERE {condition}" for path, seq in files
    ]
    deletions = f"(SELECT id::VARCHAR AS id, first, last, seq FROM deletions WHERE seq < {FOREVER})"
    return (
        f"SELECT {columns} FROM (SELECT r.* FROM ({' UNION ALL '.join(parts)}) AS r ANTI JOIN {deletions} AS d"
        " ON d.id = r.id AND d.seq > r.seq AND d.first < r.time + INTERVAL 1 HOUR AND d.last > r.time)"
    )


def newest(rows: str) -> str:
    """Return the relation that keeps of each (id, time) the row with the highest `seq`."""
    return f"SELECT {COLUMNS} FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY id, time ORDER BY seq DESC) = 1"


class Days:
    """A set of days."""

    def __init__(self, days: Iterable[date]) -> None:
        self._days = sorted(set(days))

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def are_in(self, first: date, last: date) -> bool:
        """Tell whether one of them is from `first` to `last`."""
        place = bisect_left(self._days, first)
        return place < len(self._days) and self._days[place] <= last

    def meet(self, times: Spans) -> bool:
        """Tell whether one of them has one of the times."""
        return any(self.are_in(start.date(), (end - _MICROSECOND).date()) for start, end in times.intervals)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted with one number: times from `first` until just before `last`, of some series."""

    seq: int
    first: datetime
    last: datetime

    def meets(self, segment: Segment) -> bool:
        """Tell whether it is about times of a file that was written before."""
        return self.seq > segment.seq and self.first <= segment.last and self.last > segment.first


def days_between(cursor: duckdb.DuckDBPyConnection, first: datetime, last: datetime) -> Days:
    """Return the days of the hot readings, of which these are the first and the last time."""
    if last.date() - first.date() <= timedelta(days=1):
        return Days((first.date(), last.date()))
    return Days(day for (day,) in cursor.execute("SELECT DISTINCT time::DATE FROM readings").fetchall())


def days_of(cursor: duckdb.DuckDBPyConnection, runs: Sequence[Segment]) -> dict[int, Days]:
    """Return the days of each run."""
    if not runs:
        return {}
    numbers = [run.number for run in runs]
    found = cursor.execute(
        "SELECT segment, list(day) FROM segment_days WHERE segment IN (SELECT unnest(?::BIGINT[])) GROUP BY segment",
        [numbers],
    )
    return {number: Days(days) for number, days in found.fetchall()}


def deleted(cursor: duckdb.DuckDBPyConnection, *, some: bool) -> list[Deleted]:
    """Return what was deleted of all series, or with `some`, of those in `wanted`."""
    only = "WHERE id::VARCHAR IN (SELECT id FROM wanted)" if some else ""
    found = cursor.execute(f"SELECT seq, min(first), max(last) FROM deletions {only} GROUP BY seq").fetchall()
    return [Deleted(*row) for row in found]


def arrange(
    path: Callable[[Segment], Path],
    segments: Sequence[Segment],
    touched: Callable[[Segment], bool],
    gone: Sequence[Deleted],
    times: Spans,
    *,
    hot: bool,
) -> Layers:
    """Sort files into layers; `touched` tells whether a compacted one shares a day with what is not compacted."""
    hot_gone = hot and any(d.seq == FOREVER and times.meets(datetime.min, d.last) for d in gone)
    mixed = [s for s in segments if s.level == 0 or touched(s)]
    alone = [s for s in segments if s not in set(mixed)]
    pruned = [s for s in alone if any(deletion.meets(s) for deletion in gone)]
    return Layers(
        clean=[path(s) for s in alone if s not in set(pruned)],
        pruned=[(path(s), s.seq) for s in pruned],
        mixed=[(path(s), s.seq) for s in mixed],
        hot=hot,
        deletions=hot_gone or any(deletion.meets(s) for deletion in gone for s in mixed),
    )


def statistics(layers: Layers, *, some: bool) -> str:
    """Return `id, rows, first, last` of each series, or with `some` of those in `wanted`.

    The catalog's counts hold for a series whose files do not overlap in time and of which nothing was deleted since;
    the others are counted.
    """
    only = "WHERE id IN (SELECT id FROM wanted)" if some else ""
    recount = relation(layers, "id IN (SELECT id FROM recounted)")
    return f"""
WITH files AS MATERIALIZED (
    SELECT * FROM (
        SELECT id::VARCHAR AS id, s.rows, s.first, s.last, seq FROM segment_series AS s JOIN segments USING (segment)
        WHERE level < 2
    ) {only}
), parts AS MATERIALIZED (
    SELECT id, rows, first, last FROM files
    UNION ALL
    SELECT * FROM (
        SELECT id::VARCHAR AS id, count(DISTINCT time) AS rows, min(time) AS first, max(time) AS last
        FROM readings GROUP BY readings.id
    ) {only}
), recounted AS MATERIALIZED (
    SELECT id FROM parts SEMI JOIN (SELECT id::VARCHAR AS id, first, last FROM deletions WHERE seq = {FOREVER}) AS d
    ON d.id = parts.id AND d.last > parts.first
    UNION
    SELECT id FROM files SEMI JOIN (SELECT id::VARCHAR AS id, first, last, seq FROM deletions) AS d
    ON d.id = files.id AND d.seq > files.seq AND d.first <= files.last AND d.last > files.first
    UNION
    SELECT id FROM (
        SELECT id, first <= max(last) OVER (
            PARTITION BY id ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS doubtful FROM parts
    ) WHERE doubtful
)
SELECT id, sum(rows)::BIGINT AS rows, min(first) AS first, max(last) AS last FROM parts
WHERE id NOT IN (SELECT id FROM recounted) GROUP BY id
UNION ALL
SELECT id, count(*) AS rows, min(time) AS first, max(time) AS last FROM ({recount}) GROUP BY id
ORDER BY id"""
