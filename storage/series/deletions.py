"""Deletions: marking what is deleted, and what has had its time.

Hot readings go at once. Files never change, so what is deleted from them is noted in the table `deletions`; readers
leave it out, and compaction writes the files anew without it. A reading that is written later has a higher number
than the deletion, and so is no part of it. Readings that have had their time are noted with the number FOREVER, so
that what is written later, but was then, is a part of it too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb
import pyarrow as pa

from storage.series.catalog import FOREVER
from storage.series.engine import table_of
from storage.series.sql import Window, timestamp

Settle = Callable[[duckdb.DuckDBPyConnection], object]
"""Finds other latest values for the series of the table `wanted`."""

# Of these, something may have been deleted that is in a file; or will be, where a seal is under way.
_MARK = """
INSERT INTO deletions SELECT {seq}, id, {first}, {last} FROM (SELECT DISTINCT id::UUID AS id FROM wanted)
WHERE id IN (SELECT id FROM segment_series WHERE first < {last} AND last >= {first})
    OR id IN (SELECT id FROM quarantine_series WHERE first < {last} AND last >= {first})
    OR id IN (SELECT id::UUID FROM gone)
"""
_RETIRE = f"""
INSERT INTO deletions
SELECT {FOREVER}, id::UUID, TIMESTAMP '-infinity', {{last}} FROM wanted
"""


def delete(cursor: duckdb.DuckDBPyConnection, ids: pa.Table, window: Window, seq: int, settle: Settle) -> int:
    """Delete the readings of `ids` (a column `id`) in a window, below `seq`; returns how many of them were hot."""
    first, last = _literal(window.start, "-infinity"), _literal(window.end, "infinity")
    inside = f"id IN (SELECT id::UUID FROM wanted) AND time >= {first} AND time < {last}"
    cursor.register("wanted", ids)
    cursor.register("gone", table_of(cursor, f"SELECT DISTINCT id FROM readings WHERE {inside}"))
    cursor.execute(_MARK.format(seq=seq, first=first, last=last))
    cursor.unregister("gone")
    return _remove(cursor, inside, settle)


def retire(cursor: duckdb.DuckDBPyConnection, ids: pa.Table, before: datetime, settle: Settle) -> int:
    """Have no readings of `ids` from before a time from now on; returns how many of them were hot."""
    inside = f"id IN (SELECT id::UUID FROM wanted) AND time < {timestamp(before)}"
    cursor.register("wanted", ids)
    cursor.execute(f"DELETE FROM deletions WHERE seq = {FOREVER} AND id IN (SELECT id::UUID FROM wanted)")
    cursor.execute(_RETIRE.format(last=timestamp(before)))
    return _remove(cursor, inside, settle)


def _remove(cursor: duckdb.DuckDBPyConnection, inside: str, settle: Settle) -> int:
    lost = table_of(cursor, f"SELECT id::VARCHAR AS id FROM latest WHERE {inside}")
    [(rows,)] = cursor.execute(f"DELETE FROM readings WHERE {inside}").fetchall()
    cursor.execute(f"DELETE FROM latest WHERE {inside}")
    cursor.register("wanted", lost)
    settle(cursor)
    return int(rows)


def _literal(time: datetime | None, otherwise: str) -> str:
    return timestamp(time) if time else f"TIMESTAMP '{otherwise}'"
