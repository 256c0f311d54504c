"""Builds the SQL for readings: pure text in, text out.

Ids never become text in a statement: they come as the table `wanted(id)`, which the caller registers. Times,
paths and numbers are written as literals by this module alone.

A *relation* below is a SELECT with the columns `id` VARCHAR, `time` TIMESTAMP (UTC), `value` DOUBLE,
`text` VARCHAR, `status` VARCHAR, holding each (id, time) once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

COLUMNS = "id, time, value, text, status"
Aggregate = Literal["mean", "min", "max", "sum", "count", "first", "last", "twmean"]
Fill = Literal["none", "previous", "linear"]


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open interval [start, end) of UTC times; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None

    def condition(self) -> str:
        """Return the SQL condition on `time`."""
        parts = [f"time >= {timestamp(self.start)}"] if self.start else []
        parts += [f"time < {timestamp(self.end)}"] if self.end else []
        return " AND ".join(parts) or "true"

    def meets(self, first: datetime, last: datetime) -> bool:
        """Tell whether the closed interval [first, last] has a time inside."""
        return not ((self.start and last < self.start) or (self.end and first >= self.end))


@dataclass(frozen=True, slots=True)
class Step:
    """A bucket width: whole months, or a fixed time. Buckets start at 2000-01-03 (a Monday), or month starts."""

    months: int = 0
    time: timedelta = timedelta()

    def interval(self) -> str:
        """Return the SQL interval."""
        if self.months:
            return f"INTERVAL {self.months} MONTH"
        return f"to_microseconds({self.time // timedelta(microseconds=1)})"

    def bucket(self, column: str) -> str:
        """Return the SQL for the start of the bucket that `column` falls in."""
        return f"time_bucket({self.interval()}, {column})"


def timestamp(time: datetime) -> str:
    """Return a TIMESTAMP literal, in UTC; `time` is naive UTC."""
    return f"TIMESTAMP '{time.isoformat(sep=' ')}'"


def quote(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """Return a quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def parquet(paths: Iterable[Path], *, row_numbers: bool = False) -> str:
    """Return a table function over named files: naming them is five times faster than a glob.

    With `row_numbers` it has a column `file_row_number`.
    """
    listed = ", ".join(quote(str(path)) for path in paths)
    numbered = ", file_row_number = true" if row_numbers else ""
    return f"read_parquet([{listed}], hive_partitioning = false{numbered})"


@dataclass(frozen=True, slots=True)
class Layers:
    """Where readings lie. `clean` files overlap nothing; what overlaps is told apart by `seq`, the latest wins.

    `runs` are pairs of a file and its seq; rows of `bases` are older than all of them.
    """

    clean: Sequence[Path] = ()
    bases: Sequence[Path] = ()
    runs: Sequence[tuple[Path, int]] = ()
    hot: bool = True


def relation(layers: Layers, condition: str = "true") -> str:
    """Return the relation of all readings in `layers` that meet a condition on `id` and `time`."""
    parts = [_files(layers.clean, condition)] if layers.clean else []
    if layers.bases or layers.runs or layers.hot:
        parts.append(_newest(layers, condition))
    return " UNION ALL ".join(parts) or f"SELECT {COLUMNS} FROM ({_hot('false')})"


def _files(paths: Sequence[Path], condition: str) -> str:
    return f"SELECT {COLUMNS} FROM {parquet(paths)} WHERE {condition}"


def _hot(condition: str) -> str:
    return f"SELECT * FROM (SELECT id::VARCHAR AS id, time, value, text, status, seq FROM readings) WHERE {condition}"


def _newest(layers: Layers, condition: str) -> str:
    parts = [_hot(condition)] if layers.hot else []
    parts += [
        f"SELECT {COLUMNS}, {seq}::BIGINT AS seq FROM {parquet([path])} WHERE {condition}"
        for path, seq in layers.runs
    ]
    if layers.bases:
        parts.append(f"SELECT {COLUMNS}, 0::BIGINT AS seq FROM {parquet(layers.bases)} WHERE {condition}")
    return newest(" UNION ALL ".join(parts))


def newest(rows: str) -> str:
    """Return the relation that keeps of each (id, time) the row with the highest `seq`."""
    return f"SELECT {COLUMNS} FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY id, time ORDER BY seq DESC) = 1"


_AGGREGATES: dict[str, str] = {
    "mean": "avg(value)",
    "min": "min(value)",
    "max": "max(value)",
    "sum": "sum(value)",
    "count": "count(*)",
    "first": "arg_min(value, time)",
    "last": "arg_max(value, time)",
}


