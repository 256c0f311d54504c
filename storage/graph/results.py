"""A query from the queue to the last byte of its answer, and who asked it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage.errors import (
    ByteLimitExceeded,
    Cancelled,
    Closed,
    DeadlineExceeded,
    DiskFailed,
    NotInFormat,
    QueryEvaluationError,
    ReaderCrashed,
    RowLimitExceeded,
    StorageError,
)
from storage.graph.federation import Lease, explained
from storage.graph.overlay import Overlay
from storage.graph.process import Reader
from storage.graph.store import syntax_error

if TYPE_CHECKING:
    from storage.graph.queries import Limits
    from storage.graph.readers import ReaderPool

_PIPE = 1 << 16  # bytes that a socket takes at once


@dataclass(slots=True)
class Asker:
    """Whom a query is for: a request, by its id; a name for people; and the id of the token, if one was sent.

    Once it has `gone`, no query of it begins any more.
    """

    request: str
    name: str = ""
    token: str | None = None
    gone: bool = False


ASKER: ContextVar[Asker | None] = ContextVar("asker", default=None)


class State(StrEnum):
    """How far a query is."""

    WAITING = "waiting"
    RUNNING = "running"
    SENDING = "sending"


class Result:
    """An answer on its way: iterate for its bytes, close when done with it, early or not.

    `rows` counts those that have come until now; it is 0 for answers that have no rows. One thread at a time may
    use it, but any may close or cancel it. `light` says that it may wait behind another, and another behind it;
    `sent`, which reader it was sent to, and `asked`, when.
    """

    def __init__(
        self, pool: ReaderPool, text: str, message: bytes, limits: Limits, wanted: int, notify: Callable[[], None]
    ) -> None:
        """`text` is for people, `message` for the reader, which is to have the generation `wanted` or a newer one.

        `notify` is called once there is a reader, or no hope.
        """
        self.text = text
        self.wanted = wanted
        self.limits = limits
        self.notify = notify
        self.asker = ASKER.get()
        self.began = time.monotonic()
        self.generation = 0
        self.rows = 0
        self.ended = False
        self.reader: Reader | None = None
        self.cancelled: StorageError | None = None
        self.left = False
        self.light = False
        self.sent: Reader | None = None
        self.asked = 0.0
        self.lease: Lease | None = None
        self.overlay: Overlay | None = None
        self.beginning = threading.Lock()
        self._pool = pool
        self._message = message
        self._asked = False
        self._bytes = 0
        self._first: list[bytes] = []

    @property
    def state(self) -> State:
        """How far it is."""
        if self.reader is None:
            return State.WAITING
        return State.SENDING if self._bytes else State.RUNNING

    @property
    def size(self) -> int:
        """The bytes of the request to the reader."""
        return len(self._message)

    @property
    def idle(self) -> bool:
        """Tell whether its reader, if it has one, could take another query now."""
        return self.ended or (not self._asked and self.sent is None)

    @property
    def over(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.left or self.cancelled is not None

    def is_short(self, seconds: float) -> bool:
        """Tell whether its reader was asked, less than so many seconds ago, and another may wait behind it."""
        underway = self.light and self.sent is not None and self.sent is self.reader and not self.ended
        return underway and not self.over and time.monotonic() - self.asked < seconds

    def send(self, reader: Reader) -> bool:
        """Send it to a reader before it begins, where that is new enough; tell whether that was possible."""
        if not self.light or not reader.has(self.wanted):
            return False
        try:
            self._send(reader)
        except ReaderCrashed:  # `begin` finds another
            return False
        return True

    def _send(self, reader: Reader) -> None:
        reader.ask(self._message)
        self.sent, self.asked = reader, time.monotonic()

    def pause(self) -> bool:
        """Let nobody wait behind it, who would wait for its client; tell whether that is so, else the end is near."""
        return self._pool.pause(self)

    def call_back(self) -> bool:
        """Take it back from its reader; tell whether that had not begun with it."""
        if self.sent is None or not self.sent.take_back(self._message):
            return False
        self.sent = None
        return True

    def begin_promptly(self) -> bool:
        """Ask the reader where nothing has to be waited for, and tell whether that is so; see `begin`.

        Raises why the query was cancelled, if it was.
        """
        if self.cancelled is not None:  # and `begin`, in its thread, may still wait for something
            raise self.cancelled
        with self.beginning:
            if self.left:
                self.check()
            reader = self.reader
            if reader is None or len(self._message) >= _PIPE or not reader.has(self.wanted):
                return False
            try:
                self._ask(reader)
            except ReaderCrashed:  # it has died since the last query, and `begin` finds another
                return False
        return True

    def begin(self) -> None:
        """Ask the reader, which moves on first where it has to. Raises ReaderCrashed, or why it was cancelled."""
        with self.beginning:
            self._asked = True
            self.check()
            try:
                reader = self.sent if self.sent and self.sent is self.reader else self._pool.living(self)
                if not reader.has(self.wanted):
                    reader.refresh()
                self._ask(reader)
            except ReaderCrashed:
                self.check()  # it was killed for that
                raise

    def _ask(self, reader: Reader) -> None:
        self._asked = True
        self.generation = reader.snapshot.generation if reader.snapshot else 0
        if self.sent is not reader:
            self._send(reader)
        self.check()  # whoever cancelled it meanwhile may have killed another process than this one

    def check(self) -> None:
        """Raise why the query was cancelled, if it was."""
        if self.cancelled is not None:
            raise self.cancelled
        if self.left:
            raise Closed("the answer is closed")

    def end_leases(self) -> None:
        """Let go of all that was lent to the query."""
        if self.lease is not None:
            self.lease.close()
        if self.overlay is not None:
            self.overlay.close()

    @property
    def held(self) -> Reader:
        """Its reader, which becomes readable when `take` has something to take. Raises ReaderCrashed."""
        if self.reader is None:
            raise ReaderCrashed("the query has no reader")
        return self.reader

    def take(self) -> list[bytes]:
        """Return the answer's next pieces, of one read from the pipe; blocks where there is nothing to read.

        `ended` says whether they are the last. Raises what ends the answer early.
        """
        pieces = []
        try:
            frames = self.held.take()
        except EOFError:
            raise self._why() from None
        for kind, rows, payload in frames:
            if kind == b"D":
                pieces.append(payload)
                self._bytes += len(payload)
            else:
                self.ended = True
            if kind == b"X":
                with explained(self.lease):
                    raise self._as_exception(json.loads(payload))
            self.rows = rows
        return pieces

    def _why(self) -> StorageError:
        return self.cancelled or self.held.cause_of_death(self.limits.seconds)

    def _as_exception(self, error: dict[str, Any]) -> StorageError:
        message = error["message"]
        match error["kind"]:
            case "syntax":
                return syntax_error(message, error["line"], error["column"])
            case "rows":
                return RowLimitExceeded(f"the result has more than {self.limits.rows:,} rows")
            case "bytes":
                return ByteLimitExceeded(f"the result has more than {self.limits.bytes:,} bytes")
            case "seconds":
                return DeadlineExceeded(f"the query took longer than {self.limits.seconds:g} s")
            case "disk":
                return DiskFailed(f"what the query needs beside the graph cannot be kept on disk: {message}")
            case "memory":
                return self.held.out_of_memory()
            case "format":
                return NotInFormat(message)
            case "evaluation":
                return QueryEvaluationError(message)
            case _:
                return ReaderCrashed(message)

    # For those who may block

    def start(self, given: threading.Event, patience: float) -> None:
        """Wait for a reader and the first bytes, so that what goes wrong before them is raised here.

        For a reader it waits `patience` seconds, or `until` the limits say where that is less.
        """
        if self.reader is None and not given.wait(max(0.0, min(patience, self.limits.until - time.monotonic()))):
            raise self._pool.overloaded()
        self.begin()
        while not self._first and not self.ended:
            self._first = self.take()
        if self.ended:
            self.close()

    def __iter__(self) -> Iterator[bytes]:
        try:
            while self._first:
                yield self._first.pop(0)
            while not self.ended:
                self.check()
                yield from self.take()
        except StorageError:
            self.close()
            raise
        self.close()

    def read(self) -> bytes:
        """Return the whole answer."""
        try:
            return b"".join(self)
        finally:
            self.close()

    def cancel(self, error: StorageError | None = None) -> None:
        """End the query from outside: whoever waits for it gets the error."""
        self._pool.cancel(self, error or Cancelled("the query was cancelled"))

    def close(self) -> None:
        """Free the reader; one that is still busy is killed, which takes a moment. Closing twice is fine."""
        self._pool.leave(self)
