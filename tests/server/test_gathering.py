from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from server.gathering import Gathering
from tests.server.test_watching import loops, run_on


class Busy:
    """Takes items in groups, each once it is let go; an odd one fails, and a negative one fails its whole group."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go_on = threading.Semaphore(0)

    def run(self, items: Sequence[int]) -> list[Exception | None]:
        self.groups.append(list(items))
        assert self.go_on.acquire(timeout=60)
        if min(items) < 0:
            raise OSError("the disk")
        return [ValueError(str(item)) if item % 2 else None for item in items]


@loops
def test_what_comes_while_the_thread_is_busy_is_one_group_and_each_has_its_own_outcome(loop: str) -> None:
    async def work() -> None:
        busy = Busy()
        gathering = Gathering(busy.run)
        tasks = [asyncio.create_task(gathering.run(item)) for item in (0, 1, 2, 3, 4)]
        await asyncio.sleep(0)  # the first is on its way now, and the others wait
        tasks[3].cancel()  # its client has left: it is done all the same
        busy.go_on.release()
        busy.go_on.release()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert busy.groups == [[0], [1, 2, 3, 4]]
        nothing = type(None)
        assert [*map(type, outcomes)] == [nothing, ValueError, nothing, asyncio.CancelledError, nothing]
        assert str(outcomes[1]) == "1"
        await asyncio.to_thread(gathering.close)

    run_on(loop, work)


@loops
def test_what_goes_wrong_with_a_group_goes_wrong_with_each_of_it_and_the_next_one_runs(loop: str) -> None:
    async def work() -> None:
        busy = Busy()
        gathering = Gathering(busy.run)
        tasks = [asyncio.create_task(gathering.run(item)) for item in (-1, -2, 2)]
        await asyncio.sleep(0)
        busy.go_on.release()
        with pytest.raises(OSError, match="the disk"):
            await tasks[0]
        await asyncio.sleep(0)
        last = asyncio.create_task(gathering.run(4))
        busy.go_on.release(2)
        outcomes = await asyncio.gather(*tasks[1:], last, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [OSError, OSError, type(None)]
        assert busy.groups == [[-1], [-2, 2], [4]]
        await asyncio.to_thread(gathering.close)

    run_on(loop, work)
