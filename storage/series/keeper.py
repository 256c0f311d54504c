"""The keeper: seals hot readings into runs, and has runs compacted into disjoint, de-duplicated segments.

Neither stops writers or readers. Each step is: write files, then one catalog transaction; a crash between the
two leaves files that the catalog does not know, which the next start removes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import duckdb
import pyarrow as pa

from storage.series import catalog
from storage.series.catalog import Segment
from storage.series.compaction import Compaction, new_files
from storage.series.engine import NO_READING, engine_errors
from storage.series.hot import HotTier
from storage.series.layers import newest
from storage.series.rollups import TIERS, build
from storage.series.segments import SegmentFiles, ends_in

_INCOMING = f"""
SELECT coalesce(id::UUID::VARCHAR, error('{NO_READING} an id')) AS id,
    coalesce(time, error('{NO_READING} a time')) AS time, value, text, status, row_number() OVER () AS seq
FROM incoming
"""


class Keeper:
    """Owns all changes of the catalog but for deletions."""

    def __init__(self, hot: HotTier, files: SegmentFiles, *, target_rows: int) -> None:
        """`target_rows`: a segment is full when it has as many; whole days are packed until then."""
        self._hot = hot
        self._files = files
        self._target = target_rows
        self._busy = threading.RLock()

    def seal(self) -> int:
        """Move what is hot now into runs; returns its rows. What is committed meanwhile stays hot."""
        with self._busy:
            return self._seal_before(self._hot.reserve_seq())

    def _seal_before(self, seq: int) -> int:
        """Seal the rows below `seq`. No run may lie between rows of another, so each run there is parts them."""
        with contextlib.closing(self._hot.cursor()) as cursor:
            runs = [s.seq for s in catalog.segments(cursor) if s.level == 0 and s.seq < seq]
        return sum(self._seal(range(*between)) for between in pairwise([0, *sorted(set(runs)), seq]))

    def _seal(self, seqs: range) -> int:
        rows = (
            "SELECT id::VARCHAR AS id, time, value, text, status, seq FROM readings"
            f" WHERE seq >= {seqs.start} AND seq < {seqs.stop}"
        )
        with new_files(self._hot, self._files) as written:
            with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
                [(last,)] = cursor.execute(f"SELECT max(seq) FROM ({rows})").fetchall()
                run = self._files.write(cursor, self._hot.next_segment(), newest(rows), level=0) if last else None
            if run is None:
                return 0
            written.append(run)
            return self._hot.forget(seqs, lambda transaction: catalog.enter(transaction, written, last))

    def append_run(self, batches: pa.RecordBatchReader, also: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        """Write a large batch as a run of its own: durable and visible when it returns, whole or not at all.

        `also` writes more in the same transaction. `batches` has the columns of a relation. Of rows with the same id
        and time the last one counts. An error that `batches` raises is raised here, with nothing stored. Nothing else
        waits for it.
        """
        with new_files(self._hot, self._files) as written:
            with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
                cursor.register("incoming", batches)
                run = self._files.write(cursor, self._hot.next_segment(), newest(_INCOMING), level=0)
                written += [run] if run else []
                ends = ends_in(cursor, run.path) if run else None
            with self._hot.numbered() as (transaction, seq):
                also(transaction)
                if ends is not None:
                    catalog.enter(transaction, written, seq)
                    numbers = pa.repeat(pa.scalar(seq), ends.num_rows)
                    self._hot.latest.enter(transaction, ends.append_column("seq", numbers))

    @contextlib.contextmanager
    def at_rest(self) -> Iterator[None]:
        """Let nothing be sealed or compacted meanwhile."""
        with self._busy:
            yield

    def roll_up(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Write the rollups of segments that have none, one after the other until `stop`; returns how many."""
        done = 0
        while not stop():
            with self._busy, contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
                known = catalog.rolled_up(cursor)
                missing = [s for s in catalog.segments(cursor) if s.level == 1 and s.number not in known]
                if not missing:
                    break
                self._roll_up(cursor, missing[-1])  # the newest are asked for most
                done += 1
        return done

    def _roll_up(self, cursor: duckdb.DuckDBPyConnection, segment: Segment) -> None:
        targets = {tier: self._files.rollup(segment, tier) for tier in TIERS}
        made = build(cursor, self._files.path(segment), segment.rows, targets)
        with self._hot.transaction() as transaction:
            for rollup in made:
                catalog.enter_rollup(transaction, segment.number, rollup.tier, rollup.rows, rollup.bytes)

    def compact(self) -> int:
        """Make `readings/` complete, and free of what was deleted; returns how many runs were merged.

        Readers see no difference.
        """
        with self._busy:
            # What a segment is made of must be older than all that stays hot.
            seq = self._hot.reserve_seq()
            self._seal_before(seq)
            return Compaction(self._hot, self._files, seq, self._target).run()
