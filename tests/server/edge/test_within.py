from __future__ import annotations

import asyncio

import pytest

from server.edge.within import within
from tests.server.test_watching import loops, run_on


class Coming:
    """What comes when it is let go; knows whether it was given up."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.given_up = False

    async def __call__(self) -> str:
        try:
            await self.there.wait()
            await asyncio.sleep(0)
        except BaseException:
            self.given_up = True
            raise
        return "it"


@loops
def test_what_is_there_comes_without_a_turn_of_the_loop(loop: str) -> None:
    async def work() -> None:
        async def there() -> str:
            return "it"

        turns = list[int]()
        asyncio.get_running_loop().call_soon(turns.append, 1)
        assert await within(0, there()) == "it"
        assert not turns
        with pytest.raises(ValueError, match="x"):
            await within(0, wrong())

    async def wrong() -> None:
        raise ValueError("x")

    run_on(loop, work)


@loops
def test_what_comes_in_time_is_waited_for(loop: str) -> None:
    async def work() -> None:
        coming = Coming()
        asyncio.get_running_loop().call_later(0.01, coming.there.set)
        assert await within(60, coming()) == "it"

    run_on(loop, work)


@loops
def test_what_does_not_come_is_given_up(loop: str) -> None:
    async def work() -> None:
        coming = Coming()
        with pytest.raises(TimeoutError):
            await within(0.01, coming())
        assert coming.given_up

    run_on(loop, work)


@loops
def test_who_is_cancelled_gives_it_up(loop: str) -> None:
    async def work() -> None:
        coming = Coming()
        task = asyncio.create_task(within(60, coming()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert coming.given_up

    run_on(loop, work)
