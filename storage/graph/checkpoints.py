"""Moves what the write-ahead log of an SQLite file holds into the file, in a thread.

That syncs both, which on a busy disk takes a tenth of a second and more, and whoever writes may serve others as well.
The log begins anew once all is moved. Where more comes all the time, writers wait for the rest, which is little.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

_ENOUGH = 4 << 20  # bytes in the log, about, that are worth it
_MANY = 16 << 20  # bytes, with which those who write wait for the rest
_MOST = 64 << 20  # bytes, with which the one who writes moves them, if that has failed so far
_PAGE = 4096  # bytes, of which each commit writes one at least


class Checkpoints:
    """Those of one file, to which one connection writes. Used by one thread at a time."""

    def __init__(self, path: Path, file: sqlite3.Connection, lock: threading.Lock) -> None:
        """`lock` is held whenever something is written."""
        self._path = path
        self._lock = lock
        self._written = 0
        self._thread: threading.Thread | None = None
        file.execute(f"PRAGMA wal_autocheckpoint = {_MOST // _PAGE}")

    def written(self, size: int) -> None:
        """Take note of a commit of so many bytes; never waits."""
        self._written += _PAGE + size
        if self._written >= _ENOUGH and (self._thread is None or not self._thread.is_alive()):
            self._written = 0
            self._thread = threading.Thread(target=self._run, name="journal-checkpoint", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._path)) as file:  # it is tried again after more
            file.execute("SELECT 1 FROM sqlite_schema").fetchall()  # opens the log
            if _move(file) > _MANY // _PAGE:
                with self._lock:
                    _move(file)

    def close(self) -> None:
        """Return once nothing is under way. Closing twice is fine; nobody who does holds the lock."""
        if self._thread is not None:
            self._thread.join()


def _move(file: sqlite3.Connection) -> int:
    """Move what is there now; return how many pages the log has."""
    _, pages, _ = file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)
