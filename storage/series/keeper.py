"""The keeper: seals hot readings into runs, and has runs compacted into disjoint, de-duplicated segments.

Neither stops writers or readers. Each step is: write files, then one catalog transaction; a crash between the
two leaves files that the catalog does not know, which the next start removes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from storage.series import catalog, rolled_up
from storage.series.catalog import Segment, Written
from storage.series.compaction import Compaction, new_files
from storage.series.engine import engine_errors, table_of
from storage.series.hot import HotTier
from storage.series.rolled_up import RolledUp, RollupFile
from storage.series.rollup_merging import Part, parts_of, to_merge
from storage.series.rollups import TIERS, build, merge
from storage.series.segments import SegmentFiles
from storage.series.sorting import MOST_ROWS, ends, in_order, pieces
from storage.series.uuids import as_texts

_MOST_SORTING = 2  # large batches at a time, so that memory stays bounded


class Keeper:
    """Owns all changes of the catalog but for deletions."""

    def __init__(self, hot: HotTier, files: SegmentFiles, *, target_rows: int, seal_rows: int) -> None:
        """`target_rows`: a segment is full when it has as many; whole days are packed until then.

        Compaction is interrupted to seal where `seal_rows` are hot.
        """
        self._hot = hot
        self._files = files
        self._target = target_rows
        self._most_hot = seal_rows
        self._busy = threading.RLock()
        self._sorting = threading.BoundedSemaphore(_MOST_SORTING)

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
        """Seal the rows with these numbers, so many at a time as are sorted in memory."""
        sealed = 0
        while (first := self._first(seqs)) is not None:
            some = range(first, min(first + MOST_ROWS, seqs.stop))
            sealed += self._seal_some(some)
            seqs = range(some.stop, seqs.stop)
        return sealed

    def _first(self, seqs: range) -> int | None:
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            [(first,)] = cursor.execute(f"SELECT min(seq) FROM readings WHERE {_inside(seqs)}").fetchall()
        return None if first is None else int(first)

    def _seal_some(self, seqs: range) -> int:
        hot = f"SELECT id::BLOB AS id, time, value, text, status, seq FROM readings WHERE {_inside(seqs)}"
        with new_files(self._hot, self._files) as written:
            with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
                rows = table_of(cursor, hot)
                if not rows.num_rows:  # deleted meanwhile
                    return 0
                written += self._write(rows)
            last = pc.max(rows.column("seq")).as_py()
            return self._hot.forget(seqs, lambda transaction: catalog.enter(transaction, written, last))

    def _write(self, rows: pa.Table) -> list[Written]:
        """Write rows with `seq` as a run: of those with the same id and time, that with the highest."""
        numbers = rows.column("seq").to_numpy()
        if (numbers[1:] < numbers[:-1]).any():  # the engine promises no order
            rows = rows.sort_by("seq")
        ids = rows.column("id").combine_chunks().dictionary_encode()
        named = pa.DictionaryArray.from_arrays(ids.indices, as_texts(cast("list[bytes]", ids.dictionary.to_pylist())))
        return self._run(in_order(rows.drop_columns(["seq"]).set_column(0, "id", named)))

    def _run(self, ordered: pa.Table) -> list[Written]:
        run = self._files.write_ordered(self._hot.next_segment(), [ordered], level=0)
        return [run] if run else []

    def append_run(self, batches: pa.RecordBatchReader, also: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        """Write a large batch as runs of its own: durable and visible when it returns, whole or not at all.

        `also` writes more in the same transaction. `batches` has the columns of SCHEMA. Of rows with the same id
        and time the last one counts. An error that `batches` raises is raised here, with nothing stored. So many are
        sorted at a time as memory is meant for; further ones wait, but nothing else waits for them.
        """
        with self._sorting, new_files(self._hot, self._files) as written:
            newest: list[pa.Table] = []
            with engine_errors():
                for rows in pieces(batches):
                    ordered = in_order(rows)
                    newest.append(ends(ordered))
                    written += self._run(ordered)
            with self._hot.numbered(max(1, len(written))) as (transaction, seq):
                also(transaction)
                for number, (run, last) in enumerate(zip(written, newest, strict=True), seq):
                    catalog.enter(transaction, [run], number)
                    numbers = pa.repeat(pa.scalar(number), last.num_rows)
                    self._hot.latest.enter(transaction, last.append_column("seq", numbers))

    @contextlib.contextmanager
    def at_rest(self) -> Iterator[None]:
        """Let nothing be sealed or compacted meanwhile."""
        with self._busy:
            yield

    def roll_up(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Write the rollups of segments that have none, and merge small files, one after the other until `stop`.

        Returns of how many segments there are new ones.
        """
        done = 0
        while not stop():
            with self._busy, contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
                known = rolled_up.rolled_up(cursor)
                segments = [s for s in catalog.segments(cursor) if s.level == 1]
                missing = [s for s in segments if s.number not in known]
                if missing:
                    self._roll_up(cursor, missing[-1])  # the newest are asked for most
                    done += 1
                elif not self._merge_rollups(cursor, segments, known):
                    break
        return done

    def _merge_rollups(self, cursor: duckdb.DuckDBPyConnection, segments: list[Segment], known: RolledUp) -> bool:
        """Make one file of several where it is time for that; returns whether it was."""
        if segments and segments[-1].rows < self._target:
            segments = segments[:-1]  # with what comes, it will be another soon
        for tier in TIERS:
            parts = to_merge(parts_of(tier, segments, known, rolled_up.rows_of(cursor, tier)))
            if parts:
                self._merge(cursor, RollupFile(self._hot.next_segment(), tier), parts)
                return True
        return False

    def _merge(self, cursor: duckdb.DuckDBPyConnection, file: RollupFile, parts: list[Part]) -> None:
        path = self._files.rollup(file)
        merge(cursor, ((self._files.rollup(part.file), part.days) for part in parts), path)
        with self._hot.transaction() as transaction:
            numbers = [segment.number for part in parts for segment in part.segments]
            gone = rolled_up.enter_merged(transaction, file, numbers, path.stat().st_size)
        self._files.retire(gone)

    def _roll_up(self, cursor: duckdb.DuckDBPyConnection, segment: Segment) -> None:
        targets = {tier: self._files.rollup(RollupFile(segment.number, tier)) for tier in TIERS}
        made = build(cursor, self._files.path(segment), segment.rows, targets)
        with self._hot.transaction() as transaction:
            for rollup in made:
                rolled_up.enter(transaction, segment.number, rollup.tier, rollup.rows, rollup.bytes)

    def compact(self) -> int:
        """Make `readings/` complete, and free of what was deleted; returns how many runs were merged.

        Readers see no difference.
        """
        with self._busy:
            # What a segment is made of must be older than all that stays hot.
            seq = self._hot.reserve_seq()
            self._seal_before(seq)
            return Compaction(self._hot, self._files, seq, self._target, self._catch_up).run()

    def _catch_up(self) -> None:
        """Seal what has become hot during a compaction. Its numbers are above those of all that is compacted."""
        if self._hot.rows >= self._most_hot:
            self.seal()


def _inside(seqs: range) -> str:
    return f"seq >= {seqs.start} AND seq < {seqs.stop}"
