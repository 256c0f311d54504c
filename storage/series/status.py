"""What is stored where, and what is being done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from storage.series import catalog
from storage.series.catalog import FOREVER
from storage.series.quarantine import quarantined
from storage.series.rolled_up import rolled_up
from storage.series.segments import ARCHIVE

_COUNTS = f"""
SELECT (SELECT count(*) FROM deletions WHERE seq < {FOREVER}), (SELECT count(*) FROM deletions WHERE seq = {FOREVER}),
    (SELECT coalesce(sum(bytes), 0) FROM rollups), (SELECT min(time) FROM readings), (SELECT max(time) FROM readings)
"""


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of what is stored where.

    hot_rows: readings that are not in Parquet yet
    runs, segments: Parquet files that are to be compacted, and that are
    sealed_rows, sealed_bytes: what these have together
    rollups, rollup_bytes: segments that have rollups, and the bytes of these
    archives, archive_bytes: files of hourly rollups whose readings have had their time
    retired: series of which readings have had their time
    deletions: what was deleted, by series and deletion, and is still to be left out on reading
    rewrites: files that still hold what was deleted or has had its time
    quarantined: files that are set apart, since they are not what was written
    oldest, newest: the first and last time of what is stored, in UTC
    task: what the keeper does: idle, seal, compact or roll up; error: what it met when it failed last
    """

    hot_rows: int
    runs: int
    segments: int
    sealed_rows: int
    sealed_bytes: int
    rollups: int
    rollup_bytes: int
    archives: int
    archive_bytes: int
    retired: int
    deletions: int
    rewrites: int
    quarantined: int
    oldest: datetime | None
    newest: datetime | None
    task: str
    error: str | None


def status_of(cursor: duckdb.DuckDBPyConnection, *, hot_rows: int, task: str, error: str | None) -> Status:
    """Return the status, with what the catalog says."""
    [(deletions, retired, rollup_bytes, first, last)] = cursor.execute(_COUNTS).fetchall()
    segments = catalog.segments(cursor)
    sealed, archives = [s for s in segments if s.level < ARCHIVE], [s for s in segments if s.level == ARCHIVE]
    return Status(
        hot_rows=hot_rows,
        runs=sum(s.level == 0 for s in sealed),
        segments=sum(s.level == 1 for s in sealed),
        sealed_rows=sum(s.rows for s in sealed),
        sealed_bytes=sum(s.bytes for s in sealed),
        rollups=len(rolled_up(cursor)),
        rollup_bytes=int(rollup_bytes),
        archives=len(archives),
        archive_bytes=sum(s.bytes for s in archives),
        retired=retired,
        deletions=deletions,
        rewrites=len(catalog.stale(cursor)),
        quarantined=len(quarantined(cursor)),
        oldest=min((time for time in (first, *(s.first for s in segments)) if time), default=None),
        newest=max((time for time in (last, *(s.last for s in segments)) if time), default=None),
        task=task,
        error=error,
    )
