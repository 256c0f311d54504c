"""What DuckDB raises, as the errors of this package; and deadlines for what it does."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa

from storage.errors import (
    Cancelled,
    Corrupt,
    DeadlineExceeded,
    DiskFailed,
    InvalidReadings,
    MemoryLimitExceeded,
    StorageError,
)

_AGAIN = 0.05  # seconds between interrupts: one that comes between two statements is lost


# DuckDB raises its own types, Arrow's reader an OSError with DuckDB's message: both begin alike.
_KINDS: dict[str, type[StorageError]] = {
    "INTERRUPT": DeadlineExceeded,
    "Out of Memory": MemoryLimitExceeded,
    "Conversion": InvalidReadings,
    "Constraint": InvalidReadings,
    "IO": DiskFailed,
    "FATAL": DiskFailed,
}
_LATE = "reading took longer than there was time"
_LOST = ("No files found that match", "not a valid DuckDB database", "replaying WAL")
_BROKEN = ("parquet", "corrupt", "failed to read file", "out of buffer")  # is in what it says of a broken file


class Stop:
    """Ends what is being read: in any thread, before it begins or while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        self._stopped = False

    def stop(self) -> None:
        """End it. Ending twice is fine."""
        with self._lock:
            self._stopped, calls, self._calls = True, self._calls, []
        for call in calls:
            call()

    def then(self, call: Callable[[], None]) -> None:
        """Have something called once it is ended, which may be at once."""
        with self._lock:
            if not self._stopped:
                self._calls.append(call)
                return
        call()

    def check(self) -> None:
        """Raise Cancelled where it is ended."""
        if self._stopped:
            raise Cancelled("the query was cancelled")


@contextlib.contextmanager
def engine_errors(stop: Stop | None = None) -> Iterator[None]:
    """Raise the errors of `storage.errors` for what the engine says of memory, disk, data and deadlines."""
    try:
        yield
    except UnicodeDecodeError as error:  # of a message that quotes what is in a Parquet file
        raise Corrupt("a file of readings has names that are not UTF-8") from error
    except (duckdb.Error, OSError) as error:
        kind = _kind(error)
        if kind is None:
            raise
        if stop is not None and kind is DeadlineExceeded:
            stop.check()
        raise kind(_LATE if kind is DeadlineExceeded else str(error).partition("\n")[0]) from error


def _kind(error: Exception) -> type[StorageError] | None:
    message = str(error)
    if "No space left on device" in message:
        return DiskFailed
    if any(sign in message for sign in _LOST):
        return Corrupt
    prefix, separator, _ = message.partition(" Error: ")
    if separator and prefix in _KINDS:
        return _KINDS[prefix]
    if type(error) is duckdb.Error:  # of the libraries below it, about what is in a Parquet file
        return Corrupt
    if isinstance(error, duckdb.Error) or separator:
        return Corrupt if any(sign in message.lower() for sign in _BROKEN) else None
    return DiskFailed if isinstance(error, OSError) else None


def table_of(cursor: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Return the rows of a query as a table."""
    reader: pa.RecordBatchReader = cursor.sql(sql).to_arrow_reader()
    with reader:
        return reader.read_all()


class Deadline:
    """Interrupts a connection from a moment on, or from when it is to `stop`, until it is closed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float, stop: Stop | None = None) -> None:
        self._connection = connection
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._stop = stop or Stop()
        self._due = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="series-deadline", daemon=True)
        self._thread.start()
        self._stop.then(self._due.set)

    def _watch(self) -> None:
        self._due.wait(self._seconds)
        while not self._closed.is_set():
            self._connection.interrupt()
            self._closed.wait(_AGAIN)

    def check(self) -> None:
        """Raise DeadlineExceeded when it has passed, or Cancelled."""
        self._stop.check()
        if time.monotonic() >= self._end:
            raise DeadlineExceeded(f"reading took longer than {self._seconds:g} s")

    def close(self) -> None:
        """Let the connection alone from now on. Closing twice is fine."""
        self._closed.set()
        self._due.set()
        self._thread.join()