def aggregated(rows: str, aggregate: Aggregate, step: Step | None, window: Window) -> str:
    """Return a SELECT of `id`, `time` (the bucket's start) and `value`, one row a series and bucket.

    Without a step there is one bucket, the whole window, whose time is its start or else the first reading's.
    Text readings count for `count` alone.
    """
    if aggregate == "twmean":
        return _time_weighted(rows, step, window)
    numbers = rows if aggregate == "count" else f"SELECT * FROM ({rows}) WHERE value IS NOT NULL"
    bucket = _bucket(step, window)
    whole = ", ".join(["id", *(["bucket"] if bucket else [])])
    start = "bucket" if bucket else "min(time)"
    return (
        f"SELECT id, {start} AS time, {_AGGREGATES[aggregate]}::DOUBLE AS value"
        f" FROM (SELECT *{', ' + bucket + ' AS bucket' if bucket else ''} FROM ({numbers})) GROUP BY {whole}"
    )


def _bucket(step: Step | None, window: Window) -> str:
    if step:
        return step.bucket("time")
    return timestamp(window.start) if window.start else ""


def _time_weighted(rows: str, step: Step | None, window: Window) -> str:
    """Weigh each value by the time it holds: until the next reading, or the end of its bucket or the window.

    From a bucket's start to its first reading, the value before it holds, if the window has one.
    """
    bucket = _bucket(step, window) or "NULL::TIMESTAMP"
    end = timestamp(window.end) if window.end else "NULL::TIMESTAMP"
    close = f"bucket + {step.interval()}" if step else end
    return f"""
SELECT id, coalesce(bucket, min(time)) AS time,
    coalesce(sum(value * held + coalesce(earlier * waited, 0)) / nullif(sum(held + waited), 0), avg(value))
        AS value
FROM (
    SELECT *, coalesce(epoch_us(least(following, {close})) - epoch_us(time), 0) AS held,
        CASE WHEN preceding < bucket THEN epoch_us(time) - epoch_us(bucket) ELSE 0 END AS waited
    FROM (
        SELECT id, time, value, bucket, lead(time, 1, {end}) OVER series AS following,
            lag(time) OVER series AS preceding, lag(value) OVER series AS earlier
        FROM (SELECT *, {bucket} AS bucket FROM ({rows}) WHERE value IS NOT NULL)
        WINDOW series AS (PARTITION BY id ORDER BY time)
    )
) GROUP BY id, bucket"""


def filled(buckets: str, fill: Fill, step: Step, window: Window) -> str:
    """Return `buckets` (id, time, value) with a row for every step of the window, where it starts or ends
    open from the first or to the last bucket that any series has; values before the first stay null, and so
    are left out.
    """
    if fill == "none":
        return buckets
    first = step.bucket(timestamp(window.start)) if window.start else "(SELECT min(time) FROM sparse)"
    last = f"{timestamp(window.end)} - INTERVAL 1 MICROSECOND" if window.end else "(SELECT max(time) FROM sparse)"
    return f"""
SELECT id, time, {_FILLS[fill]} AS value FROM (
    SELECT id, time, last_value(value IGNORE NULLS) OVER sofar AS v0, last_value(known IGNORE NULLS) OVER sofar AS t0,
        first_value(value IGNORE NULLS) OVER later AS v1, first_value(known IGNORE NULLS) OVER later AS t1
    FROM (
        WITH sparse AS MATERIALIZED ({buckets})
        SELECT grid.id, grid.time, sparse.value, CASE WHEN sparse.value IS NOT NULL THEN grid.time END AS known
        FROM (SELECT id, unnest(generate_series({first}, {last}, {step.interval()})) AS time
              FROM (SELECT DISTINCT id FROM sparse)) AS grid
        LEFT JOIN sparse USING (id, time)
    )
    WINDOW sofar AS (PARTITION BY id ORDER BY time),
        later AS (PARTITION BY id ORDER BY time ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
) WHERE v0 IS NOT NULL AND {_FILLS[fill]} IS NOT NULL"""


_FILLS = {
    "previous": "v0",
    "linear": "CASE WHEN t0 = time THEN v0 WHEN t1 IS NOT NULL THEN"
    " v0 + (v1 - v0) * ((epoch_us(time) - epoch_us(t0)) / (epoch_us(t1) - epoch_us(t0))) END",
}


def wide(rows: str, series: int) -> str:
    """Return `time` and a column `v0 … v(n-1)` for each of the first n values of `k`, ordered by time."""
    columns = ", ".join(f"any_value(value) FILTER (k = {k}) AS v{k}" for k in range(series))
    return f"SELECT time, {columns} FROM ({rows}) GROUP BY time ORDER BY time"


def statistics(layers: Layers, *, some: bool) -> str:
    """Return `id, rows, first, last` of each series, or with `some` of those in `wanted`.

    The catalog's counts hold for a series whose files do not overlap in time; the others are counted.
    """
    only = "WHERE id IN (SELECT id FROM wanted)" if some else ""
    recount = relation(layers, "id IN (SELECT id FROM recounted)")
    return f"""
WITH parts AS MATERIALIZED (
    SELECT * FROM (SELECT id::VARCHAR AS id, rows, first, last FROM segment_series) {only}
), hot AS MATERIALIZED (
    SELECT * FROM (SELECT DISTINCT id::VARCHAR AS id FROM readings) {only}
), recounted AS MATERIALIZED (
    SELECT id FROM hot UNION
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
