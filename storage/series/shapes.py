"""The SQL of what is made of rows at last: filled buckets, fewer points for a plot, series side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from storage.series.sql import Window, timestamp
from storage.series.steps import Buckets

Fill = Literal["none", "null", "previous", "linear"]
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Filling:
    """What the buckets of `window` get that have no value: none, a row with null, the value before, or a line's.

    Where the window is open, buckets reach from the first to the last that any series has. A value fills no further
    than `limit`, and a line reaches over no longer gap. Buckets that stay without a value are left out.
    """

    fill: Fill
    buckets: Buckets
    window: Window
    limit: timedelta | None = None

    def sql(self, rows: str, before: str | None = None) -> str:
        """Return `rows` (id, time, value) and what fills them. `before` are values from before the window."""
        if self.fill == "none":
            return rows
        first = timestamp(self.window.start) if self.window.start else "(SELECT min(time) FROM sparse)"
        last = timestamp(self.window.end - _MICROSECOND) if self.window.end else "(SELECT max(time) FROM sparse)"
        tables = f"""
WITH sparse AS MATERIALIZED ({rows}), before AS MATERIALIZED ({before or "SELECT * FROM sparse WHERE false"}),
    grid AS (
        SELECT id, start AS time FROM (SELECT id FROM sparse UNION SELECT id FROM before),
            ({self.buckets.starts(first, last)})
    )"""
        if self.fill == "null":
            return f"{tables} SELECT id, time, sparse.value FROM grid LEFT JOIN sparse USING (id, time)"
        return f"""{tables}
SELECT id, time, {self._value()} AS value FROM (
    SELECT id, time, wanted, last_value(value IGNORE NULLS) OVER sofar AS v0,
        last_value(known IGNORE NULLS) OVER sofar AS t0, first_value(value IGNORE NULLS) OVER later AS v1,
        first_value(known IGNORE NULLS) OVER later AS t1
    FROM (
        SELECT id, time, sparse.value, CASE WHEN sparse.value IS NOT NULL THEN time END AS known, true AS wanted
        FROM grid LEFT JOIN sparse USING (id, time)
        UNION ALL
        SELECT id, least(time, {self.buckets.start(first)} - INTERVAL 1 MICROSECOND), value, time, false FROM before
    )
    WINDOW sofar AS (PARTITION BY id ORDER BY time),
        later AS (PARTITION BY id ORDER BY time ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
) WHERE wanted AND {self._value()} IS NOT NULL"""

    def _value(self) -> str:
        limit = f"to_microseconds({self.limit // _MICROSECOND})" if self.limit is not None else None
        if self.fill == "previous":
            return f"CASE WHEN time - t0 <= {limit} THEN v0 END" if limit else "v0"
        share = "(epoch_us(time) - epoch_us(t0)) / (epoch_us(t1) - epoch_us(t0))"
        near = f"t1 - t0 <= {limit}" if limit else "t1 IS NOT NULL"
        return f"CASE WHEN t0 = time THEN v0 WHEN {near} THEN v0 + (v1 - v0) * ({share}) END"


def downsampled(rows: str, points: int) -> str:
    """Return `id, time, value` of so many readings a series as show its line best (largest triangle three buckets).

    S. Steinarsson, "Downsampling Time Series for Visual Representation", 2013.
    """
    chosen = f"SELECT id, unnest(lttb(time, value, {points})) AS kept FROM ({rows}) WHERE isfinite(value) GROUP BY id"
    return f"SELECT id, kept.x AS time, kept.y AS value FROM ({chosen})"


def wide(rows: str, series: int) -> str:
    """Return `time` and a column `v0 … v(n-1)` for each of the first n values of `k`."""
    columns = ", ".join(f"any_value(value) FILTER (k = {k}) AS v{k}" for k in range(series))
    return f"SELECT time, {columns} FROM ({rows}) GROUP BY time"


def as_of(rows: str, series: int, tolerance: timedelta | None, window: Window) -> str:
    """Return `time` and `v0 … v(n-1)` at each time of the first series: of the others, the last value until then.

    A value older than `tolerance` is none.
    """
    near = (
        f"epoch_us(s0.time) - epoch_us(s{{k}}.time) <= {tolerance // _MICROSECOND}"
        if tolerance is not None
        else "true"
    )
    columns = "".join(f", CASE WHEN {near.format(k=k)} THEN s{k}.value END AS v{k}" for k in range(1, series))
    tables = ", ".join(f"s{k} AS (SELECT time, value FROM numbered WHERE k = {k})" for k in range(series))
    joins = " ".join(f"ASOF LEFT JOIN s{k} ON s0.time >= s{k}.time" for k in range(1, series))
    return f"""
WITH numbered AS MATERIALIZED ({rows}), {tables}
SELECT s0.time AS time, s0.value AS v0{columns} FROM s0 {joins} WHERE {window.condition("s0.time")}"""
