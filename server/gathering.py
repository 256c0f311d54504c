"""Gathers small pieces of work of the event loop: what comes while one group is under way, is the next one.

Each piece costs no change of threads then, and what a group can share it does once. Another process does the work; a
thread waits for it where something else has to end first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from anyio import to_thread

from server.watching import Pipes, Source

T = TypeVar("T")
Item = TypeVar("Item", contravariant=True)
_Waiting = tuple[T, "asyncio.Future[None]"]
_MOST = 256  # in a group, so that the first of it does not wait long for the last
_LONGEST = 120.0  # seconds that a group may take
_LOOK = 0.01  # seconds between looks at whether the last group has ended
Outcomes = Sequence[Exception | None]
_Found = TypeVar("_Found", bound="Outcomes | None")


class Begun(Protocol):
    """A group under way: whenever `source` becomes readable, `end` is called, until it returns something."""

    @property
    def source(self) -> Source:
        """What tells of it, best the same as of the group before."""

    def end(self) -> Outcomes | None:
        """Return what went wrong with each item, or None as long as they go on; raise what went wrong with all."""

    def give_up(self) -> None:
        """Have the source become readable soon, since it takes too long."""


class Work(Protocol[Item]):
    """What is done with the items of a group; both ways raise what goes wrong with all of them."""

    def begin(self, items: Sequence[Item]) -> Begun | None:
        """Begin without waiting for anything; None where that cannot be. The same thread ends it."""

    def run(self, items: Sequence[Item]) -> Outcomes:
        """Do it, however long that takes."""


class Gathering(Generic[T]):
    """Runs what comes in groups, one at a time; used by one event loop."""

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._pipes = Pipes(self._loop)
        self._waiting: list[_Waiting[T]] = []
        self._busy = self._closed = False
        self._tasks = set[asyncio.Task[None]]()

    async def run(self, item: T) -> None:
        """Return when the item has been run. Raises what went wrong with it."""
        done = self._loop.create_future()
        self._waiting.append((item, done))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._next)  # behind all that came at the same time
        await done

    def _next(self) -> None:
        group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        self._busy = bool(group)
        if group:
            self._begin(group)

    def _begin(self, group: list[_Waiting[T]]) -> None:
        items = [item for item, _ in group]
        try:
            begun = self._work.begin(items)
        except Exception as error:  # whatever it is, those who wait get it
            self._loop.call_soon(self._end, group, [error] * len(group))
            return
        if begun is not None:
            self._watch(group, begun, self._loop.call_later(_LONGEST, begun.give_up))
            return
        task = self._loop.create_task(self._run_in_thread(group, items))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _watch(self, group: list[_Waiting[T]], begun: Begun, timer: asyncio.TimerHandle) -> None:
        self._pipes.watch(begun.source, partial(self._ready, group, begun, timer))

    def _ready(self, group: list[_Waiting[T]], begun: Begun, timer: asyncio.TimerHandle) -> None:
        outcomes = _outcomes(begun.end, len(group))
        if outcomes is None:
            self._watch(group, begun, timer)
        else:
            timer.cancel()
            self._end(group, outcomes)

    async def _run_in_thread(self, group: list[_Waiting[T]], items: list[T]) -> None:
        self._end(group, await to_thread.run_sync(_outcomes, partial(self._work.run, items), len(items)))

    def _end(self, group: list[_Waiting[T]], outcomes: Outcomes) -> None:
        self._next()
        for (_, done), outcome in zip(group, outcomes, strict=True):
            if done.done():  # nobody waits for it any more
                continue
            if outcome is None:
                done.set_result(None)
            else:
                done.set_exception(outcome)

    async def close(self) -> None:
        """Return once nothing is under way any more; nothing may come. Closing twice is fine."""
        while self._busy:
            await asyncio.sleep(_LOOK)
        if not self._closed:
            self._closed = True
            self._pipes.close()


def _outcomes(call: Callable[[], _Found], number: int) -> _Found | Outcomes:
    """Return the outcomes; what goes wrong with all goes wrong with each."""
    try:
        return call()
    except Exception as error:  # whatever it is, those who wait get it
        return [error] * number
