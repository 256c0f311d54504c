"""Queries, run in reader processes that can be killed.

A pool of processes, each on a checkpoint of the graph. A query gets a free one, moves it to the generation
current at that moment, and streams its answer. At the deadline or the memory cap the process dies and the
query raises; another process takes its place, and nothing else notices.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from storage.errors import (
    ByteLimitExceeded,
    Closed,
    DeadlineExceeded,
    MemoryLimitExceeded,
    Overloaded,
    QueryEvaluationError,
    ReaderCrashed,
    RowLimitExceeded,
    StorageError,
)
from storage.graph.reader import HEADER
from storage.graph.store import GraphStore, Snapshot, syntax_error

SPARQL_JSON = "application/sparql-results+json"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use: seconds of wall clock, rows and bytes of its result."""

    seconds: float = 30.0
    rows: int = 10_000_000
    bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Query:
    """A SPARQL query and its dataset (SPARQL 1.1 Protocol, section 2.1.4).

    `format` is the media type of the answer. `default_graphs` and `named_graphs` are the protocol's; with
    neither, `union` makes the default graph the union of all graphs.
    """

    text: str
    format: str = SPARQL_JSON
    base: str | None = None
    union: bool = True
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Dump:
    """One graph (None: the default graph), or with `whole` the dataset, in an RDF format."""

    graph: str | None = None
    format: str = "application/n-quads"
    whole: bool = False


@dataclass(slots=True)
class Result:
    """An answer on its way: iterate for its bytes, close when done with it, early or not.

    `rows` is known once the bytes have ended; it is 0 for answers that have no rows.
    """

    _reader: Reader
    _pool: ReaderPool
    _limits: Limits
    _first: bytes | None = None
    generation: int = 0
    rows: int = 0
    _ended: bool = field(default=False)
    _released: bool = field(default=False)

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            yield self._first
            self._first = None
        while not self._ended:
            if (chunk := self._next()) is not None:
                yield chunk

    def _next(self) -> bytes | None:
        try:
            kind, payload = self._reader.receive(self._limits)
        except StorageError:
            self.close()
            raise
        if kind == b"D":
            return payload
        self._ended = True
        self.close()
        if kind == b"X":
            raise self._as_exception(json.loads(payload))
        self.rows = json.loads(payload)["rows"]
        return None

    def _as_exception(self, error: dict[str, Any]) -> StorageError:
        message = error["message"]
        match error["kind"]:
            case "syntax":
                return syntax_error(message, error["line"], error["column"])
            case "rows":
                return RowLimitExceeded(f"the result has more than {self._limits.rows:,} rows")
            case "bytes":
                return ByteLimitExceeded(f"the result has more than {self._limits.bytes:,} bytes")
            case "memory":
                return self._reader.out_of_memory()
            case "evaluation":
                return QueryEvaluationError(message)
            case _:
                return ReaderCrashed(message)

    def start(self) -> None:
        """Wait for the first bytes, so that what goes wrong before them is raised here."""
        self._first = self._next()

    def read(self) -> bytes:
        """Return the whole answer."""
        try:
            return b"".join(self)
        finally:
            self.close()

    def close(self) -> None:
        """Free the reader; one that is still busy is killed. Closing twice is fine."""
        if not self._released:
            self._released = True
            self._pool.release(self._reader, idle=self._ended)


