"""Values made from the graph, kept while its generation lasts."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from storage.errors import DeadlineExceeded, StorageError

T = TypeVar("T")
_MOST_NOTED = 10_000
_SETTLING = 0.05  # seconds in which a generation may turn out to have changed nothing


class PerGeneration(Generic[T]):
    """Makes a value once a generation, whoever asks first; thread-safe."""

    def __init__(self, generation: Callable[[], int], make: Callable[[], T]) -> None:
        self._generation = generation
        self._make = make
        self._lock = threading.Lock()
        self._held: tuple[int, T] | None = None
        self._same: set[int] = set()
        self._door = threading.Lock()
        self._under_way: Future[None] | None = None
        self._asked = self._renewing = False

    def get(self, until: float = math.inf) -> T:
        """Return the value for a generation that is current now or newer.

        Raises what goes wrong with making it, and DeadlineExceeded where that lasts beyond `until`, a moment of the
        monotonic clock. It goes on then, for those who ask next.
        """
        self._asked = True
        if until == math.inf:
            return self._current()
        wanted = self._generation()
        while (held := self._held) is None or held[0] < wanted:
            try:
                self._making().result(max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise DeadlineExceeded("there was no time left to read what is new in the graph") from None
        return held[1]

    def _making(self) -> Future[None]:
        """Have the value made in a thread, which all share who wait for it."""
        with self._door:
            if self._under_way is None:
                self._under_way = Future()
                threading.Thread(target=self._make_in, args=(self._under_way,), daemon=True).start()
            return self._under_way

    def _make_in(self, made: Future[None]) -> None:
        error = None
        try:
            self._current()
        except Exception as failed:  # whatever it is, those who wait get it
            error = failed
        with self._door:
            self._under_way = None
        if error is None:
            made.set_result(None)
        else:
            made.set_exception(error)

    def soon(self) -> None:
        """Have the value made for a new generation before somebody asks, if somebody has for an earlier one.

        Never blocks: that is done in a thread, while those who do ask wait for the same.
        """
        if self._asked and not self._renewing:
            self._renewing, self._asked = True, False
            threading.Thread(target=self._renew, name="per-generation", daemon=True).start()

    def _renew(self) -> None:
        try:
            time.sleep(_SETTLING)
            with contextlib.suppress(StorageError):  # who asks gets it
                self._current()
        finally:
            self._renewing = False

    def _current(self) -> T:
        wanted = self._generation()
        held = self._held
        if held is not None and held[0] >= wanted:
            return held[1]
        with self._lock:
            self._advance()
            if self._held is None or self._held[0] < wanted:
                generation = self._generation()
                self._held = (generation, self._make())
            return self._held[1]

    def pass_over(self, generation: int) -> None:
        """Note that a generation has changed nothing that the value is made from. They may come in any order."""
        if len(self._same) >= _MOST_NOTED:  # nobody has asked for the value for a long time
            self._same.clear()
        self._same.add(generation)
        if self._lock.acquire(blocking=False):  # else the value is being made
            try:
                self._advance()
            finally:
                self._lock.release()

    def _advance(self) -> None:
        """Let the value stand for the next generations that have changed nothing. The caller holds the lock."""
        while self._held is not None and self._held[0] + 1 in self._same:
            self._held = (self._held[0] + 1, self._held[1])
            self._same.discard(self._held[0])

    def put(self, generation: int, before: T, value: T) -> bool:
        """Hold what `before`, the value of the generation before, has become; False where that is not held."""
        with self._lock:
            self._advance()
            if self._held is None or self._held[0] != generation - 1 or self._held[1] is not before:
                return False
            self._held = (generation, value)
            return True
