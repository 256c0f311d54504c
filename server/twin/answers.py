"""Small answers, kept in memory while the graph is what it was: a dashboard asks the same again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from storage.graph.queries import Limits, Query

_TEXTS = 1 << 15  # that are remembered at least, by their hashes, when so many others came after them


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, of a generation of the graph."""

    generation: int
    rows: int
    body: bytes


class Answers:
    """The answers asked for last, up to so many bytes with their questions; thread-safe.

    Only one generation of the graph is kept: the first answer of a newer one takes the place of all others.
    """

    def __init__(self, most_bytes: int) -> None:
        """With 0 bytes nothing is kept."""
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Query, Kept] = OrderedDict()
        self._generation = 0
        self._texts = set[int]()
        self._older_texts = set[int]()
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def asked_before(self, text: str) -> bool:
        """Tell whether a text was asked before, in any generation, and remember it; for one thread."""
        if not self._most:
            return False
        key = hash(text)
        if key in self._texts:
            return True
        if len(self._texts) >= _TEXTS:
            self._texts, self._older_texts = set(), self._texts
        self._texts.add(key)
        if key in self._older_texts:
            return True
        self.misses += 1
        return False

    def get(self, query: Query, generation: int, limits: Limits) -> Kept | None:
        """Return the answer that a query has in this generation, if it is kept and within the limits."""
        if not self._most:
            return None
        with self._lock:
            found = self._kept.get(query) if generation == self._generation else None
            if found is None or found.rows > limits.rows or len(found.body) > limits.bytes:
                self.misses += 1
                return None
            self._kept.move_to_end(query)
            self.hits += 1
            return found

    def put(self, query: Query, kept: Kept) -> None:
        """Keep an answer, but one of an older generation. Those asked for longest ago go where it is too much."""
        size = _size(query, kept)
        with self._lock:
            if kept.generation > self._generation:
                self._kept.clear()
                self._generation, self.bytes = kept.generation, 0
            if (
                kept.generation < self._generation
                or size > self._most
                or self._kept.setdefault(query, kept) is not kept
            ):
                return
            self.bytes += size
            while self.bytes > self._most:
                self.bytes -= _size(*self._kept.popitem(last=False))


def _size(query: Query, kept: Kept) -> int:
    """Return about what an entry takes: characters may be wide, and objects have heads."""
    return len(kept.body) + 2 * len(query.text) + 1024
