"""What was used last, as much of it as may be in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Keeps values that never change, by their keys; any thread may ask."""

    def __init__(self, most: int, weight: Callable[[V], int]) -> None:
        """All that is kept weighs so much at `most`, or is a single value."""
        self._most = most
        self._weight = weight
        self._values: OrderedDict[K, V] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return a value; it is made where it is not kept, perhaps by several threads at once."""
        with self._lock:
            if (kept := self._values.get(key)) is not None:
                self._values.move_to_end(key)
                return kept
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._total += self._weight(value)
            while self._total > self._most and len(self._values) > 1:
                self._total -= self._weight(self._values.popitem(last=False)[1])
        return value

    @property
    def full(self) -> bool:
        """Tell whether something went, or will, for what comes next."""
        return self._total >= self._most

    def __contains__(self, key: K) -> bool:
        return key in self._values
