"""The keeper: seals hot readings into runs, and compacts runs into disjoint, de-duplicated segments.

Neither stops writers or readers. Each step is: write files, then one catalog transaction; a crash between the
two leaves files that the catalog does not know, which the next start removes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile
from pathlib import Path

import duckdb
import pyarrow as pa

from storage.series.engine import NO_READING, engine_errors
from storage.series.hot import HotTier, Segment
from storage.series.segments import SegmentFiles, write_parquet
from storage.series.sql import Layers, newest, parquet, relation

_INCOMING = f"""
SELECT coalesce(id::UUID::VARCHAR, error('{NO_READING} an id')) AS id,
    coalesce(time, error('{NO_READING} a time')) AS time, value, text, status, row_number() OVER () AS seq
FROM incoming
"""
_SERIES = "SELECT id::UUID AS id, count(*) AS rows, min(time) AS first, max(time) AS last FROM {file} GROUP BY ALL"


@dataclass(frozen=True, slots=True)
class _Written:
    """A new file on disk that the catalog does not know yet."""

    number: int
    path: Path
    level: int


class Keeper:
    """Owns all changes of the catalog."""

    def __init__(self, hot: HotTier, files: SegmentFiles, *, target_rows: int) -> None:
        """`target_rows`: a segment is full when it has as many; whole days are packed until then."""
        self._hot = hot
        self._files = files
        self._target = target_rows
        self._busy = threading.RLock()

    def seal(self) -> int:
        """Move what is hot now into a run; returns its rows. What is committed meanwhile stays hot."""
        with self._busy:
            return self._seal_before(self._hot.reserve_seq())

    def _seal_before(self, seq: int) -> int:
        """Seal the rows below `seq`, a number reserved for their run."""
        rows = f"SELECT id::VARCHAR AS id, time, value, text, status, seq FROM readings WHERE seq < {seq}"
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            if not cursor.execute(f"SELECT 1 FROM ({rows}) LIMIT 1").fetchall():
                return 0
            run = self._write(cursor, newest(rows), level=0)
        return self._hot.forget(seq, lambda transaction: _catalogue(transaction, [run], seq))

    def append_run(self, batches: pa.RecordBatchReader) -> None:
        """Write a large batch as a run of its own: durable and visible when it returns, whole or not at all.

        `batches` has the columns of a relation. Of rows with the same id and time the last one counts. An
        error that `batches` raises is raised here, with nothing stored. While `batches` come, nothing waits.
        """
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            cursor.register("incoming", batches)
            run = self._write(cursor, newest(_INCOMING), level=0)
        with self._busy:
            # Two numbers in a row: all that is committed by now is older than the run, all else is newer.
            seq = self._hot.reserve_seq(2)
            self._seal_before(seq)
            with self._hot.transaction() as transaction:
                if _catalogue(transaction, [run], seq + 1):
                    rows = f"(SELECT *, {seq + 1}::BIGINT AS seq FROM {parquet([run.path])})"
                    self._hot.upsert_latest(transaction, rows)

    def _write(self, cursor: duckdb.DuckDBPyConnection, rows: str, *, level: int) -> _Written:
        number = self._hot.next_segment()
        path = self._files.new_path(number)
        write_parquet(cursor, rows, path)
        return _Written(number, path, level)

    def compact(self) -> int:
        """Merge all runs into the disjoint segments; returns how many runs. Readers see no difference."""
        with self._busy, contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            runs = [s for s in self._hot.segments(cursor) if s.level == 0]
            for month in _months(cursor, [self._files.path(run) for run in runs]):
                self._compact_month(cursor, month, runs)
            if runs:
                self._commit([], runs)
            return len(runs)

    def _compact_month(self, cursor: duckdb.DuckDBPyConnection, month: date, runs: list[Segment]) -> None:
        """Until the last month is done the runs stay beside the new segments, and win over them as before."""
        end = (month + timedelta(days=32)).replace(day=1)
        condition = f"time >= DATE '{month}' AND time < DATE '{end}'"
        first, last = _span(cursor, [self._files.path(run) for run in runs], condition)
        all_bases = [s for s in self._hot.segments(cursor) if s.level == 1 and month <= s.first_day < end]
        bases = neighbours(all_bases, first, last, self._target)
        layers = Layers(
            bases=[self._files.path(base) for base in bases],
            runs=[(self._files.path(run), run.seq) for run in runs],
            hot=False,
        )
        written = [
            self._write(cursor, relation(layers, days), level=1) for days in self._pack(cursor, layers, condition)
        ]
        self._commit(written, bases)

    def _pack(self, cursor: duckdb.DuckDBPyConnection, layers: Layers, condition: str) -> Iterator[str]:
        """Yield the conditions of consecutive day ranges, each full but the last."""
        files = [*layers.bases, *(path for path, _ in layers.runs)]
        days = cursor.execute(
            f"SELECT time::DATE AS day, count(*) FROM {parquet(files)} WHERE {condition} GROUP BY day ORDER BY day"
        ).fetchall()
        first, rows = None, 0
        for day, count in days:
            first, rows = first or day, rows + count
            if rows >= self._target or day == days[-1][0]:
                yield f"time >= DATE '{first}' AND time < DATE '{day + timedelta(days=1)}'"
                first, rows = None, 0

    def _commit(self, new: Sequence[_Written], old: Sequence[Segment]) -> None:
        numbers = [segment.number for segment in old]
        with self._hot.transaction() as cursor:
            for table in ("segments", "segment_series"):
                cursor.execute(f"DELETE FROM {table} WHERE segment IN (SELECT unnest(?::BIGINT[]))", [numbers])
            _catalogue(cursor, new, seq=0)
            catalog = self._hot.segments(cursor)
        self._files.publish(catalog)
        self._files.retire(old)


def neighbours(bases: Sequence[Segment], first: date, last: date, full: int) -> list[Segment]:
    """Choose from disjoint `bases` in order those to merge with the days from `first` to `last`.

    These are the ones that share days with them, and what is too small to stay alone (fewer than `full` rows) just
    before and just after. No other segment lies between the chosen ones, so what is made of them overlaps none.
    """
    before = [s for s in bases if s.last_day < first]
    after = [s for s in bases if s.first_day > last]
    shared = [s for s in bases if s.first_day <= last and s.last_day >= first]
    small_before = list(takewhile(lambda s: s.rows < full, reversed(before)))
    small_after = list(takewhile(lambda s: s.rows < full, after))
    return [*reversed(small_before), *shared, *small_after]


def _catalogue(cursor: duckdb.DuckDBPyConnection, written: Sequence[_Written], seq: int) -> int:
    """Enter new files into the catalog; returns their rows. A file without rows is not entered."""
    total = 0
    for file in written:
        cursor.execute(
            f"INSERT INTO segment_series SELECT {file.number}, * FROM ({_SERIES.format(file=parquet([file.path]))})"
        )
        cursor.execute(
            f"INSERT INTO segments SELECT {file.number}, {file.level}, {seq}, min(first)::DATE, max(last)::DATE,"
            f" min(first), max(last), sum(rows), {file.path.stat().st_size} FROM segment_series"
            f" WHERE segment = {file.number} HAVING count(*) > 0 RETURNING rows"
        )
        total += sum(rows for (rows,) in cursor.fetchall())
    return total


def _months(cursor: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> list[date]:
    if not files:
        return []
    rows = cursor.execute(
        f"SELECT DISTINCT date_trunc('month', time)::DATE AS month FROM {parquet(files)} ORDER BY 1"
    )
    return [row[0] for row in rows.fetchall()]


def _span(cursor: duckdb.DuckDBPyConnection, files: Sequence[Path], condition: str) -> tuple[date, date]:
    [(first, last)] = cursor.execute(
        f"SELECT min(time)::DATE, max(time)::DATE FROM {parquet(files)} WHERE {condition}"
    ).fetchall()
    return first, last
