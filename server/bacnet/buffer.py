"""What waits for the server, on disk: readings, and how far each trend log is read. One SQLite file.

Both are written in one transaction, so that a record of a trend log is either in the buffer and behind its position,
or neither. Sending a reading twice is harmless: of a series and a time the server keeps the last.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, time INTEGER NOT NULL, value REAL, text TEXT,
    status TEXT);
CREATE TABLE IF NOT EXISTS refused (
    id TEXT NOT NULL, time INTEGER NOT NULL, value REAL, text TEXT, status TEXT, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS positions (log TEXT PRIMARY KEY, sequence INTEGER NOT NULL, time INTEGER NOT NULL);
"""
_DROP = "DELETE FROM waiting WHERE number IN (SELECT number FROM waiting ORDER BY number LIMIT ?)"


class Reading(NamedTuple):
    """A reading: the series' UUID, microseconds since 1970 (UTC), a number or a text, and its quality flags."""

    id: str
    time: int
    value: float | None
    text: str | None = None
    status: str | None = None


class Position(NamedTuple):
    """The last record of a trend log that is in the buffer: its sequence number, and its time."""

    log: str
    sequence: int
    time: int


class Buffer:
    """The file. All methods may be called from any thread; writes are durable when they return."""

    def __init__(self, path: Path, most: int = 50_000_000) -> None:
        """Open or make it; it holds at most so many readings. Raises sqlite3.Error where it is damaged."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._most = most
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)
        self._count: int = self._connection.execute("SELECT count(*) FROM waiting").fetchone()[0]
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many readings wait."""
        return self._count

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def add(self, readings: Sequence[Reading], position: Position | None = None) -> None:
        """Keep readings, and the position in the trend log that they are from. Durable when it returns."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO waiting (id, time, value, text, status) VALUES (?, ?, ?, ?, ?)", readings
            )
            if position is not None:
                connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", position)
            over = max(0, self._count + len(readings) - self._most)
            if over:
                connection.execute(_DROP, (over,))
        self._count += len(readings) - over
        self.dropped += over

    def position(self, log: str) -> Position | None:
        """Return how far a trend log is read."""
        with self._lock:
            row = self._connection.execute("SELECT * FROM positions WHERE log = ?", (log,)).fetchone()
        return None if row is None else Position(*row)

    def first(self, most: int) -> tuple[list[Reading], list[int]]:
        """Return the readings that wait longest, and their numbers."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, id, time, value, text, status FROM waiting ORDER BY number LIMIT ?", (most,)
            ).fetchall()
        return [Reading(*row[1:]) for row in rows], [row[0] for row in rows]

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget what the server has, by the first and last number of an unbroken run from `first`."""
        with self._transaction() as connection:
            gone = connection.execute(
                "DELETE FROM waiting WHERE number BETWEEN ? AND ?", (numbers[0], numbers[-1])
            ).rowcount
        self._count -= gone

    def refuse(self, reading: Reading, number: int, reason: str) -> None:
        """Set a reading apart that the server does not take."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?)", (*reading, reason))
            gone = connection.execute("DELETE FROM waiting WHERE number = ?", (number,)).rowcount
        self._count -= gone

    def refused(self) -> list[tuple[Reading, str]]:
        """Return what the server did not take, with its reasons."""
        with self._lock:
            rows = self._connection.execute("SELECT * FROM refused").fetchall()
        return [(Reading(*row[:5]), row[5]) for row in rows]

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        with self._lock:
            self._connection.close()
