from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence

import pytest

from server.gathering import Gathering
from tests.server.test_watching import loops, run_on


class Group:
    """A group under way, until it is let go."""

    def __init__(self, busy: Busy, items: list[int]) -> None:
        self._busy, self._items = busy, items
        self._goes_on = busy.in_steps
        self.source = busy

    def end(self) -> list[Exception | None] | None:
        if self._goes_on:
            self._goes_on = False
            return None
        os.read(self._busy.pipe[0], 1)
        return self._busy.outcomes(self._items)

    def give_up(self) -> None:
        self._busy.given_up.append(self._items)
        self._busy.let_go()


class Busy:
    """Takes items in groups, each once it is let go; an odd one fails, and a negative one fails its whole group."""

    def __init__(self, way: str) -> None:
        self.in_threads, self.in_steps = way == "thread", way == "steps"
        self.pipe = os.pipe()
        self.go_on = threading.Semaphore(0)
        self.groups: list[list[int]] = []
        self.given_up: list[list[int]] = []

    def fileno(self) -> int:
        return self.pipe[0]

    def let_go(self) -> None:
        self.go_on.release()
        os.write(self.pipe[1], b"x")

    def begin(self, items: Sequence[int]) -> Group | None:
        if self.in_threads:
            return None
        self.groups.append(list(items))
        return Group(self, list(items))

    def run(self, items: Sequence[int]) -> list[Exception | None]:
        self.groups.append(list(items))
        assert self.go_on.acquire(timeout=60)
        return self.outcomes(items)

    def outcomes(self, items: Sequence[int]) -> list[Exception | None]:
        if min(items) < 0:
            raise OSError("the disk")
        return [ValueError(str(item)) if item % 2 else None for item in items]


ways = pytest.mark.parametrize("way", ["loop", "steps", "thread"])


@loops
@ways
def test_what_comes_while_a_group_is_under_way_is_the_next_and_each_has_its_own_outcome(loop: str, way: str) -> None:
    async def work() -> None:
        busy = Busy(way)
        gathering = Gathering(busy)
        tasks = [asyncio.create_task(gathering.run(item)) for item in (0, 5)]
        while not busy.groups:
            await asyncio.sleep(0)
        tasks += [asyncio.create_task(gathering.run(item)) for item in (1, 2, 3, 4)]
        await asyncio.sleep(0)  # the first two, which came together, are on their way now, and the others wait
        tasks[4].cancel()  # its client has left: it is done all the same
        busy.let_go()
        busy.let_go()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert busy.groups == [[0, 5], [1, 2, 3, 4]]
        nothing = type(None)
        assert [*map(type, outcomes)] == [
            *(nothing, ValueError, ValueError, nothing),
            *(asyncio.CancelledError, nothing),
        ]
        assert str(outcomes[1]) == "5"
        await gathering.close()
        await gathering.close()

    run_on(loop, work)


@loops
@ways
def test_what_goes_wrong_with_a_group_goes_wrong_with_each_of_it_and_the_next_one_runs(loop: str, way: str) -> None:
    async def work() -> None:
        busy = Busy(way)
        gathering = Gathering(busy)
        tasks = [asyncio.create_task(gathering.run(-1))]
        while not busy.groups:
            await asyncio.sleep(0)
        tasks += [asyncio.create_task(gathering.run(item)) for item in (-2, 2)]
        await asyncio.sleep(0)
        busy.let_go()
        with pytest.raises(OSError, match="the disk"):
            await tasks[0]
        await asyncio.sleep(0)
        last = asyncio.create_task(gathering.run(4))
        busy.let_go()
        busy.let_go()
        outcomes = await asyncio.gather(*tasks[1:], last, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [OSError, OSError, type(None)]
        assert busy.groups == [[-1], [-2, 2], [4]]
        await gathering.close()

    run_on(loop, work)


@loops
def test_a_group_that_takes_too_long_is_given_up(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.gathering._LONGEST", 0.01)

    async def work() -> None:
        busy = Busy("loop")
        gathering = Gathering(busy)
        await gathering.run(2)
        assert busy.given_up == [[2]]
        await gathering.close()

    run_on(loop, work)
