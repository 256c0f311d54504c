"""Watches that a client takes what it is sent."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import Callable
from typing import Any

_QUEUED = struct.Struct("i")


class Sending:
    """Breaks a connection whose client takes nothing for a while, of an answer or its rest."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        seconds: float,
        answer: Callable[[], object],
    ) -> None:
        """`answer` tells which one is on its way: where it is another, the client has taken something."""
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._answer = answer
        self._watched: object = None
        self._queued = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_watched(self) -> bool:
        """Tell whether the clock runs."""
        return self._timer is not None

    def watch(self) -> None:
        """Give the client time to take more than it has now."""
        self.stop()
        self._timer = self._loop.call_later(self._seconds, self._check)
        self._watched, self._queued = self._answer(), self._unsent()

    def stop(self) -> None:
        """Stop the clock, and let go of the answer."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._watched = None

    def _check(self) -> None:
        if not self._transport.get_write_buffer_size():
            self.stop()
        elif self._answer() is not self._watched or self._unsent() < self._queued:
            self.watch()
        else:
            self._transport.abort()

    def _unsent(self) -> int:
        """Return how many bytes the client has not got: ours, and those that the kernel holds for it."""
        return self._transport.get_write_buffer_size() + _in_kernel(self._transport.get_extra_info("socket"))


def _in_kernel(socket: Any) -> int:  # noqa: ANN401 - asyncio's socket, or uvloop's
    try:
        queued: tuple[int] = _QUEUED.unpack(fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(_QUEUED.size)))
    except (OSError, ValueError):  # not a kind of socket that tells, or closed
        return 0
    return queued[0]
