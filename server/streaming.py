"""Sends what a reader or a blocking iterator gives, with back-pressure, and lets go of it when the client leaves.

An error after the first byte is raised out of the response, so that the connection breaks and no client takes
a part for the whole.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache, partial
from itertools import chain
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Scope, Send

from server.asking import Answer, Asking, client_left
from server.errors import Problem
from server.watching import Clients, Receive
from storage.errors import Cancelled, DeadlineExceeded
from storage.graph.queries import Dump, Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.results import ASKER, Asker

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
MOST_KEPT = 1 << 20
"""Bytes of an answer that is kept for whoever asks the same again."""
_HEAD = 1 << 16
_SLOW = "the client was too slow to take its answer"
Keep = Callable[[Answer, bytes], None]  # takes an answer that has ended, and its bytes


class Slots:
    """The threads in which work on answers starts, and those in which it goes on.

    They are apart, so that queries that wait for a reader never keep the answers from going on that hold the
    readers; and apart from those of all other work, which must go on while queries wait.
    """

    def __init__(
        self,
        readers: ReaderPool | None = None,
        starting: int = 32,
        storing: int = 16,
        patience: float = 10.0,
        end: Callable[[Asker], None] = lambda _: None,
    ) -> None:
        """So many may be `starting`, and as many `storing` readings; a further one waits `patience` seconds.

        `end` ends all that is asked by one.
        """
        self.end = end
        self.clients = Clients(asyncio.get_running_loop())
        self.asking = Asking(readers, self.clients) if readers is not None else None
        self._starting = CapacityLimiter(starting)
        self._storing = CapacityLimiter(storing)
        self._parsing = CapacityLimiter(1)
        self._patience = patience
        self._unlimited = CapacityLimiter(math.inf)

    async def start(self, call: Callable[[*Ts], T], *arguments: *Ts, until: float = math.inf) -> T:
        """Run what starts an answer. Raises a 503 problem where too many wait already, be it `until` a moment."""
        return await self._admitted(self._starting, "queries", until, call, *arguments)

    async def store(self, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run what stores readings: it may have to wait for the disk. Raises a 503 problem where too many do."""
        return await self._admitted(self._storing, "writes", math.inf, call, *arguments)

    async def parse(self, call: Callable[[*Ts], T], *arguments: *Ts, until: float = math.inf) -> T:
        """Run what reads a long text: one at a time, since that keeps the processor. Raises as `start` does."""
        return await self._admitted(self._parsing, "long texts", until, call, *arguments)

    async def _admitted(
        self, limiter: CapacityLimiter, what: str, until: float, call: Callable[[*Ts], T], *arguments: *Ts
    ) -> T:
        try:
            with anyio.fail_after(min(self._patience, until - time.monotonic())):
                await limiter.acquire()
        except TimeoutError:
            raise Problem(
                503, "overloaded", f"too many {what} are waiting", hint="try again", headers={"Retry-After": "1"}
            ) from None
        try:
            return await self.run(call, *arguments)
        finally:
            limiter.release()

    async def run(self, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run what goes on with an answer."""
        return await to_thread.run_sync(call, *arguments, limiter=self._unlimited)

    def close(self) -> None:
        """Let go of the event loop."""
        self.clients.close()
        if self.asking is not None:
            self.asking.close()


class Starting:
    """The threads, for one request: when its client leaves, its queries end."""

    def __init__(self, slots: Slots, receive: Receive) -> None:
        self._slots = slots
        self._receive = receive
        self._asker = ASKER.get()
        self._gone = False

    async def start(self, call: Callable[[*Ts], T], *arguments: *Ts, until: float = math.inf) -> T:
        """Run what starts an answer; see Slots. Raises a 499 problem where the client has left."""
        return await self._watched(partial(self._slots.start, until=until), call, *arguments)

    async def go_on(self, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run what goes on with an answer before its first byte. Raises a 499 problem where the client has left."""
        return await self._watched(self._slots.run, call, *arguments)

    async def _watched(self, run: Callable[..., Awaitable[T]], call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        client = self._slots.clients.watch(self._receive, self.leave)
        try:
            return await run(call, *arguments)
        except Cancelled:
            if self._gone:
                raise client_left() from None
            raise
        finally:
            client.close()

    def leave(self) -> None:
        """End what is asked for the client, which has left."""
        self._gone = True
        if self._asker is not None:
            self._slots.end(self._asker)

    async def run(self, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run what goes on with an answer."""
        return await self._slots.run(call, *arguments)

    async def parse(self, call: Callable[[*Ts], T], *arguments: *Ts, until: float = math.inf) -> T:
        """Run what reads a long text; see Slots. Raises a 499 problem where the client has left."""
        return await self._watched(partial(self._slots.parse, until=until), call, *arguments)

    async def store(self, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run what stores readings; see Slots. What has begun is stored also when the client leaves."""
        return await self._slots.store(call, *arguments)


def slots_of(request: Request) -> Starting:
    """Return the application's threads, for this request."""
    return Starting(request.app.state.slots, request.receive)


async def answer(
    request: Request,
    asked: Query | Dump,
    limits: Limits,
    media_type: str,
    headers: Callable[[int], dict[str, str]],
    keep: Keep | None = None,
) -> Response:
    """Return the response to a query or dump, once its first bytes are there. `headers` are made of the generation.

    An answer of up to MOST_KEPT bytes is given to `keep` when it is complete.
    """
    slots: Slots = request.app.state.slots
    if slots.asking is None:
        raise Problem(503, "closing", "the server has no readers")
    found = Answer(slots.asking, asked, limits)
    await found.start(request.receive)
    body = found.whole()
    if body is None:
        return _Answered(found, media_type, headers(found.generation), keep)
    found.close()
    if keep is not None and len(body) <= MOST_KEPT:
        keep(found, body)
    return Whole(body, media_type, headers(found.generation))


class Whole(Response):
    """A response with an answer that is here as a whole."""

    def __init__(self, body: bytes, media_type: str, headers: dict[str, str]) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [*_raw(media_type, *headers.items()), (b"content-length", b"%d" % len(body))]


@lru_cache(256)
def _raw(media_type: str, *headers: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as Starlette writes them, which are the same for most answers of a generation of the graph."""
    return Response(headers=dict(headers), media_type=media_type, status_code=204).raw_headers


class _Answered(Response):
    """A response that sends an answer as it comes, and frees its reader in the end, however that comes."""

    def __init__(self, found: Answer, media_type: str, headers: dict[str, str], keep: Keep | None) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._found = found
        self._keep = keep
        self._kept: list[bytes] = []
        self._size = 0
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the answer has it
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._send_all(send)
            await send({"type": "http.response.body", "body": b""})
        except Problem:  # the client has left
            pass
        finally:
            self._found.close()

    async def _send_all(self, send: Send) -> None:
        with anyio.CancelScope(deadline=self._found.deadline) as scope:
            self._found.on_error = scope.cancel
            async for chunk in self._found.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                self._note(chunk)
            self._end()
        if scope.cancelled_caught:
            raise self._found.error or DeadlineExceeded(_SLOW)

    def _note(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._keep is not None and self._size <= MOST_KEPT:
            self._kept.append(chunk)

    def _end(self) -> None:
        if self._keep is not None and self._size <= MOST_KEPT:
            self._keep(self._found, b"".join(self._kept))


async def stream(
    request: Request,
    chunks: Iterator[bytes],
    close: Callable[[], None],
    media_type: str,
    headers: dict[str, str] | None = None,
    until: float = math.inf,
) -> StreamingResponse:
    """Return a response with these chunks, after the first one is there. `close` is called in the end, always.

    A client that has not taken all of it `until` a moment of the loop's clock is cut off.
    """
    slots: Slots = request.app.state.slots
    starting = slots_of(request)
    try:
        first = await starting.go_on(next, chunks, None)
    except BaseException:
        await _finish(close)
        raise
    body = _send(chain([] if first is None else [first], chunks), slots)
    return _Streamed(body, close, starting.leave, media_type, headers, until)


async def send_or_stream(
    request: Request,
    chunks: Iterator[bytes],
    close: Callable[[], None],
    media_type: str,
    headers: dict[str, str] | None = None,
) -> Response:
    """Do as `stream` does, but make one body of what is less than 64 KiB: it changes threads once."""
    slots: Slots = request.app.state.slots
    starting = slots_of(request)
    try:
        head, is_whole = await starting.go_on(_head, chunks, close)
    except BaseException:
        await _finish(close)
        raise
    if is_whole:
        return Response(b"".join(head), media_type=media_type, headers=headers)
    return _Streamed(_send(chain(head, chunks), slots), close, starting.leave, media_type, headers)


def _head(chunks: Iterator[bytes], close: Callable[[], None]) -> tuple[list[bytes], bool]:
    """Return the first chunks, of at least _HEAD bytes together; or all of them, after `close`."""
    head, size = list[bytes](), 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size >= _HEAD:
            return head, False
    close()
    return head, True


class _Streamed(StreamingResponse):
    """A response that calls `left` when its client leaves, and `close` in any case, be it before the first byte."""

    def __init__(
        self,
        body: AsyncIterator[bytes],
        close: Callable[[], None],
        left: Callable[[], None],
        media_type: str,
        headers: dict[str, str] | None,
        until: float = math.inf,
    ) -> None:
        super().__init__(body, media_type=media_type, headers=headers)
        self._until = until
        self._close = close
        self._left = left
        self._gone = False

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Wait until the client leaves; then what makes the answer ends at once."""
        await super().listen_for_disconnect(receive)
        self._gone = True
        self._left()

    async def stream_response(self, send: Send) -> None:
        """Send the answer; that it was cancelled for a client that has left is no error of anybody's."""
        try:
            await super().stream_response(send)
        except Cancelled:
            if not self._gone:
                raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._send_all(scope, receive, send)
        finally:
            await _finish(self._close)

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.CancelScope(deadline=self._until) as sending:
            await super().__call__(scope, receive, send)
        if sending.cancelled_caught:
            raise DeadlineExceeded(_SLOW)


async def _send(chunks: Iterator[bytes], slots: Slots) -> AsyncIterator[bytes]:
    while (chunk := await slots.run(next, chunks, None)) is not None:
        yield chunk


async def _finish(close: Callable[[], None]) -> None:
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(close)
