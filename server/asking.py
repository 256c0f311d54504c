"""A query's answer, taken from its reader in the event loop: no thread, unless something has to be waited for.

The reader is free once it has sent all: up to a bound the answer is taken ahead of a client that is slow. A client
that leaves frees it at whatever time, and so does whoever cancels the query. That ends the reader's process, of which
the next one takes as long as many queries: so a query that nobody waits for any more has a moment in which to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from anyio import CapacityLimiter, to_thread

from server.errors import Problem
from server.watching import Client, Clients, Pipes, Receive
from storage.errors import StorageError
from storage.graph.queries import Dump, Limits, Query
from storage.graph.readers import ReaderPool

_GRACE = 0.03  # seconds


def client_left() -> Problem:
    """Return the problem that nobody sees but the log: the client has closed its connection."""
    return Problem(499, "client-left", "the client left before its answer was there")


def _nothing() -> None:
    """Do nothing."""


class Ahead:
    """Counts the bytes taken ahead of their clients: so many of one answer, and of all together."""

    def __init__(self, each: int = 4 << 20, together: int = 64 << 20) -> None:
        self._each = each
        self._together = together
        self._held = 0

    def add(self, size: int) -> None:
        """Count bytes that are held; with a negative size, bytes that no longer are."""
        self._held += size

    def full(self, held: int) -> bool:
        """Tell whether an answer of which `held` bytes are here has to wait for its client."""
        return held >= self._each or (held > 0 and self._held >= self._together)


class Asking:
    """What all answers of one event loop share."""

    def __init__(self, readers: ReaderPool, clients: Clients) -> None:
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.readers = readers
        self.clients = clients
        self.pipes = Pipes(self.loop)
        self.ahead = Ahead()
        self.lingering = set[Answer]()
        self.threads = CapacityLimiter(math.inf)  # what waits elsewhere for threads is not to hold up queries

    def close(self) -> None:
        """Let go of the loop."""
        for answer in tuple(self.lingering):
            answer.end()
        self.pipes.close()


class Answer:
    """One answer: `start` it, iterate over `chunks`, and `close` it in any case, all in the event loop."""

    def __init__(self, asking: Asking, request: Query | Dump, limits: Limits) -> None:
        """Ask for a reader. Raises Overloaded or Closed."""
        self._asking = asking
        self._loop = asking.loop
        self._pool = asking.readers
        self._ahead = asking.ahead
        self._limits = limits
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._pipe: int | None = None
        self._listens = self._is_late = self._let_go = False
        self._changed: asyncio.Future[None] | None = None
        self._client: Client | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self.deadline = math.inf
        self.error: Problem | StorageError | None = None
        self.on_error: Callable[[], None] = _nothing
        self._result = self._pool.enter(request, limits, self._notify)

    @property
    def generation(self) -> int:
        """The generation of the graph that it is from."""
        return self._result.generation

    @property
    def rows(self) -> int:
        """The rows that have come until now."""
        return self._result.rows

    @property
    def running_seconds(self) -> float:
        """For how long a reader has had it, of those that have got one; to wait for one takes none of it."""
        return time.monotonic() - self._result.asked

    def whole(self) -> bytes | None:
        """Return the answer where all of it is here, else None."""
        return b"".join(self._chunks) if self._result.ended else None

    async def start(self, receive: Receive) -> None:
        """Wait for the first bytes. Raises what goes wrong before them, and has closed itself then."""
        self._client = self._asking.clients.watch(receive, self._left, self._wait_patiently)
        try:
            if self._result.reader is not None:
                self._begin()
            while not self._chunks and not self._result.ended:
                await (self._begin_late() if self._is_late else self._change())
        except BaseException:
            self.close()
            raise

    async def _begin_late(self) -> None:
        """Ask the reader where something has to be waited for, such as a newer snapshot."""
        self._is_late = False
        await to_thread.run_sync(self._result.begin, limiter=self._asking.threads)
        self._check()  # the client may have left meanwhile, and the reader with it
        self._listen()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes as they come. Raises what ends them early."""
        while True:
            self._check()
            if self._chunks:
                yield self._take()
            elif self._result.ended:
                return
            else:
                await self._change()

    def _take(self) -> bytes:
        chunk = self._chunks.popleft()
        self._count(-len(chunk))
        if not self._result.ended and not self._listens and not self._ahead.full(self._held):
            self._listen()
        return chunk

    def _count(self, size: int) -> None:
        self._held += size
        self._ahead.add(size)

    async def _change(self) -> None:
        """Wait until something has come or gone wrong. Raises that."""
        self._check()
        self._changed = self._loop.create_future()
        await self._changed
        self._check()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    # Called by the loop

    def _begin(self) -> None:
        """Ask the reader at once, which shall not wait until this answer has its turn."""
        self.deadline = self._limits.end
        try:
            if not self._result.begin_promptly():
                self._is_late = True
                self._wake()
            elif self._result.held.has_next:
                self._read()
            else:
                self._listen()
        except StorageError as error:
            self._fail(error)

    def _listen(self) -> None:
        self._listens = True
        self._pipe = self._asking.pipes.watch(self._result.held, self._read)

    def _read(self) -> None:
        self._listens = False
        try:
            pieces = self._result.take()
        except StorageError as error:
            self._fail(error)
            self.end()
            return
        if self.error is None:
            self._chunks.extend(pieces)
            self._count(sum(map(len, pieces)))
        if self._result.ended:
            self.end()
        elif not self._ahead.full(self._held) or not self._result.pause():
            self._listen()
        self._wake()

    def _wait_patiently(self) -> None:
        """Bound the time for which the query waits for a reader: by that of its client where it is less."""
        if self._result.reader is None:
            until = min(self._limits.until, time.monotonic() + self._pool.patience)
            self._patience = self._loop.call_at(until, self._give_up)

    def _give_up(self) -> None:
        if self._result.reader is None and not self._let_go:
            self._fail(self._pool.overloaded())

    def _left(self) -> None:
        if self._listens:  # else it has far more to say, or has not begun
            self._grace = self._loop.call_later(_GRACE, self.end)
            self._asking.lingering.add(self)
        self._fail(client_left())

    def _notify(self) -> None:
        """Hear from the pool, in any thread: there is a reader now, or somebody has cancelled the query."""
        if threading.get_ident() == self._asking.thread:
            self._hear()
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        if not self._let_go:  # else the reader that it was given is somebody else's by now
            self._begin()

    def _fail(self, error: Problem | StorageError) -> None:
        if self.error is None:
            self.error = error
            if self._grace is None:
                self.end()
            self._wake()
            self.on_error()

    def end(self) -> None:
        """Give the reader back. To end one that is busy takes a moment, which a thread spends."""
        if self._grace is not None:
            self._grace.cancel()
            self._asking.lingering.discard(self)
        if self._let_go:
            return
        self._let_go = True
        if self._result.idle:
            self._result.close()
            return
        if self._pipe is not None:
            self._asking.pipes.forget(self._pipe)
        self._loop.run_in_executor(None, self._result.close)

    def close(self) -> None:
        """Free the reader, and forget what has not been taken. Closing twice is fine."""
        if self._client is not None:
            self._client.close()
            self._client = None  # which refers to this answer: so it is gone now, and not when rings are looked for
        if self._patience is not None:
            self._patience.cancel()
        self._count(-self._held)
        self._chunks.clear()
        if self._grace is None:
            self.end()
