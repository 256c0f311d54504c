"""What the event loop watches for many queries at once, so that a short one costs it next to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_LOOK = 0.04  # seconds between looks at what waits; most answers are there before one, also of a busy server


class Source(Protocol):
    """What reads from a pipe, as long as that is open."""

    def fileno(self) -> int:
        """Return the descriptor of the pipe."""


class Pipes:
    """Calls back, once each, when pipes have something to read. The loop itself knows of one descriptor only.

    A pipe that is watched again and again stays registered in between, until it has something that nobody waits for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        self._registered: dict[int, Source] = {}  # whose descriptor may be that of another by now
        loop.add_reader(self._epoll.fileno(), self._ready)

    def watch(self, source: Source, call: Callable[[], None]) -> int:
        """Call when there is something to read, or the pipe has ended. Returns its descriptor."""
        pipe = source.fileno()
        self._calls[pipe] = call
        if self._registered.get(pipe) is not source:
            self._registered[pipe] = source
            with contextlib.suppress(FileExistsError):  # by another that reads from the same pipe
                self._epoll.register(pipe, select.EPOLLIN)
        return pipe

    def forget(self, pipe: int) -> None:
        """Call no more. Who closes a pipe that was watched says so first."""
        self._calls.pop(pipe, None)
        if self._registered.pop(pipe, None) is not None:
            with contextlib.suppress(OSError):  # it is closed
                self._epoll.unregister(pipe)

    def _ready(self) -> None:
        for pipe, _ in self._epoll.poll(0):
            if (call := self._calls.pop(pipe, None)) is not None:
                call()
            else:
                self.forget(pipe)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


class Clients:
    """Tells of clients that leave while something is done for them that takes a while."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._new: set[Client] = set()
        self._waiting: set[Client] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, receive: Receive, left: Callable[[], None], lasts: Callable[[], None] = lambda: None) -> Client:
        """Have `left` called once the client has left, until what is returned is closed.

        `lasts` is called where that is not so soon, when the client begins to be listened to.
        """
        client = Client(self, receive, left, lasts)
        self._new.add(client)
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK, self._look)
        return client

    def _look(self) -> None:
        """Begin to listen to those who wait since the last look at least."""
        for client in self._waiting:
            client.listen()
        self._waiting, self._new = self._new, set()
        self._timer = self._loop.call_later(_LOOK, self._look) if self._waiting else None

    def forget(self, client: Client) -> None:
        """Watch a client no more."""
        self._new.discard(client)
        self._waiting.discard(client)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()


class Client:
    """One client whose leaving matters."""

    def __init__(
        self, clients: Clients, receive: Receive, left: Callable[[], None], lasts: Callable[[], None]
    ) -> None:
        self._clients = clients
        self._lasts = lasts
        self._receive = receive
        self._left = left
        self._task: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Listen to the connection, which nobody else does meanwhile."""
        self._task = asyncio.create_task(self._wait())
        self._lasts()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def close(self) -> None:
        """Watch no more."""
        self._clients.forget(self)
        if self._task is not None:
            self._task.cancel()
