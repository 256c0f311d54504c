"""Values made from the graph, kept while its generation lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerGeneration(Generic[T]):
    """Makes a value once a generation, whoever asks first; thread-safe."""

    def __init__(self, generation: Callable[[], int], make: Callable[[], T]) -> None:
        self._generation = generation
        self._make = make
        self._lock = threading.Lock()
        self._held: tuple[int, T] | None = None

    def get(self) -> T:
        """Return the value for a generation that is current now or newer."""
        wanted = self._generation()
        held = self._held
        if held is not None and held[0] >= wanted:
            return held[1]
        with self._lock:
            if self._held is None or self._held[0] < wanted:
                generation = self._generation()
                self._held = (generation, self._make())
            return self._held[1]

    def keep(self, before: int, after: int) -> None:
        """Let the value of one generation stand for the next, which has changed nothing that it is made from."""
        with self._lock:
            if self._held is not None and self._held[0] == before:
                self._held = (after, self._held[1])
