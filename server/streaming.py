"""Sends what a blocking iterator gives, with back-pressure, and lets go of it when the client leaves.

An error after the first byte is raised out of the response, so that the connection breaks and no client takes
a part for the whole.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from server.errors import Problem

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Slots:
    """The threads in which queries start, and those in which answers go on.

    They are apart, so that queries that wait for a reader never keep the answers from going on that hold the
    readers; and apart from those of all other work, which must go on while queries wait.
    """

    def __init__(self, starting: int = 32, patience: float = 10.0) -> None:
        """So many queries may be `starting`; a further one waits `patience` seconds."""
        self._starting = CapacityLimiter(starting)
        self._patience = patience
        self._unlimited = CapacityLimiter(math.inf)

    async def start(self, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run what starts a query. Raises a 503 problem where too many wait already."""
        try:
            with anyio.fail_after(self._patience):
                await self._starting.acquire()
        except TimeoutError:
            raise Problem(
                503, "overloaded", "too many queries are waiting", hint="try again", headers={"Retry-After": "1"}
            ) from None
        try:
            return await self.run(call, *arguments)
        finally:
            self._starting.release()

    async def run(self, call: Callable[[*Ts], T], *arguments: *Ts, leave: bool = False) -> T:
        """Run what goes on with an answer; with `leave`, a client that leaves does not wait for its end."""
        return await to_thread.run_sync(call, *arguments, limiter=self._unlimited, abandon_on_cancel=leave)


def slots_of(request: Request) -> Slots:
    """Return the application's threads."""
    slots: Slots = request.app.state.slots
    return slots


async def stream(
    request: Request,
    chunks: Iterator[bytes],
    close: Callable[[], None],
    media_type: str,
    headers: dict[str, str] | None = None,
    *,
    leave: bool = False,
) -> StreamingResponse:
    """Return a response with these chunks, after the first one is there. `close` is called in the end, always.

    With `leave`, `close` may be called while another thread waits for the next chunk, and ends that wait.
    """
    slots = slots_of(request)
    try:
        first = await slots.run(next, chunks, None)
    except BaseException:
        await _finish(close)
        raise
    body = _send(chain([] if first is None else [first], chunks), slots, leave)
    return _Streamed(body, close, media_type, headers)


class _Streamed(StreamingResponse):
    """A response that calls `close` even if its client left before the first byte was sent."""

    def __init__(
        self, body: AsyncIterator[bytes], close: Callable[[], None], media_type: str, headers: dict[str, str] | None
    ) -> None:
        super().__init__(body, media_type=media_type, headers=headers)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": b""})
            else:
                await super().__call__(scope, receive, send)
        finally:
            await _finish(self._close)


async def _send(chunks: Iterator[bytes], slots: Slots, leave: bool) -> AsyncIterator[bytes]:
    while (chunk := await slots.run(next, chunks, None, leave=leave)) is not None:
        yield chunk


async def _finish(close: Callable[[], None]) -> None:
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(close)
