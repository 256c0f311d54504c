"""The hot tier: one DuckDB file with the newest readings, the latest value of each series, and the catalog.

The catalog says which Parquet files (segments) there are; a file that it does not name does not exist.
Level 0 are runs: written whole when hot rows are sealed, possibly overlapping anything. Level 1 are the
disjoint, de-duplicated files that compaction makes of them.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from storage.errors import Closed
from storage.files import sync_directory
from storage.series.engine import engine_errors
from storage.series.sql import quote

_SCHEMA = """
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
CREATE TABLE IF NOT EXISTS segment_series (
    segment BIGINT NOT NULL, id UUID NOT NULL, rows BIGINT NOT NULL,
    first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL
);
"""

_LAST_SEQ = """
SELECT greatest((SELECT max(seq) FROM readings), (SELECT max(seq) FROM latest), (SELECT max(seq) FROM segments), 0)
"""

_UPSERT_LATEST = """
INSERT INTO latest
SELECT id, newest.time, newest.value, newest.text, newest.status, newest.seq FROM (
    SELECT id::UUID AS id, arg_max({{time: time, value: value, text: text, status: status, seq: seq}}, (time, seq))
        AS newest
    FROM {rows} GROUP BY ALL
)
ON CONFLICT (id) DO UPDATE SET time = excluded.time, value = excluded.value, text = excluded.text,
    status = excluded.status, seq = excluded.seq
WHERE (excluded.time, excluded.seq) >= (latest.time, latest.seq)
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """One catalogued Parquet file. `first` and `last` are its first and last time; days are in UTC."""

    number: int
    level: int
    seq: int
    first_day: date
    last_day: date
    first: datetime
    last: datetime
    rows: int
    bytes: int

    @property
    def file_name(self) -> str:
        """Its name in `series/segments/`."""
        return f"{self.number:010d}.parquet"

    @property
    def public_name(self) -> str:
        """Its path in a hive-partitioned data set."""
        day = self.first_day
        return f"year={day.year}/month={day.month:02d}/{day.isoformat()}.parquet"


class HotTier:
    """The DuckDB file. Every transaction that writes goes through `transaction`, one at a time."""

    def __init__(self, directory: Path, *, memory: int, threads: int) -> None:
        """Open or create `directory`/hot.duckdb; DuckDB may use `memory` bytes and spills beside the file."""
        self._scratch = directory / "tmp"
        self._log = directory / "hot.duckdb.wal"
        self._synced_log = (0, 0)
        self._connection = duckdb.connect(
            str(directory / "hot.duckdb"),
            config={
                "memory_limit": f"{memory >> 20}MiB",
                "threads": threads,
                "temp_directory": str(self._scratch),
                "preserve_insertion_order": True,
            },
        )
        self._write = threading.RLock()
        self._copying = threading.Lock()
        self._closed = False
        self._connection.execute(_SCHEMA)
        self._connection.execute(f"SET allowed_directories = [{quote(f'{directory}/')}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._connection.execute("CHECKPOINT")
        sync_directory(directory)
        self.seq = _one(self._connection.execute(_LAST_SEQ))
        self._last_segment = _one(self._connection.execute("SELECT max(segment) FROM segments"))
        self.rows = _one(self._connection.execute("SELECT count(*) FROM readings"))

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to the same database, for one thread."""
        if self._closed:
            raise Closed("the series are closed")
        return self._connection.cursor()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Write in one transaction. Durable and visible when the block ends; undone if it raises."""
        with self._write, engine_errors(), contextlib.closing(self.cursor()) as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
                cursor.execute("COMMIT")
                self._sync_new_log()
            except BaseException:
                with contextlib.suppress(duckdb.Error):  # a COMMIT that failed has ended the transaction
                    cursor.execute("ROLLBACK")
                raise

    def _sync_new_log(self) -> None:
        """Sync the directory when the log is a new file: the engine syncs what is in it, not that it is there.

        A log that got shorter is new too, since a new file may get an old one's number.
        """
        number, size = 0, 0
        with contextlib.suppress(FileNotFoundError):  # a checkpoint has just taken it in
            status = self._log.stat()
            number, size = status.st_ino, status.st_size
        if number != self._synced_log[0] or size < self._synced_log[1]:
            sync_directory(self._log.parent)
        self._synced_log = (number, size)

    def append(self, tables: Sequence[pa.Table]) -> int:
        """Add the rows of all `tables` in one transaction; returns their common seq. Durable and visible then.

        Later tables, and later rows of a table, win over earlier ones with the same id and time.
        """
        rows = pa.concat_tables(tables)
        with self._write:
            seq = self.seq + 1
            with self.transaction() as cursor:
                cursor.register("batch", _numbered(rows, seq))
                cursor.execute("INSERT INTO readings SELECT id::UUID, time, value, text, status, seq FROM batch")
                self.upsert_latest(cursor, "batch")
                cursor.unregister("batch")
            self.seq += rows.num_rows
            self.rows += rows.num_rows
        return seq

    def forget(self, seq: int, catalogue: Callable[[duckdb.DuckDBPyConnection], object]) -> int:
        """Delete the rows below `seq` and change the catalog, in one transaction; returns how many rows."""
        with self._write:
            with self.transaction() as cursor:
                catalogue(cursor)
                cursor.execute("DELETE FROM readings WHERE seq < ?", [seq])
                [(gone,)] = cursor.fetchall()
            self.rows -= int(gone)
        return int(gone)

    def copy_to(self, target: Path, cursor: duckdb.DuckDBPyConnection) -> None:
        """Copy the tables, as the cursor's transaction sees them, to a new DuckDB file. Not yet durable."""
        temporary = self._scratch / target.name
        with self._copying:
            temporary.unlink(missing_ok=True)
            cursor.execute(f"ATTACH {quote(str(temporary))} AS copy")
            try:
                cursor.execute("COPY FROM DATABASE hot TO copy")
                cursor.execute("COMMIT")
            finally:
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("ROLLBACK")
                cursor.execute("DETACH copy")
            shutil.move(temporary, target)

    @staticmethod
    def upsert_latest(cursor: duckdb.DuckDBPyConnection, rows: str) -> None:
        """Move the latest values on to those of `rows`, a relation with `seq`, where these are not older."""
        cursor.execute(_UPSERT_LATEST.format(rows=rows))

    def reserve_seq(self, count: int = 1) -> int:
        """Take `count` numbers above every committed row's seq and below every later one's; returns the first."""
        with self._write:
            first = self.seq + 1
            self.seq += count
            return first

    def next_segment(self) -> int:
        """Return a number that no segment has."""
        with self._write:
            self._last_segment += 1
            return self._last_segment

    def segments(self, cursor: duckdb.DuckDBPyConnection) -> list[Segment]:
        """Return the catalog, by level, then by time."""
        found = cursor.execute(
            "SELECT segment, level, seq, first_day, last_day, first, last, rows, bytes FROM segments"
            " ORDER BY level DESC, first_day, seq"
        ).fetchall()
        return [Segment(*row) for row in found]

    def close(self) -> None:
        """Checkpoint and close. Closing twice is fine."""
        with self._write:
            self._closed = True
            self._connection.close()


def _numbered(rows: pa.Table, seq: int) -> pa.Table:
    numbers = pa.array(np.arange(seq, seq + rows.num_rows, dtype=np.int64))
    return rows.append_column("seq", numbers)


def _one(cursor: duckdb.DuckDBPyConnection) -> int:
    [(number,)] = cursor.fetchall()
    return int(number or 0)
