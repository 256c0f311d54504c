"""What was changed in the graph: one SQLite file, bounded by number, age and bytes; the oldest go first.

A change is in it before whoever made it gets an answer, and survives the end of the process from then on. A power cut
may take the records of the last moments, though never the changes themselves: the graph's own log is synced for each.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from storage.errors import Corrupt
from storage.files import make_directory, sync_directory, sync_file
from storage.graph.checkpoints import Checkpoints
from storage.graph.recording.recorder import Change

_FILE = "journal.sqlite"
_SHORT = 512  # bytes, up to which packing does not pay
_TABLE = """CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY, time TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    graphs TEXT NOT NULL, made TEXT NOT NULL, dropped TEXT NOT NULL,
    added INTEGER, removed INTEGER, size INTEGER NOT NULL, packed INTEGER NOT NULL,
    quads_added BLOB NOT NULL, quads_removed BLOB NOT NULL) STRICT"""
_SIZE = 8  # where the size is in a row without its number
_INSERT = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SLACK = 100  # the part of what is kept that may be too much, so that not each change has one to forget
_OFTEN = 100  # changes
_HEADS = "number, time, who, what, graphs, made, dropped, added, removed"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept of changes: so many, of so many days, and so many bytes."""

    number: int = 10_000
    days: float = 365.0
    bytes: int = 256 << 20


class Made(NamedTuple):
    """A change to be recorded (None: the fact alone): who made it, as what, in which graphs."""

    who: str
    what: str
    graphs: tuple[str | None, ...]
    change: Change | None

    def row(self, time: str) -> tuple[Any, ...]:
        """Return what the table has of it, but for its number."""
        known = self.change or Change()
        packed = len(known.added) + len(known.removed) > _SHORT
        added, removed = (
            zlib.compress(q, 1) if packed else q for q in (known.added.encode(), known.removed.encode())
        )
        return (
            *(time, self.who, self.what, _listed(self.graphs), _listed(known.made), _listed(known.dropped)),
            *((known.added.count("\n"), known.removed.count("\n")) if self.change else (None, None)),
            *(len(added) + len(removed) + _SHORT, packed, added, removed),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A change: by whom, as what, in which graphs (None is the default graph) and how many quads.

    `made` and `dropped` are graphs. `added` and `removed` are None where the change is known as a fact alone.
    """

    number: int
    time: str
    who: str
    what: str
    graphs: tuple[str | None, ...]
    made: tuple[str, ...]
    dropped: tuple[str, ...]
    added: int | None
    removed: int | None


class Journal:
    """The changes of a data directory, in a folder of it. Thread-safe."""

    def __init__(self, folder: Path, bounds: Bounds | None = None) -> None:
        """Open the journal, or make one. Raises Corrupt for what is none."""
        self._bounds = bounds or Bounds()
        self._lock = threading.Lock()
        make_directory(folder)
        self._file = sqlite3.connect(folder / _FILE, check_same_thread=False, isolation_level=None)
        try:
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._checkpoints = Checkpoints(folder / _FILE, self._file, self._lock)
            self._file.execute(_TABLE)
            counted = "SELECT coalesce(max(number), 0), coalesce(sum(size), 0), coalesce(min(number), 1) FROM changes"
            self._newest, self._bytes, self._oldest = self._file.execute(counted).fetchone()
        except sqlite3.Error as error:
            self._file.close()
            raise Corrupt(f"{folder / _FILE} cannot be read ({error}): without it, a new one is begun") from error

    def append(self, changes: Iterable[Made]) -> int:
        """Record changes, all or none; returns the number of the last. What is too much by now is forgotten."""
        time = _now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rows = [change.row(time) for change in changes]
        with self._lock:
            numbered = list(enumerate(rows, self._newest + 1))
            with self._transaction():
                self._file.executemany(_INSERT, ((number, *row) for number, row in numbered))
            newest: int = self._newest + len(rows)
            self._newest = newest
            size = sum(row[_SIZE] for row in rows)
            self._bytes += size
            self._forget(len(rows))
            self._checkpoints.written(size)
        return newest

    def _forget(self, new: int) -> None:
        """Forget the oldest changes, but never the newest: many at a time, and those too old once in a while.

        So many have just come.
        """
        bounds = self._bounds
        slack = bounds.number // _SLACK
        over = self._newest - self._oldest >= bounds.number + slack or self._bytes > bounds.bytes
        if not over and self._newest % _OFTEN >= new:
            return
        until = (_now() - timedelta(days=bounds.days)).isoformat()
        with self._transaction():
            for number, time, size in self._file.execute("SELECT number, time, size FROM changes ORDER BY number"):
                many = number <= self._newest - bounds.number or self._bytes > bounds.bytes
                if number == self._newest or not (many or time < until):
                    self._oldest = number
                    break
                self._file.execute("DELETE FROM changes WHERE number = ?", (number,))
                self._bytes -= size

    def listed(self, limit: int) -> list[Entry]:
        """Return the newest changes, the newest first."""
        with self._lock:
            rows = self._file.execute(
                f"SELECT {_HEADS} FROM changes ORDER BY number DESC LIMIT ?",  # noqa: S608 - names of columns
                (limit,),
            ).fetchall()
        return [_entry(row) for row in rows]

    def read(self, number: int) -> tuple[Entry, Change] | None:
        """Return a change and its quads, in order; None where there is none of that number."""
        with self._lock:
            row = self._file.execute(
                f"SELECT {_HEADS}, packed, quads_added, quads_removed FROM changes WHERE number = ?",  # noqa: S608
                (number,),
            ).fetchone()
        if row is None:
            return None
        *heads, packed, added, removed = row
        entry = _entry(heads)
        texts = (zlib.decompress(blob).decode() if packed else blob.decode() for blob in (added, removed))
        added, removed = map(_sorted, texts)
        return entry, Change(added, removed, entry.made, entry.dropped)

    def back_up(self, folder: Path) -> None:
        """Write a copy of what is recorded now into a folder. Durable when it returns."""
        make_directory(folder)
        with self._lock, contextlib.closing(sqlite3.connect(folder / _FILE)) as copy:
            self._file.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        sync_file(folder / _FILE)
        sync_directory(folder)

    def close(self) -> None:
        """Write everything to the file. Closing twice is fine."""
        self._checkpoints.close()
        with self._lock:
            self._file.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        before = self._bytes
        try:
            self._file.execute("BEGIN IMMEDIATE")
            yield
            self._file.execute("COMMIT")
        except BaseException:
            self._bytes = before
            with contextlib.suppress(sqlite3.Error):
                self._file.execute("ROLLBACK")
            raise


def _listed(names: tuple[str | None, ...]) -> str:
    return json.dumps(names) if names else "[]"


def _entry(row: Sequence[Any]) -> Entry:
    number, time, who, what, *lists, added, removed = row
    graphs, made, dropped = (tuple(json.loads(each)) for each in lists)
    return Entry(number, time, who, what, graphs, made, dropped, added, removed)


def _sorted(n_quads: str) -> str:
    return "".join(f"{line}\n" for line in sorted(n_quads.split("\n")) if line)


def _now() -> datetime:
    return datetime.now(UTC)
