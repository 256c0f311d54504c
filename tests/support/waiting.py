"""Waiting for what nothing tells of."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 60.0


def until(condition: Callable[[], object]) -> None:
    """Wait for something that nothing tells of; fails after SECONDS."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)
