"""Places on loopback that no other process has, of those that test at a time: BACnet has one port for all."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NET = f"127.{64 + os.getpid() % 128}"
_LOCK = Path(tempfile.gettempdir()) / "twinhouse-tests-bacnet.lock"


def address(number: int) -> str:
    """Return a place by its number, from 1."""
    return f"{_NET}.{number // 250}.{number % 250 + 1}"


@contextmanager
def broadcasts(*, alone: bool) -> Iterator[None]:
    """Lend what all have in common: bacpypes3 and rusty-bacnet do not listen to it side by side."""
    with _LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
