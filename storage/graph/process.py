"""The parent's side of one reader process: starts it, asks it, takes its frames, and names what it died of."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys

from storage.children import environment
from storage.errors import DeadlineExceeded, MemoryLimitExceeded, ReaderCrashed, StorageError
from storage.graph.channel import TOO_DEEP
from storage.graph.reader import HEADER, PACKET, packed
from storage.graph.store import GraphStore, Snapshot

Frame = tuple[bytes, int, bytes]  # kind, rows so far, payload; see storage.graph.reader
_READ = 1 << 16  # what a pipe holds
_STUCK = struct.pack("ll", 1, 0)  # a second: so often a process that takes nothing is looked after


class Reader:
    """One process and the snapshot that it reads. One query has it at a time."""

    def __init__(self, store: GraphStore, memory: int) -> None:
        self._store = store
        self._memory = memory
        self._buffer = b""
        self._next: list[Frame] = []  # that have come of the query behind this one
        self._killed = False
        self.snapshot: Snapshot | None = None
        self._requests, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _STUCK)
        try:
            self._process = self._start()
        except OSError:
            self._close_requests()
            raise
        assert self._process.stdout is not None  # noqa: S101 - opened with a pipe, for the type checker
        self._frames = self._process.stdout

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "storage.graph.reader", str(self._memory)],
            stdin=self._far.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )

    def _close_requests(self) -> None:
        self._requests.close()
        self._far.close()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether the process is there; an idle one may have been killed from outside."""
        return not self._killed and self._process.poll() is None

    @property
    def has_next(self) -> bool:
        """Tell whether `take` has something to take at once, which came with the end of the answer before."""
        return bool(self._next)

    def has(self, generation: int) -> bool:
        """Tell whether its snapshot has all commits up to this generation."""
        return self.snapshot is not None and self.snapshot.generation >= generation

    def refresh(self) -> None:
        """Move to a snapshot that is at least as new as this moment. Takes a while; raises ReaderCrashed."""
        if self.has(self._store.generation):
            return
        old, self.snapshot = self.snapshot, self._store.take()
        if old is not None:
            self._store.give_back(old)
            if old.path == self.snapshot.path:  # there is no newer one to be had, nor any need for it
                return
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
        """Send a request. Does not block while a socket holds it. Raises ReaderCrashed."""
        pieces = [message[at : at + PACKET] for at in range(0, len(message), PACKET)]
        while pieces:
            if not self.alive:  # which sending does not tell, since the other end of the socket is open here as well
                raise ReaderCrashed("the reader process has gone")
            try:
                self._requests.send(pieces[0])
            except BlockingIOError:
                continue
            except OSError as error:  # it is closed
                raise ReaderCrashed("the reader process has gone") from error
            del pieces[0]

    def take_back(self, message: bytes) -> bool:
        """Take back a request of one packet that is the next; tell whether the process had not begun with it."""
        with contextlib.suppress(OSError):  # there is nothing, or it is closed
            if self._far.recv(PACKET, socket.MSG_PEEK | socket.MSG_DONTWAIT) == message:
                return bool(self._far.recv(PACKET, socket.MSG_DONTWAIT))
        return False

    def fileno(self) -> int:
        """Return what becomes readable when frames come."""
        return self._frames.fileno()

    def take(self) -> list[Frame]:
        """Return the frames that one more read completes, to the end of an answer at most.

        Blocks where there is nothing. Raises EOFError.
        """
        frames, self._next = self._next or self._read(), []
        for count, (kind, _, _) in enumerate(frames, start=1):
            if kind != b"D":
                frames, self._next = frames[:count], frames[count:]
                break
        return frames

    def _read(self) -> list[Frame]:
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
        self._killed = True
        self._process.kill()

    def close(self) -> None:
        """End the process, wait for that, and give its snapshot back. Closing twice is fine."""
        self.kill()
        self._process.wait()
        self._close_requests()
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
