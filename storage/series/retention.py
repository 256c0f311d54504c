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
from storage.series.catalog import FOREVER, Written
from storage.series.compaction import new_files
from storage.series.deletions import Settle
from storage.series.engine import engine_errors, table_of
from storage.series.hot import HotTier
from storage.series.layers import relation
from storage.series.moment import Moment
from storage.series.quarantine import refuse_lost
from storage.series.rollup_form import COLUMNS
from storage.series.rollups import hours
from storage.series.schema import ids_of
from storage.series.segments import ARCHIVE, SegmentFiles
from storage.series.sources import Sources
from storage.series.sql import Window, timestamp

_ATTEMPTS = 5
# Since when readings of each series in `wanted` may be there: before, they have had their time.
_CUT = f"""
SELECT w.id::UUID AS id, coalesce(d.last, TIMESTAMP '-infinity') AS since
FROM wanted AS w LEFT JOIN (SELECT id, last FROM deletions WHERE seq = {FOREVER}) AS d ON d.id = w.id::UUID
"""
# The series that may have readings from before a time, and since when.
_OLD = """
SELECT r.id::VARCHAR AS id, min(greatest(r.first, cut.since)) AS first FROM (
    SELECT id, s.first, s.last FROM segment_series AS s JOIN segments USING (segment) WHERE level < 2
    UNION ALL SELECT id, time AS first, time AS last FROM readings
) AS r JOIN ({cut}) AS cut ON cut.id = r.id
WHERE r.first < {before} AND cut.since < {before} AND r.last >= cut.since GROUP BY ALL
"""
# What came or went since a number, of these series and from before a time.
_CHANGED = """
WITH cut AS ({cut})
SELECT 1 FROM deletions AS d JOIN cut USING (id) WHERE seq > {seq} AND seq < {forever} AND d.first < {before}
UNION ALL
SELECT 1 FROM readings JOIN cut USING (id) WHERE seq > {seq} AND time < {before} AND time >= since
UNION ALL
SELECT 1 FROM segments JOIN segment_series AS s USING (segment) JOIN cut USING (id)
WHERE seq > {seq} AND s.first < {before} AND s.last >= since
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
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            cursor.register("wanted", ids_of(ids))
            old = table_of(cursor, _OLD.format(cut=_CUT, before=timestamp(before)))
        firsts = [first for first in old["first"].to_pylist() if first is not None]
        since, retired = None, set[str]()
        for end in _month_ends(min(firsts), before) if firsts else ():
            retired |= self._step(old.select(["id"]), Window(since, end), retired)
            since = end
        return len(retired)

    def _step(self, ids: pa.Table, window: Window, retired: set[str]) -> set[str]:
        """Retire one month's readings; returns whose. What is `retired` already is so until the end of the month."""
        for _ in range(_ATTEMPTS):
            if (found := self._archive(ids, window, retired)) is not None:
                return found
        raise Overloaded("readings to be retired are still being written or deleted; this will be tried again")

    def _archive(self, ids: pa.Table, window: Window, retired: set[str]) -> set[str] | None:
        """Do a step; None where some readings came or went meanwhile."""
        seq = self._hot.reserve_seq()
        with contextlib.ExitStack() as cleanup, new_files(self._hot, self._files) as written, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self._hot.cursor()))
            cursor.register("wanted", ids)
            refuse_lost(cursor, window, some=True)
            moment = Moment(cursor, self._files, ids.num_rows)
            cleanup.callback(moment.close)
            layers = self._sources.layers(moment, window)
            rows = hours(relation(layers, f"{window.condition()} AND id IN (SELECT id FROM wanted)"))
            file = self._files.write(cursor, self._hot.next_segment(), rows, level=ARCHIVE, columns=COLUMNS)
            written += [file] if file else []
            found = {str(id_) for id_ in file.series["id"].to_pylist()} if file else set[str]()
            if not found | retired or self._commit(ids, seq, window, written, found | retired):
                return found
            self._files.discard(written)
            return None

    def _commit(self, ids: pa.Table, seq: int, window: Window, written: Sequence[Written], gone: set[str]) -> bool:
        before = window.end or datetime.max
        changed = _CHANGED.format(cut=_CUT, seq=seq, before=timestamp(before), forever=FOREVER)
        done: list[bool] = []

        def commit(transaction: duckdb.DuckDBPyConnection, _: int) -> int:
            transaction.register("wanted", ids)
            if transaction.execute(f"SELECT * FROM ({changed}) LIMIT 1").fetchall():
                return 0
            catalog.enter(transaction, written, seq)
            done.append(True)
            return deletions.retire(transaction, ids_of(gone), before, self._settle)

        self._hot.remove(commit)
        return bool(done)


def _month_ends(first: datetime, before: datetime) -> Iterator[datetime]:
    end = first
    while end < before:
        end = (end.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        yield min(end, before)
