from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import anyio
import pytest
from starlette.requests import Request
from starlette.types import Message

from server import streaming
from server.errors import Problem
from server.streaming import Slots, send_or_stream, stream
from storage.errors import Cancelled


class Answer:
    """Chunks that are counted as they are taken, and what was sent of them."""

    def __init__(self, chunks: list[bytes | Exception]) -> None:
        self.chunks, self.taken, self.closed = chunks, 0, 0
        self.sent: list[Message] = []

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self) -> None:
        self.closed += 1

    def run(
        self, *, method: str = "GET", most: int | None = None, gone: bool = False, together: bool = False
    ) -> bytes:
        """Send it, what is short `together`, to a client that takes `most` chunks and no more, or is gone already."""

        async def serve() -> None:
            full = anyio.Event()

            async def receive() -> Message:
                if not gone:
                    await full.wait()
                return {"type": "http.disconnect"}

            async def send(message: Message) -> None:
                self.sent.append(message)
                if most is not None and len(self.body) >= most:
                    full.set()
                    await anyio.sleep_forever()

            app = SimpleNamespace(state=SimpleNamespace(slots=Slots()))
            scope = {"type": "http", "method": method, "headers": [], "app": app}
            respond = send_or_stream if together else stream
            response = await respond(Request(scope), iter(self), self.close, "text/plain")
            await response(scope, receive, send)

        anyio.run(serve)
        return b"".join(self.body)

    @property
    def body(self) -> list[bytes]:
        return [message["body"] for message in self.sent if message.get("body")]


def test_all_chunks_are_sent_also_after_an_empty_one() -> None:
    answer = Answer([b"a", b"", b"b"])
    assert (answer.run(), answer.closed) == (b"ab", 1)


def test_a_slow_client_holds_the_source_back() -> None:
    answer = Answer([b"x"] * 1000)
    answer.run(most=2)
    assert (answer.taken, answer.closed) == (2, 1)


def test_a_client_that_left_before_the_first_byte_still_frees_the_source() -> None:
    answer = Answer([b"x"] * 1000)
    answer.run(gone=True)
    assert (answer.taken <= 2, answer.closed) == (True, 1)


def test_what_is_short_is_one_body() -> None:
    answer = Answer([b"a", b"", b"b"])
    assert (answer.run(together=True), answer.closed, len(answer.body)) == (b"ab", 1, 1)
    assert dict(answer.sent[0]["headers"])[b"content-length"] == b"2"


def test_what_is_long_is_streamed_and_held_back_by_a_slow_client() -> None:
    half = b"x" * (1 << 15)
    whole = Answer([half] * 100)
    assert (whole.run(together=True), whole.closed) == (half * 100, 1)
    slow = Answer([half] * 100)
    slow.run(together=True, most=3)
    assert (slow.taken, slow.closed) == (3, 1)


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_an_error_in_what_is_sent_together_frees_the_source(size: int) -> None:
    """Among the first 64 KiB it is one before the first byte."""
    answer = Answer([b"x" * size, ValueError("broken")])
    with pytest.raises((ValueError, ExceptionGroup)):
        answer.run(together=True)
    assert answer.closed == 1
    assert bool(answer.sent) == (size > 1)


@pytest.mark.parametrize("good", [[], [b"a", b"b"]])
def test_an_error_is_raised_and_frees_the_source(good: list[bytes]) -> None:
    answer = Answer([*good, ValueError("broken")])
    with pytest.raises((ValueError, ExceptionGroup)):
        answer.run()
    assert answer.closed == 1
    assert not any(message.get("more_body") is False for message in answer.sent)
    assert bool(answer.sent) == bool(good)


def test_head_takes_no_more_than_the_first_chunk() -> None:
    answer = Answer([b"x"] * 1000)
    assert (answer.run(method="HEAD"), answer.taken, answer.closed) == (b"", 1, 1)


@pytest.mark.parametrize(("kind", "other"), [("start", "store"), ("store", "start")])
def test_too_many_of_a_kind_are_503_and_all_else_goes_on(kind: str, other: str) -> None:
    async def crowd() -> list[int]:
        slots, release = Slots(starting=1, storing=1, patience=0.05), anyio.Event()
        admit = getattr(slots, kind)

        async def hold() -> None:
            await admit(lambda: anyio.from_thread.run(release.wait))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Problem) as refused:
                await admit(lambda: 1)
            found = [refused.value.status, await slots.run(lambda: 2), await getattr(slots, other)(lambda: 3)]
            release.set()
        assert refused.value.headers["Retry-After"] == "1"
        return [*found, await admit(lambda: 4)]

    assert anyio.run(crowd) == [503, 2, 3, 4]


@pytest.mark.parametrize("kind", ["start", "parse"])
def test_who_has_little_time_waits_no_longer_than_that(kind: str) -> None:
    async def crowd() -> int:
        slots, release = Slots(starting=1, patience=3600.0), anyio.Event()
        admit = getattr(slots, kind)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(admit, lambda: anyio.from_thread.run(release.wait))
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Problem) as refused:
                await admit(lambda: 1, until=time.monotonic() + 0.05)
            release.set()
        return refused.value.status

    assert anyio.run(crowd) == 503


@pytest.mark.parametrize("gone", [True, False])
def test_what_ends_because_its_client_has_left_is_no_error(gone: bool) -> None:
    left = anyio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        if gone:
            with anyio.CancelScope(shield=True):  # as a thread is
                await left.wait()
        raise Cancelled("the query was cancelled")

    async def receive() -> Message:
        if not gone:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        """Take it."""

    async def run() -> None:
        await streaming._Streamed(body(), lambda: None, left.set, "text/csv", None)(
            {"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}}, receive, send
        )

    with contextlib.nullcontext() if gone else pytest.raises(Cancelled):
        anyio.run(run)
