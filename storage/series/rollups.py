"""Rollups: what each hour and each day (UTC) of a segment adds up to, in files beside it.

They are made of one compacted segment and live and die with it, so they are exact by construction: what came late or
was deleted since lies in other files or in the catalog, and readers take the readings themselves of such days. A
*partial* is a row of either: the aggregates of some readings of a series that follow one another.

| column | of the readings of a series in an hour or a day |
|---|---|
| `id`, `time` | the series, and when the hour or day starts |
| `rows`, `count` | how many there are, and how many of them are numbers |
| `sum`, `min`, `max`, `first`, `last` | of the numbers |
| `first_time`, `last_time` | of the numbers |
| `area` | the integral from the first number to the last, each held until the next; in value times microseconds |

In files they are not written as they are, see storage.series.rollup_form; but in archives they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from storage.series.layers import Numbered, archived
from storage.series.rolled_up import RollupFile
from storage.series.rollup_form import COLUMNS, copied, restored, written
from storage.series.spans import Spans
from storage.series.sql import Window, parquet, timestamp

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TIERS = {"hour": HOUR, "day": DAY}
WORTH = 10  # an hour's rollup takes as much as ten readings: with fewer in an hour it would only cost
PLAIN = frozenset({"mean", "min", "max", "sum", "count", "first", "last"})
HELD = frozenset({"twmean", "integral"})

_HOURS = """
SELECT id, bucket AS time, count(*) AS rows, count(*) AS count, sum(value) AS sum, min(value) AS min,
    max(value) AS max, arg_min(value, time) AS first, arg_max(value, time) AS last, min(time) AS first_time,
    max(time) AS last_time, coalesce(sum(value * (epoch_us(following) - epoch_us(time)))
        FILTER (next = id AND following < bucket + INTERVAL 1 HOUR), 0) AS area
FROM (
    SELECT id, time, value, date_trunc('hour', time) AS bucket, lead(time) OVER ({order}) AS following,
        lead(id) OVER ({order}) AS next
    FROM {rows} WHERE value IS NOT NULL
) GROUP BY id, bucket
UNION ALL
SELECT id, date_trunc('hour', time) AS bucket, count(*), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
FROM {rows} WHERE value IS NULL GROUP BY id, bucket
"""
_DAYS = """
SELECT id, bucket AS time, sum(rows)::BIGINT AS rows, sum(count)::BIGINT AS count, sum(sum) AS sum, min(min) AS min,
    max(max) AS max, arg_min(first, first_time) AS first, arg_max(last, last_time) AS last,
    min(first_time) AS first_time, max(last_time) AS last_time,
    sum(area) + coalesce(sum(last * (epoch_us(following) - epoch_us(last_time)))
        FILTER (following < bucket + INTERVAL 1 DAY), 0) AS area
