"""Retention: readings that have had their time go, and what each hour of them added up to stays.

It goes month by month. Each step writes the hourly rollups of the readings to an archive, a file of the catalog's
level 2; one transaction then enters that file and notes the time before which the series have no readings any more.
Compaction drops the readings from the files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from storage.errors import Overloaded
from storage.series import catalog, deletions
from storage.series.catalog import FOREVER, Segment
from storage.series.compaction import new_files
from storage.series.deletions import Settle
from storage.series.engine import engine_errors, table_of
from storage.series.hot import HotTier
from storage.series.layers import archived, relation
from storage.series.quarantine import refuse_lost
from storage.series.rollups import COLUMNS, hours
from storage.series.segments import ARCHIVE, SegmentFiles
from storage.series.sources import Sources
from storage.series.sql import Window, timestamp

_ATTEMPTS = 5
_FEW = 3  # archives of a month; when there are as many, they become one

# Of the series in `wanted`, when those that were not retired begin that have readings from before a time.
_OLD = """
SELECT id::VARCHAR AS id, min(first) AS first FROM (
    SELECT id, s.first FROM segment_series AS s JOIN segments USING (segment) WHERE level < 2
    UNION ALL SELECT id, time AS first FROM readings
) AS r ANTI JOIN (SELECT id, last FROM deletions WHERE seq = {forever}) AS d ON d.id = r.id AND r.first < d.last
WHERE first < {before} AND id IN (SELECT id::UUID FROM wanted) GROUP BY ALL
"""
# What came or went since a number, of the series in `wanted` and from before a time.
_CHANGED = """
SELECT 1 FROM deletions WHERE seq > {seq} AND seq < {forever} AND id IN (SELECT id::UUID FROM wanted)
    AND first < {before}
UNION ALL
SELECT 1 FROM readings WHERE seq > {seq} AND time < {before} AND id IN (SELECT id::UUID FROM wanted)
UNION ALL
SELECT 1 FROM segments JOIN segment_series AS s USING (segment)
WHERE seq > {seq} AND s.first < {before} AND id IN (SELECT id::UUID FROM wanted)
"""


class Retention:
    """Retires readings. The caller keeps the keeper at rest."""

    def __init__(self, hot: HotTier, files: SegmentFiles, sources: Sources, settle: Settle) -> None:
        self._hot = hot
        self._files = files
        self._sources = sources
        self._settle = settle

    def retire(self, ids: Sequence[str], before: datetime) -> int:
        """Retire what `ids` have from before a time, the start of a day; returns of how many series.

        Durable and visible when it returns; the steps on the way are whole months.
        """
        wanted = pa.table({"id": pa.array(sorted(set(ids)), pa.string())})
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            cursor.register("wanted", wanted)
            old = table_of(cursor, _OLD.format(before=timestamp(before), forever=FOREVER))
        firsts = [first for first in old["first"].to_pylist() if first is not None]
        since = None
        for end in _month_ends(min(firsts), before) if firsts else ():
            self._step(old.select(["id"]), Window(since, end))
            since = end
        return old.num_rows

    def _step(self, ids: pa.Table, window: Window) -> None:
        for _ in range(_ATTEMPTS):
            if self._archive(ids, window):
                return
        raise Overloaded("readings to be retired are still being written or deleted; this will be tried again")

    def _archive(self, ids: pa.Table, window: Window) -> bool:
        """Retire one month's readings; False where some of them came or went meanwhile."""
        seq, before = self._hot.reserve_seq(), window.end or datetime.min
        with contextlib.ExitStack() as cleanup, new_files(self._hot, self._files) as written, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self._hot.cursor()))
            cursor.register("wanted", ids)
            refuse_lost(cursor, window, some=True)
            layers = self._sources.layers(cursor, window, cleanup, some=True)
            rows = hours(relation(layers, f"{window.condition()} AND id IN (SELECT id FROM wanted)"))
            old = self._few(cursor, before)
            rows = " UNION ALL ".join([rows, *(archived([(self._files.path(s), s.seq)], COLUMNS) for s in old)])
            file = self._files.write(cursor, self._hot.next_segment(), rows, level=ARCHIVE, columns=COLUMNS)
            written += [file] if file else []
            done: list[bool] = []

            def commit(transaction: duckdb.DuckDBPyConnection, _: int) -> int:
                transaction.register("wanted", ids)
                changed = _CHANGED.format(seq=seq, before=timestamp(before), forever=FOREVER)
                if transaction.execute(f"SELECT * FROM ({changed}) LIMIT 1").fetchall():
                    return 0
                catalog.remove(transaction, old)
                catalog.enter(transaction, written, seq)
                done.append(True)
                return deletions.retire(transaction, ids, before, self._settle)

            self._hot.remove(commit)
            if done:
                self._files.retire(old)
            else:
                self._files.discard(written)
            return bool(done)

    @staticmethod
    def _few(cursor: duckdb.DuckDBPyConnection, before: datetime) -> list[Segment]:
        """Return the archives of the month that ends with or has `before`, once they are some."""
        month = (before - timedelta(microseconds=1)).date().replace(day=1)
        found = [s for s in catalog.segments(cursor) if s.level == ARCHIVE and s.first_day.replace(day=1) == month]
        return found if len(found) >= _FEW else []


def _month_ends(first: datetime, before: datetime) -> Iterator[datetime]:
    end = first
    while end < before:
        end = (end.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        yield min(end, before)
