"""Waits until it is known what the graphs share, and has readers told: until then all counts as shared."""

from __future__ import annotations

import threading
from collections.abc import Callable

from storage.errors import StorageError

_FIRST, _LONGEST = 0.02, 1.0  # seconds between questions


class Settling:
    """A thread that asks, from when it is needed until there is an answer. Thread-safe."""

    def __init__(self, is_settled: Callable[[], bool], tell: Callable[[], None]) -> None:
        """`is_settled` asks the process that compares graphs; `tell` is called once it is done."""
        self._is_settled = is_settled
        self._tell = tell
        self._door = threading.Lock()
        self._waits = False
        self._closed = threading.Event()

    def soon(self) -> None:
        """Begin to ask, unless that goes on already. Never blocks."""
        with self._door:
            if not self._waits and not self._closed.is_set():
                self._waits = True
                threading.Thread(target=self._wait, name="graphs-settling", daemon=True).start()

    def _wait(self) -> None:
        pause = _FIRST
        try:
            while not self._is_settled():
                if self._closed.wait(pause):
                    return
                pause = min(2 * pause, _LONGEST)
            self._end()
            self._tell()
        except StorageError:  # the graph is closing, or the next snapshot begins it anew
            self._end()

    def _end(self) -> None:
        with self._door:
            self._waits = False

    def close(self) -> None:
        """Ask no more. Closing twice is fine."""
        self._closed.set()
