"""Waits for so long, at no cost where there is nothing to wait for."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, coming: Awaitable[T]) -> T:
    """Return what comes, or raise TimeoutError after so many seconds."""
    steps = coming.__await__()
    try:
        waited_for = next(steps)
    except StopIteration as ended:  # it was there already, as most bodies of requests are
        found: T = ended.value
        return found
    async with asyncio.timeout(seconds):
        return await _go_on(steps, waited_for)


@types.coroutine
def _go_on(steps: Generator[Any, Any, T], waited_for: object) -> Generator[Any, Any, T]:
    """Have the loop wait for what the first step waits for, and then take the others."""
    try:
        yield waited_for
    except BaseException:
        steps.close()
        raise
    return (yield from steps)
