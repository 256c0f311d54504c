"""The DuckDB file, open: its settings, its log, and another start where the engine has given up.

The engine does not survive a checkpoint that finds the disk full. So checkpoints are made here, where there is room
for one; and if it gives up all the same, the file is opened anew for whoever comes next.

Nor does it give space back: what was deleted leaves room in the file for what comes. So a start puts a copy in its
place where most of it is room; the rename is the moment from which on the copy counts, whole and on disk.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path

import duckdb

from storage.errors import Closed, DiskFailed
from storage.files import sync_directory, sync_file
from storage.series.engine import engine_errors
from storage.series.sql import name, quote

LOG_BYTES = 128 << 20
"""The size of the log from which on it is taken into the file: a start reads it, at some 200 MiB a second."""
PASSED_BYTES = 16 << 20
"""The same where most of what the log has is gone again, so that little is left to be taken in."""
LEAST_ROOM = 16 << 20
"""The bytes of room in the file from which on it is worth a copy."""
_MARGIN = 8 << 20
_LOG = logging.getLogger(__name__)


class Database:
    """One DuckDB file. Only one thread at a time may write."""

    def __init__(self, path: Path, scratch: Path, *, memory: int, threads: int) -> None:
        """Open or create a file; DuckDB may use `memory` bytes, and spills to `scratch`."""
        self._path = path
        self._scratch = scratch
        self._wal = path.with_name(path.name + ".wal")
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory >> 20}MiB",
            "threads": threads,
            "temp_directory": str(scratch),
            "preserve_insertion_order": True,
            "checkpoint_threshold": "1TiB",
        }
        self._synced_log = (0, 0)
        self._closed = self._given_up = False
        self._opening = threading.Lock()
        self._connection = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self._path), config=self._config)
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("SET parquet_metadata_cache = true")  # no file is ever changed
        connection.execute(f"SET allowed_directories = [{quote(f'{self._path.parent}/')}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to the same file, for one thread."""
        if self._closed:
            raise Closed("the series are closed")
        if self._given_up:
            self._open_again()
        return self._connection.cursor()

    def _open_again(self) -> None:
        with self._opening:
            if not self._given_up or self._closed:
                return
            self._connection.close()
            try:
                with engine_errors():
                    self._connection = self._open()
                    self._connection.execute("SELECT 1 FROM segments LIMIT 1").fetchall()
            except duckdb.Error as error:
                raise DiskFailed(f"{self._path.name} cannot be opened again: {error}") from error
            self._given_up = False

    def committed(self) -> None:
        """Make durable what the engine does not: that its log is there. Raises OSError where that fails."""
        number, size = 0, 0
        with contextlib.suppress(FileNotFoundError):
            status = self._wal.stat()
            number, size = status.st_ino, status.st_size
        # A log that got shorter is new too, since a new file may get an old one's number.
        if number != self._synced_log[0] or size < self._synced_log[1]:
            sync_directory(self._wal.parent)
        self._synced_log = (number, size)
        if size >= LOG_BYTES:
            self.checkpoint()

    def passed(self) -> None:
        """Take note that most of what was written lately has been deleted."""
        if self._synced_log[1] >= PASSED_BYTES:
            self.checkpoint()

    def failed(self, error: BaseException) -> None:
        """Take note of what a transaction raised."""
        if isinstance(error, duckdb.FatalException):
            self._given_up = True

    def checkpoint(self) -> None:
        """Take the log into the file, where the disk has room for that."""
        try:
            if self._has_room():
                self._connection.execute("CHECKPOINT")
        except (duckdb.Error, OSError) as error:  # everything is in the log
            self.failed(error)
            _LOG.warning("the log of %s could not be taken in: %s", self._path.name, error)

    def _has_room(self) -> bool:
        disk = os.statvfs(self._path.parent)
        log = self._wal.stat().st_size if self._wal.exists() else 0
        return disk.f_bavail * disk.f_frsize >= 2 * log + _MARGIN

    def shrink(self) -> bool:
        """Put a copy in place of a file that is mostly room; returns whether it did. Nobody may have a cursor.

        Where that fails, the file stays as it was.
        """
        fresh = self._scratch / f"{self._path.name}.fresh"
        try:
            if self._wal.exists() or not self._is_mostly_room():
                return False
            self._copy_to(fresh)
            sync_file(fresh)
            self._connection.close()
            fresh.replace(self._path)
            sync_directory(self._path.parent)
        except (duckdb.Error, OSError) as error:
            _LOG.warning("%s could not be made smaller: %s", self._path.name, error)
            fresh.unlink(missing_ok=True)
            self._connection.close()
            self._connection = self._open()
            return False
        self._connection = self._open()
        return True

    def _is_mostly_room(self) -> bool:
        [(block, used, free)] = self._connection.execute(
            "SELECT block_size, used_blocks, free_blocks FROM pragma_database_size()"
        ).fetchall()
        return bool(free > used and free * block >= LEAST_ROOM)

    def _copy_to(self, target: Path) -> None:
        target.unlink(missing_ok=True)
        self._connection.execute(f"ATTACH {quote(str(target))} AS fresh")
        try:
            self._connection.execute(f"COPY FROM DATABASE {name(self._path.stem)} TO fresh")
            self._connection.execute("CHECKPOINT fresh")  # all of it is in one file then
        finally:
            self._connection.execute("DETACH fresh")

    def close(self) -> None:
        """Checkpoint and close. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            self.checkpoint()
            self._connection.close()
