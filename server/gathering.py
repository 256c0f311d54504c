"""Gathers small pieces of work of the event loop: what comes while the thread is busy, it gets as one, and so on.

Each piece costs no change of threads of its own then, and what a group can share it does once.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
_Waiting = tuple[T, "asyncio.Future[None]"]
_MOST = 256  # in a group, so that the first of it does not wait long for the last


class Gathering(Generic[T]):
    """Runs what comes in groups, in a thread of its own; used by one event loop."""

    def __init__(self, run: Callable[[Sequence[T]], Sequence[Exception | None]]) -> None:
        """`run` returns for each item what went wrong, or raises what went wrong with all."""
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting[T]] = []
        self._groups: SimpleQueue[list[_Waiting[T]] | None] = SimpleQueue()
        self._busy = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="gathering")
        self._thread.start()

    async def run(self, item: T) -> None:
        """Return when the item has been run. Raises what went wrong with it."""
        done = self._loop.create_future()
        self._waiting.append((item, done))
        if not self._busy:
            self._next()
        await done

    def _next(self) -> None:
        group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        self._busy = bool(group)
        if group:
            self._groups.put(group)

    def _work(self) -> None:
        while (group := self._groups.get()) is not None:
            outcomes = self._outcomes([item for item, _ in group])
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._end, group, outcomes)

    def _outcomes(self, items: list[T]) -> Sequence[Exception | None]:
        try:
            return self._run(items)
        except Exception as error:  # whatever it is, those who wait get it
            return [error] * len(items)

    def _end(self, group: list[_Waiting[T]], outcomes: Sequence[Exception | None]) -> None:
        self._next()
        for (_, done), outcome in zip(group, outcomes, strict=True):
            if done.done():  # nobody waits for it any more
                continue
            if outcome is None:
                done.set_result(None)
            else:
                done.set_exception(outcome)

    def close(self) -> None:
        """End the thread, once it has run what it has. Closing twice is fine."""
        self._groups.put(None)
        self._thread.join()
