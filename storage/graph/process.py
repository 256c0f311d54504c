"""The parent's side of one reader process: starts it, asks it, takes its frames, and names what it died of."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys

from storage.children import environment
from storage.errors import DeadlineExceeded, MemoryLimitExceeded, ReaderCrashed, StorageError
from storage.graph.channel import TOO_DEEP
from storage.graph.reader import HEADER, packed
from storage.graph.store import GraphStore, Snapshot

Frame = tuple[bytes, int, bytes]  # kind, rows so far, payload; see storage.graph.reader
_READ = 1 << 16  # what a pipe holds


class Reader:
    """One process and the snapshot that it reads. One query has it at a time."""

    def __init__(self, store: GraphStore, memory: int) -> None:
        self._store = store
        self._memory = memory
        self._buffer = b""
        self.snapshot: Snapshot | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "storage.graph.reader", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        assert self._process.stdin is not None  # noqa: S101 - opened with pipes, for the type checker
        assert self._process.stdout is not None  # noqa: S101 - as above
        self._requests, self._frames = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether the process is there; an idle one may have been killed from outside."""
        return self._process.poll() is None

    def has(self, generation: int) -> bool:
        """Tell whether its snapshot has all commits up to this generation."""
        return self.snapshot is not None and self.snapshot.generation >= generation

    def refresh(self) -> None:
        """Move to a snapshot that is at least as new as this moment. Takes a while; raises ReaderCrashed."""
        if self.has(self._store.generation):
            return
        self._give_back()
        self.snapshot = self._store.take()
        try:
            self.ask(packed(json.dumps({"open": str(self.snapshot.path)}).encode()))
            while not self.take():
                pass
        except (EOFError, ReaderCrashed):
            self._give_back()
            raise ReaderCrashed("the reader process ended before it had opened its snapshot") from None

    def _give_back(self) -> None:
        old, self.snapshot = self.snapshot, None
        if old is not None:
            self._store.give_back(old)

    def ask(self, message: bytes) -> None:
        """Send a request. Does not block while it fits into a pipe. Raises ReaderCrashed."""
        left = memoryview(message)
        try:
            while left:
                left = left[os.write(self._requests.fileno(), left) :]
        except (OSError, ValueError) as error:  # ValueError: it is closed
            raise ReaderCrashed("the reader process has gone") from error

    def fileno(self) -> int:
        """Return what becomes readable when frames come."""
        return self._frames.fileno()

    def take(self) -> list[Frame]:
        """Return the frames that one more read completes; blocks where there is nothing. Raises EOFError."""
        try:
            data = self._frames.read1(_READ)  # type: ignore[attr-defined] # the pipe is buffered, and so has it
        except ValueError:  # it was closed meanwhile
            data = b""
        if not data:
            raise EOFError
        frames, self._buffer = _frames(self._buffer + data)
        return frames

    def cause_of_death(self, seconds: float) -> StorageError:
        """Return what it means that the process has ended; `seconds` was its deadline."""
        code = self._process.wait()
        if code == -signal.SIGALRM:
            return DeadlineExceeded(f"the query took longer than {seconds:g} s")
        if code == -signal.SIGABRT:
            return self.out_of_memory()
        if code == -signal.SIGSEGV:
            return MemoryLimitExceeded(f"the query {TOO_DEEP}")
        return ReaderCrashed(f"the reader process ended with status {code}")

    def out_of_memory(self) -> MemoryLimitExceeded:
        """Return the error for a query that met the memory cap."""
        return MemoryLimitExceeded(f"the query needed more than {self._memory >> 20:,} MiB of memory")

    def kill(self) -> None:
        """End the process; whoever reads from it meets the end of its frames."""
        self._process.kill()

    def close(self) -> None:
        """End the process, wait for that, and give its snapshot back. Closing twice is fine."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # its buffer may hold a line that nobody can take any more
            self._requests.close()
        self._frames.close()
        self._give_back()


def _frames(data: bytes) -> tuple[list[Frame], bytes]:
    """Return the whole frames, and what is left of the one after them."""
    frames, at = [], 0
    while len(data) - at >= HEADER.size:
        kind, size, rows = HEADER.unpack_from(data, at)
        end = at + HEADER.size + size
        if end > len(data):
            break
        frames.append((kind, rows, data[at + HEADER.size : end]))
        at = end
    return frames, data[at:]