class Reader:
    """One process and the snapshot that it reads."""

    def __init__(self, store: GraphStore, memory: int) -> None:
        self._store = store
        self._memory = memory
        self.snapshot: Snapshot | None = None
        self._ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "storage.graph.reader", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def refresh(self) -> None:
        """Move to a snapshot that is at least as new as this moment."""
        snapshot = self._store.take()
        if self.snapshot is not None and self.snapshot.generation == snapshot.generation:
            self._store.give_back(snapshot)
            return
        self._give_back()
        self.snapshot = snapshot
        self._send({"open": str(snapshot.path)})

    def _give_back(self) -> None:
        old, self.snapshot = self.snapshot, None
        if old is not None:
            self._store.give_back(old)

    def ask(self, request: dict[str, Any]) -> None:
        self._send(request)

    def _send(self, request: dict[str, Any]) -> None:
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()
        except OSError as error:
            raise ReaderCrashed(f"the reader process has gone ({error.strerror})") from error

    def receive(self, limits: Limits) -> tuple[bytes, bytes]:
        """Return the next frame; raises what its death means if the process has died."""
        with contextlib.suppress(ValueError):  # it is closed once the process has been killed
            header = self._stdout.read(HEADER.size)
            if len(header) == HEADER.size:
                kind, size = HEADER.unpack(header)
                payload = self._stdout.read(size)
                if len(payload) == size:
                    return kind, payload
        raise self._cause_of_death(limits)

    def _cause_of_death(self, limits: Limits) -> StorageError:
        code = self._process.wait()
        if self._ended:
            return Closed("the answer or the readers were closed")
        if code == -signal.SIGALRM:
            return DeadlineExceeded(f"the query took longer than {limits.seconds:g} s")
        if code in (-signal.SIGABRT, -signal.SIGSEGV):
            return self.out_of_memory()
        return ReaderCrashed(f"the reader process ended with status {code}")

    def out_of_memory(self) -> MemoryLimitExceeded:
        """Return the error for a query that met the memory cap."""
        return MemoryLimitExceeded(f"the query needed more than {self._memory >> 20:,} MiB of memory")

    @property
    def alive(self) -> bool:
        """Tell whether the process is there; an idle one may have been killed from outside."""
        return self._process.poll() is None

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - opened with a pipe, for the type checker
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - as above
        return self._process.stdout

    def kill(self) -> None:
        """End the process and give its snapshot back. What is being read from it raises Closed."""
        self._ended = True
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # its buffer may hold a line that nobody can take any more
            self._stdin.close()
        self._stdout.close()
        self._give_back()


class ReaderPool:
    """Up to `size` readers. Thread-safe; waiting queries are served in the order of their coming."""

    def __init__(self, store: GraphStore, *, size: int = 4, memory: int = 2 << 30, patience: float = 10.0) -> None:
        """`memory` bytes a reader may use; a query waits `patience` seconds for a reader."""
        self._store = store
        self._memory = memory
        self._patience = patience
        self._free: queue.Queue[Reader] = queue.Queue()
        self._all: set[Reader] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.busy = 0
        self.size = size
        self.killed = 0
        for _ in range(size):
            self._free.put(self._spawn())

    def _spawn(self) -> Reader:
        reader = Reader(self._store, self._memory)
        self._all.add(reader)
        return reader

    def run(self, request: Query | Dump, limits: Limits) -> Result:
        """Start a query; the Result has its first bytes. The answer sees all commits made before the call.

        Raises the errors of `storage.errors`: QueryError, LimitExceeded, Overloaded, ReaderCrashed, Closed.
        """
        reader = self._take()
        result = Result(reader, self, limits)
        try:
            reader.refresh()
            result.generation = reader.snapshot.generation if reader.snapshot else 0
            reader.ask(_message(request, limits))
            result.start()
        except BaseException:
            result.close()
            raise
        return result

    def _take(self) -> Reader:
        if self._closed:
            raise Closed("the readers are closed")
        try:
            reader = self._free.get(timeout=self._patience)
        except queue.Empty:
            raise Overloaded(f"all {self.size} readers are busy") from None
        with self._lock:
            if self._closed:
                raise Closed("the readers are closed")
            self.busy += 1
            return reader if reader.alive else self._exchange(reader)

    def release(self, reader: Reader, *, idle: bool) -> None:
        """Take a reader back; one that is not idle is replaced by a new process."""
        with self._lock:
            self.busy -= 1
            if not self._closed:
                self._free.put(reader if idle else self._exchange(reader))
        # a closed pool has killed it already

    def _exchange(self, reader: Reader) -> Reader:
        """Return a new reader instead of one that is of no more use. The caller holds the lock."""
        reader.kill()
        self.killed += 1
        self._all.discard(reader)
        return self._spawn()

    def close(self) -> None:
        """Kill all readers; answers on their way raise Closed. Closing twice is fine."""
        with self._lock:
            self._closed = True
            readers, self._all = self._all, set()
        for reader in readers:
            reader.kill()


def _message(request: Query | Dump, limits: Limits) -> dict[str, Any]:
    message = asdict(request)
    if isinstance(request, Query):
        message["query"] = message.pop("text")
    return {
        **message,
        "seconds": limits.seconds,
        "max_rows": limits.rows,
        "max_bytes": limits.bytes,
    }
