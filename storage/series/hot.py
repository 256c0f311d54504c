"""The hot tier: one DuckDB file with the newest readings, the latest value of each series, and the catalog."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.files import sync_directory
from storage.series.catalog import LAST_SEGMENT, LAST_SEQ, SCHEMA
from storage.series.database import Database
from storage.series.engine import engine_errors
from storage.series.groups import VALUES, Part
from storage.series.latest import Latest
from storage.series.sql import Window, quote
from storage.series.uuids import as_uuids

_FIND = """
SELECT id::VARCHAR AS id, time, value, text, status, seq FROM readings
WHERE id IN (SELECT unnest(?::UUID[])) AND {window}
QUALIFY row_number() OVER (PARTITION BY id, time ORDER BY seq DESC) = 1
"""


class HotTier:
    """The DuckDB file. Every transaction that writes goes through `transaction`, one at a time."""

    def __init__(self, directory: Path, *, memory: int, threads: int) -> None:
        """Open or create `directory`/hot.duckdb; DuckDB may use `memory` bytes and spills beside the file."""
        self._scratch = directory / "tmp"
        self._write = threading.RLock()
        self._copying = threading.Lock()
        self._version = 0
        self._database = Database(directory / "hot.duckdb", self._scratch, memory=memory, threads=threads)
        try:
            self._database.checkpoint()
            self._database.shrink()
            with contextlib.closing(self.cursor()) as cursor:
                cursor.execute(SCHEMA)
                self._database.checkpoint()
                sync_directory(directory)
                self.seq = _one(cursor.execute(LAST_SEQ))
                self._last_segment = _one(cursor.execute(LAST_SEGMENT))
                self.rows = _one(cursor.execute("SELECT count(*) FROM readings"))
                self._span = hot_extent(cursor)
            self.latest = Latest(self.cursor, partial(self.transaction, catalog=False))
        except BaseException:
            self._database.close()
            raise

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to the same database, for one thread."""
        return self._database.cursor()

    @contextlib.contextmanager
    def transaction(self, *, catalog: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """Write in one transaction. Durable and visible when the block ends; undone if it raises.

        Without `catalog` it changes hot readings and latest values alone.
        """
        with self._write, self._changing(catalog), engine_errors(), contextlib.closing(self.cursor()) as cursor:
            try:
                cursor.execute("BEGIN")
                yield cursor
                cursor.execute("COMMIT")
            except BaseException as error:
                self._database.failed(error)
                with contextlib.suppress(duckdb.Error):  # a COMMIT that failed has ended the transaction
                    cursor.execute("ROLLBACK")
                raise
            self._database.committed()

    @contextlib.contextmanager
    def _changing(self, catalog: bool) -> Iterator[None]:
        self._version += catalog
        try:
            yield
        finally:
            self._version += catalog

    def version(self) -> int:
        """Return a number that is odd while a change of the catalog is under way, and higher after it."""
        return self._version

    @contextlib.contextmanager
    def numbered(self, count: int = 1, *, catalog: bool = True) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
        """Write in one transaction that has `count` numbers above all that is committed; lends the first of them."""
        with self._write:
            with self.transaction(catalog=catalog) as cursor:
                yield cursor, self.seq + 1
            self.seq += count

    @contextlib.contextmanager
    def revising(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
        """Write in one transaction as `numbered` does, in which the table `latest` has everything."""
        with self._write:
            self.latest.fold()
            with self.numbered() as numbered:
                yield numbered

    @staticmethod
    def prepared(rows: pa.Table) -> pa.Table:
        """Return readings as the engine takes them. Raises InvalidReadings for an id that is no UUID."""
        return rows.set_column(0, "id", as_uuids(rows.column("id")))

    def append(self, tables: Sequence[pa.Table], also: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        """Add the rows of all `tables`, and what `also` writes, in one transaction. Durable and visible then.

        They are as `prepared` returns them.
        Later tables, and later rows of a table, win over earlier ones with the same id and time.
        """
        rows = pa.concat_tables(tables)
        with self._write:
            self._widen(rows)
            with self.numbered(rows.num_rows, catalog=False) as (cursor, seq):
                batch = rows.append_column("seq", pa.array(np.arange(seq, seq + rows.num_rows, dtype=np.int64)))
                cursor.from_arrow(batch).insert_into("readings")
                also(cursor)
            self.rows += rows.num_rows
            self.latest.add(batch)

    def forget(self, seqs: range, catalogue: Callable[[duckdb.DuckDBPyConnection], object]) -> int:
        """Delete the rows with these numbers and change the catalog, in one transaction; returns how many rows."""
        with self._write:
            self.latest.fold()  # what it is made of goes
            with self.transaction() as cursor:
                catalogue(cursor)
                gone = _one(
                    cursor.execute("DELETE FROM readings WHERE seq >= ? AND seq < ?", [seqs.start, seqs.stop])
                )
                left = hot_extent(cursor)
            self.rows -= gone
            self._span = left  # not before others see the new catalog
            self._database.passed()
        return gone

    def find(self, ids: Iterable[str], window: Window) -> dict[str, list[Part]]:
        """Return what is hot of some series in a window, each (id, time) once, in no order."""
        parts: dict[str, list[Part]] = {series: [] for series in ids}
        if self._span is None or not window.meets(*self._span):
            return parts
        with contextlib.closing(self.cursor()) as cursor, engine_errors():
            found = cursor.sql(_FIND.format(window=window.condition()), params=[list(parts)])
            rows: pa.Table = found.to_arrow_reader().read_all().combine_chunks()
        for series, own in parts.items():
            for batch in rows.filter(pc.field("id") == series).to_batches():
                own.append(Part(batch.select(VALUES.names), batch.column("seq").to_numpy()))
        return parts

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From when to when there may be hot readings: of all that `find` has found, unless the catalog changed."""
        return self._span

    def _widen(self, rows: pa.Table) -> None:
        """Let the span have the times of rows that are about to come: it is never too short for those who look."""
        times = pc.min_max(rows.column("time"))
        first, last = times["min"].as_py(), times["max"].as_py()
        if first is not None:
            self._span = (min(first, self._span[0]), max(last, self._span[1])) if self._span else (first, last)

    def copy_to(self, target: Path, cursor: duckdb.DuckDBPyConnection) -> None:
        """Copy the tables, as the cursor's transaction sees them, to a new DuckDB file. Not yet durable."""
        temporary = self._scratch / target.name
        with self._copying:
            temporary.unlink(missing_ok=True)
            cursor.execute(f"ATTACH {quote(str(temporary))} AS copy")
            try:
                cursor.execute("COPY FROM DATABASE hot TO copy")
                cursor.execute("COMMIT")
                cursor.execute("CHECKPOINT copy")  # all of it is in one file then
            finally:
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("ROLLBACK")
                cursor.execute("DETACH copy")
            shutil.move(temporary, target)

    def remove(self, work: Callable[[duckdb.DuckDBPyConnection, int], int]) -> None:
        """Do, in one transaction with a number of its own, what removes so many hot rows as it returns."""
        with self._write:
            with self.revising() as (cursor, seq):
                gone = work(cursor, seq)
            self.rows -= gone

    def reserve_seq(self) -> int:
        """Take a number above every committed row's seq and below every later one's."""
        with self._write:
            self.seq += 1
            return self.seq

    def next_segment(self) -> int:
        """Return a number that no segment has."""
        with self._write:
            self._last_segment += 1
            return self._last_segment

    def close(self) -> None:
        """Checkpoint and close. Closing twice is fine."""
        with self._write:
            self._database.close()


def hot_extent(cursor: duckdb.DuckDBPyConnection) -> tuple[datetime, datetime] | None:
    """Return the first and last time of hot readings."""
    [(first, last)] = cursor.execute("SELECT min(time), max(time) FROM readings").fetchall()
    return (first, last) if first is not None else None


def _one(cursor: duckdb.DuckDBPyConnection) -> int:
    [(number,)] = cursor.fetchall()
    return int(number or 0)
