"""The catalog: which Parquet files (segments) there are, what is in each, and what has been deleted since.

It is a few tables of the DuckDB file; a file that it does not name does not exist. Every change of the series has a
number (`seq`) above those of all that came before:

- Level 0 are *runs*: hot rows that were sealed, or a large batch. A run's rows are as new as its `seq`.
- Level 1 are the disjoint, de-duplicated files that compaction makes. They hold what is below their `seq`, and
  nothing that was deleted below it.
- Level 2 are archives: what each hour added up to of readings that have had their time and are gone.
- A deletion is about the readings of a series from `first` until just before `last` whose number is below its own.

So of readings with the same id and time that with the highest number counts, wherever they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from storage.series import rolled_up
from storage.series.engine import table_of
from storage.series.rolled_up import RollupFile

SCHEMA = f"""
{rolled_up.SCHEMA}
CREATE TABLE IF NOT EXISTS readings (
    id UUID NOT NULL, time TIMESTAMP NOT NULL, value DOUBLE, text VARCHAR, status VARCHAR, seq BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS latest (
    id UUID PRIMARY KEY, time TIMESTAMP NOT NULL, value DOUBLE, text VARCHAR, status VARCHAR, seq BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS segments (
    segment BIGINT PRIMARY KEY, level TINYINT NOT NULL, seq BIGINT NOT NULL, first_day DATE NOT NULL,
    last_day DATE NOT NULL, first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL, rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
ALTER TABLE segments ADD COLUMN IF NOT EXISTS digest VARCHAR;
CREATE TABLE IF NOT EXISTS segment_series (
    segment BIGINT NOT NULL, id UUID NOT NULL, rows BIGINT NOT NULL,
    first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL
);
ALTER TABLE segment_series ADD COLUMN IF NOT EXISTS numbers BIGINT;
CREATE TABLE IF NOT EXISTS segment_days (segment BIGINT NOT NULL, day DATE NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (
    key VARCHAR PRIMARY KEY, content VARCHAR NOT NULL, answer VARCHAR NOT NULL, stored TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS deletions (
    seq BIGINT NOT NULL, id UUID NOT NULL, first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantine (
    segment BIGINT NOT NULL, level TINYINT NOT NULL, seq BIGINT NOT NULL, first_day DATE NOT NULL,
    last_day DATE NOT NULL, first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL, rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL, digest VARCHAR, reason VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantine_series (
    segment BIGINT NOT NULL, id UUID NOT NULL, rows BIGINT NOT NULL,
    first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL
);
ALTER TABLE quarantine_series ADD COLUMN IF NOT EXISTS numbers BIGINT;
"""
_TABLES = ("segments", "segment_series", "segment_days")
_COLUMNS = "segment, level, seq, first_day, last_day, first, last, rows, bytes, digest"

FOREVER = 1 << 62  # the number of a deletion that is about later writes too: of readings that have had their time

LAST_SEQ = f"""
SELECT greatest((SELECT max(seq) FROM readings), (SELECT max(seq) FROM latest), (SELECT max(seq) FROM segments),
    (SELECT max(seq) FROM deletions WHERE seq < {FOREVER}), (SELECT max(seq) FROM quarantine), 0)
"""

LAST_SEGMENT = f"""
SELECT greatest((SELECT max(segment) FROM segments), (SELECT max(segment) FROM quarantine), {rolled_up.LAST_FILE}, 0)
"""

# Segments that may still hold what has been deleted from them.
_STALE = f"""
SELECT DISTINCT segment FROM segments JOIN segment_series AS s USING (segment) JOIN deletions AS d ON d.id = s.id
WHERE d.seq > segments.seq AND d.first <= s.last AND d.last > s.first AND (level < 2 OR d.seq < {FOREVER})
"""
_PRUNE = f"""
DELETE FROM deletions WHERE seq < {FOREVER} AND rowid NOT IN (
    SELECT d.rowid FROM deletions AS d SEMI JOIN (
        SELECT s.id, s.first, s.last, segments.seq FROM segments JOIN segment_series AS s USING (segment)
        UNION ALL
        SELECT s.id, s.first, s.last, quarantine.seq FROM quarantine JOIN quarantine_series AS s USING (segment)
    ) AS s ON s.id = d.id AND d.seq > s.seq AND d.first <= s.last AND d.last > s.first
)
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """One catalogued Parquet file. `first` and `last` are its first and last time; days are in UTC.

    `digest` is the SHA-256 of the file, absent for those of early versions.
    """

    number: int
    level: int
    seq: int
    first_day: date
    last_day: date
    first: datetime
    last: datetime
    rows: int
    bytes: int
    digest: str | None = None

    @property
    def file_name(self) -> str:
        """Its name in `series/segments/`."""
        return f"{self.number:010d}.parquet"

    @property
    def days(self) -> tuple[datetime, datetime]:
        """From the start of its first day to the end of its last one."""
        return datetime.combine(self.first_day, time()), datetime.combine(self.last_day, time()) + timedelta(days=1)

    @property
    def public_name(self) -> str:
        """Its path in a hive-partitioned data set.

        No other segment ever has it: whoever opens a file by its name twice is not to find two files in one.
        """
        day = self.first_day
        return f"year={day.year}/month={day.month:02d}/{day.isoformat()}-{self.number}.parquet"


@dataclass(frozen=True, slots=True)
class Written:
    """A new file on disk that the catalog does not know yet.

    `series` has `id, rows, numbers, first, last` of each series: of so many rows so many are numbers, not text.
    """

    number: int
    path: Path
    level: int
    bytes: int
    digest: str
    series: pa.Table = field(repr=False)
    days: pa.Table = field(repr=False)


def segments(cursor: duckdb.DuckDBPyConnection) -> list[Segment]:
    """Return the catalog, by level, then by time."""
    found = cursor.execute(f"SELECT {_COLUMNS} FROM segments ORDER BY level DESC, first_day, seq").fetchall()
    return [Segment(*row) for row in found]


def enter(cursor: duckdb.DuckDBPyConnection, new: Sequence[Written], seq: int) -> None:
    """Enter new files, which must have rows."""
    for file in new:
        cursor.register("series", file.series)
        cursor.execute(
            f"INSERT INTO segment_series SELECT {file.number}, id::UUID, rows, first, last, numbers FROM series"
        )
        enter_days(cursor, file.number, file.days)
        cursor.execute(
            f"INSERT INTO segments ({_COLUMNS}) SELECT ?, ?, ?, min(first)::DATE, max(last)::DATE, min(first),"
            " max(last), sum(rows), ?, ? FROM series",
            [file.number, file.level, seq, file.bytes, file.digest],
        )
        cursor.unregister("series")


def enter_days(cursor: duckdb.DuckDBPyConnection, number: int, days: pa.Table) -> None:
    """Enter the days (a column `day`) of a file's readings."""
    cursor.register("days", days)
    cursor.execute(f"INSERT INTO segment_days SELECT {number}, day FROM days")
    cursor.unregister("days")


def remove(cursor: duckdb.DuckDBPyConnection, old: Sequence[Segment]) -> list[RollupFile]:
    """Forget files; returns those of rollups that nobody needs then."""
    numbers = [segment.number for segment in old]
    for table in _TABLES:
        cursor.execute(f"DELETE FROM {table} WHERE segment IN (SELECT unnest(?::BIGINT[]))", [numbers])
    return rolled_up.forget(cursor, numbers)


def stale(cursor: duckdb.DuckDBPyConnection) -> set[int]:
    """Return the numbers of the segments that may still hold what has been deleted from them."""
    return {number for (number,) in cursor.execute(_STALE).fetchall()}


def has_deletions(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether anything deleted is still to be left out on reading."""
    waiting = cursor.execute(f"SELECT 1 FROM deletions WHERE seq < {FOREVER} LIMIT 1").fetchall()
    return bool(waiting or stale(cursor))


def prune(cursor: duckdb.DuckDBPyConnection) -> None:
    """Forget deletions that nothing catalogued is subject to any more. Nothing may be about to be catalogued."""
    cursor.execute(_PRUNE)


def without_days(cursor: duckdb.DuckDBPyConnection) -> list[Segment]:
    """Return the files whose days are not known: early versions did not note them."""
    known = {number for (number,) in cursor.execute("SELECT DISTINCT segment FROM segment_days").fetchall()}
    return [segment for segment in segments(cursor) if segment.number not in known]


def without_latest(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the `id` of the series whose latest value is not known, though some file has readings of them."""
    return table_of(
        cursor,
        "SELECT DISTINCT id::VARCHAR AS id FROM segment_series JOIN segments USING (segment)"
        " WHERE level < 2 AND id NOT IN (SELECT id FROM latest)",
    )
