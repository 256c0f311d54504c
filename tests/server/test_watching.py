from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import uvloop

from server.watching import Clients, Pipes

Message = MutableMapping[str, Any]


def run_on(loop: str, work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await asyncio.wait_for(work(), 60)

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


class Pipe:
    """What reads from a pipe, and its other end."""

    def __init__(self) -> None:
        self._out, self.into = os.pipe()

    def fileno(self) -> int:
        return self._out

    def read(self) -> bytes:
        return os.read(self._out, 10)

    def close(self) -> None:
        for end in (self._out, self.into):
            with suppress(OSError):
                os.close(end)


loops = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@contextmanager
def watched() -> Iterator[Pipes]:
    pipes = Pipes(asyncio.get_running_loop())
    try:
        yield pipes
    finally:
        pipes.close()


@loops
def test_a_pipe_is_told_of_once_each_time_it_is_watched(loop: str) -> None:
    async def work() -> None:
        pipe, other = Pipe(), Pipe()
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        with watched() as pipes:
            for text in (b"a", b"b"):
                pipes.watch(pipe, lambda: heard.put_nowait(pipe.read()))
                os.write(pipe.into, text)
                assert await heard.get() == text
            os.write(pipe.into, b"c")  # which nobody watches
            pipes.watch(other, lambda: heard.put_nowait(b"end"))
            os.close(other.into)
            assert await heard.get() == b"end"
            assert heard.empty()
            pipes.watch(pipe, lambda: heard.put_nowait(pipe.read()))  # which has waited
            assert await heard.get() == b"c"
        pipe.close()
        other.close()

    run_on(loop, work)


@loops
def test_a_pipe_that_nobody_watches_keeps_the_loop_from_nothing(loop: str) -> None:
    async def work() -> None:
        pipe, turns = Pipe(), 0
        with watched() as pipes:
            pipes.watch(pipe, lambda: None)
            os.write(pipe.into, b"a")
            await asyncio.sleep(0.01)
            os.close(pipe.into)
            ready = pipes._ready

            def counted() -> None:
                nonlocal turns
                turns += 1
                ready()

            asyncio.get_running_loop().add_reader(pipes._epoll.fileno(), counted)
            await asyncio.sleep(0.05)
        assert turns <= 1
        pipe.close()

    run_on(loop, work)


@loops
@pytest.mark.parametrize("forgotten", [True, False])
def test_a_new_pipe_is_not_taken_for_one_that_had_its_number(loop: str, forgotten: bool) -> None:
    async def work() -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        with watched() as pipes:
            old = Pipe()
            number = pipes.watch(old, lambda: heard.put_nowait("old"))
            if forgotten:
                pipes.forget(number)
                os.write(old.into, b"x")
            old.close()
            new = Pipe()
            assert new.fileno() == number
            pipes.watch(new, lambda: heard.put_nowait("new"))
            os.write(new.into, b"x")
            assert await heard.get() == "new"
            assert heard.empty()
        new.close()

    run_on(loop, work)


class Connection:
    """A client as ASGI has it: its request is here, and some time it leaves."""

    def __init__(self) -> None:
        self.asked = 0
        self.leaves = asyncio.Event()

    async def receive(self) -> Message:
        self.asked += 1
        if self.asked == 1:
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaves.wait()
        return {"type": "http.disconnect"}


@loops
def test_a_client_that_leaves_is_told_of(loop: str) -> None:
    async def work() -> None:
        clients, gone = Clients(asyncio.get_running_loop()), asyncio.Event()
        connection, other = Connection(), Connection()
        client, stays = clients.watch(connection.receive, gone.set), clients.watch(other.receive, pytest.fail)
        connection.leaves.set()
        await gone.wait()
        for each in (client, stays):
            each.close()
            each.close()
        clients.close()

    run_on(loop, work)


def test_nobody_listens_to_the_client_of_what_is_done_soon() -> None:
    async def work() -> None:
        clients, gone = Clients(asyncio.get_running_loop()), asyncio.Event()
        quick, slow = Connection(), Connection()
        clients.watch(quick.receive, pytest.fail).close()
        client = clients.watch(slow.receive, gone.set)
        slow.leaves.set()
        await gone.wait()  # in a look at all that were there then
        client.close()
        assert quick.asked == 0
        clients.close()

    run_on("asyncio", work)


def test_a_closed_watch_leaves_what_comes_to_others() -> None:
    async def work() -> None:
        clients, connection = Clients(asyncio.get_running_loop()), Connection()
        client = clients.watch(connection.receive, pytest.fail)
        while connection.asked < 2:
            await asyncio.sleep(0)
        client.close()
        connection.leaves.set()
        assert (await connection.receive())["type"] == "http.disconnect"
        clients.close()

    run_on("asyncio", work)