FROM (
    SELECT *, date_trunc('day', time) AS bucket, lead(first_time) OVER (PARTITION BY id ORDER BY time) AS following
    FROM hours WHERE count > 0
) GROUP BY id, bucket
UNION ALL
SELECT id, date_trunc('day', time) AS bucket, sum(rows)::BIGINT, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0
FROM hours WHERE count = 0 GROUP BY id, bucket
"""


@dataclass(frozen=True, slots=True)
class Rollup:
    """A file that the catalog does not know yet; one without rows was not worth a file."""

    tier: str
    rows: int
    bytes: int


def lasts(archives: Sequence[Numbered], reach: Window) -> str:
    """Return the last numbers of the hours of archives that end within a window, as readings; ends in a condition."""
    whole = f"time + INTERVAL 1 HOUR <= {timestamp(reach.end)}" if reach.end else "true"
    since = f"last_time >= {timestamp(reach.start)}" if reach.start else "true"
    columns = "id, last_time AS time, last AS value, NULL::VARCHAR AS text, NULL::VARCHAR AS status"
    return f"SELECT {columns} FROM ({archived(archives, COLUMNS, whole)}) WHERE count > 0 AND {since}"


def build(cursor: duckdb.DuckDBPyConnection, segment: Path, rows: int, targets: dict[str, Path]) -> list[Rollup]:
    """Write the rollups of a segment with so many rows. Durable when it returns."""
    # The file is sorted, so that the next row is that of the next number, mostly of the same series.
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE hours AS {_HOURS.format(rows=parquet([segment]), order='')}")
    try:
        [(hours,)] = cursor.execute("SELECT count(*) FROM hours").fetchall()
        worth = hours * WORTH <= rows
        hourly = _write(cursor, "hour", "SELECT * FROM hours", targets["hour"]) if worth else Rollup("hour", 0, 0)
        return [hourly, _write(cursor, "day", _DAYS, targets["day"])]
    finally:
        cursor.execute("DROP TABLE hours")


def merge(cursor: duckdb.DuckDBPyConnection, parts: Iterable[tuple[Path, Spans]], target: Path) -> int:
    """Write one file of what others of a tier have at some times; returns the rows. Durable when it returns."""
    rows = (f"SELECT * FROM {parquet([path])} WHERE {times.condition()}" for path, times in parts)
    return copied(cursor, " UNION ALL ".join(rows), target)


def hours(readings: str) -> str:
    """Return the hourly rollups of a relation."""
    return _HOURS.format(rows=f"({readings})", order="PARTITION BY id ORDER BY time")


def _write(cursor: duckdb.DuckDBPyConnection, tier: str, rows: str, target: Path) -> Rollup:
    return Rollup(tier, written(cursor, rows, target), target.stat().st_size)


@dataclass(frozen=True, slots=True)
class Taken:
    """Files of a tier, and the times that are taken from all of them."""

    files: Sequence[RollupFile]
    times: Spans


@dataclass(frozen=True, slots=True)
class Rolled:
    """The part of a window that rollups answer: what is taken from which files.

    Beside them the archives, of whose hours there are no readings any more, and the whole hours of the window.
    """

    taken: Sequence[Taken]
    archives: Sequence[Numbered]
    hours: Spans

    @property
    def spans(self) -> Spans:
        """All times that rollups answer."""
        return Spans.of(interval for taken in self.taken for interval in taken.times.intervals)

    @property
    def files(self) -> list[RollupFile]:
        """All files but the archives."""
        return [file for taken in self.taken for file in taken.files]

    def partials(self, readings: str | None, condition: str, path: Callable[[RollupFile], Path]) -> str:
        """Return the partials of rollups that meet a condition on `id`, and of each of the `readings`, if any."""
        columns = COLUMNS.replace("time", "coalesce(first_time, time) AS time", 1)
        rolled = self._selects(columns, condition, path)
        if readings is None:
            return " UNION ALL ".join(rolled)
        whole = (
            "SELECT id, time, 1 AS rows, (value IS NOT NULL)::BIGINT AS count, value AS sum, value AS min,"
            " value AS max, value AS first, value AS last, CASE WHEN value IS NOT NULL THEN time END AS first_time,"
            f" CASE WHEN value IS NOT NULL THEN time END AS last_time, 0 AS area FROM ({readings})"
        )
        return " UNION ALL ".join([whole, *rolled])

    def readings(self, readings: str, condition: str, path: Callable[[RollupFile], Path]) -> str:
        """Return `readings` and others that are as good for what weighs values by the time they hold.

        For a partial these are two: its mean, from its first to its last, and then its last.
        """
        mean = "area / (epoch_us(last_time) - epoch_us(first_time))"
        rest = "NULL::VARCHAR AS text, NULL::VARCHAR AS status"
        longer = f"{condition} AND last_time > first_time"
        firsts = self._selects(f"id, first_time AS time, {mean} AS value, {rest}", longer, path)
        lasts = self._selects(f"id, last_time AS time, last AS value, {rest}", f"{condition} AND count > 0", path)
        return " UNION ALL ".join([readings, *firsts, *lasts])

    def _selects(self, columns: str, condition: str, path: Callable[[RollupFile], Path]) -> Sequence[str]:
        found = [
            f"SELECT {columns} FROM {restored([path(file) for file in taken.files])}"
            f" WHERE {taken.times.condition()} AND {condition}"
            for taken in self.taken
        ]
        if self.archives and self.hours:
            kept = archived(self.archives, COLUMNS, self.hours.condition())
            found.append(f"SELECT {columns} FROM ({kept}) WHERE {condition}")
        return found
