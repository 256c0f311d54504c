"""How far a load is, and ending it: told by whoever reads the document, asked by whoever waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

from storage.errors import Cancelled


class Phase(StrEnum):
    """Where a load is."""

    WAITING = "waiting"
    READING = "reading"
    WRITING = "writing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Progress:
    """A document's way into the graph: of so many `bytes` some are read, and so many `quads` found. Thread-safe."""

    def __init__(self) -> None:
        self.phase = Phase.WAITING
        self.bytes: int | None = None
        self.read = 0
        self.quads = 0
        self._lock = threading.Lock()
        self._cancelled = False
        self._end: Callable[[], None] | None = None

    def reading(self, size: int | None) -> None:
        """Note that a document of so many bytes (None: not known) is read from now on. Raises Cancelled."""
        self.check()
        self.phase, self.bytes = Phase.READING, size

    def at(self, read: int, quads: int) -> None:
        """Note how far it is read."""
        self.read, self.quads = read, quads

    def ending_by(self, end: Callable[[], None]) -> None:
        """Note what ends the reading. Raises Cancelled."""
        with self._lock:
            self._end = end
        self.check()

    def writing(self, quads: int) -> None:
        """Note that all is read, and these quads are written from now on. Raises Cancelled."""
        with self._lock:
            self._end = None
            self._check()
            self.phase = Phase.WRITING
        self.read, self.quads = self.bytes or self.read, quads

    def check(self) -> None:
        """Raise Cancelled where it was cancelled."""
        with self._lock:
            self._check()

    def _check(self) -> None:
        if self._cancelled:
            raise Cancelled("the load was cancelled; nothing is changed")

    def cancel(self) -> bool:
        """End the load, unless it is written already; tells whether it will end."""
        with self._lock:
            if self.phase not in (Phase.WAITING, Phase.READING):
                return False
            self._cancelled = True
            if self._end is not None:
                self._end()
            return True
