"""The queries that wait for a reader: in line, or behind the one that a reader is busy with.

Who waits behind another has been sent to that reader already. So the reader need not sleep between two short queries
until the server has taken the first answer, and the server takes several answers at once. But nobody is to wait for a
long query there while others get on: what a reader has not begun with can be called back from it, into the line.
"""

from __future__ import annotations

import time
from bisect import insort
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.graph.process import Reader

if TYPE_CHECKING:
    from storage.graph.results import Result

SOON = 0.01
"""Seconds; a query that takes longer is none to wait behind."""


class Waiting:
    """Those that wait. Whoever uses it holds the lock of the pool."""

    def __init__(self) -> None:
        self._line: deque[Result] = deque()
        self._behind: dict[Reader, Result] = {}  # the oldest first; one that is over stays until its reader is asked

    def __len__(self) -> int:
        return len(self._line) + len(self._behind)

    @property
    def first(self) -> Result | None:
        """The first in line."""
        return self._line[0] if self._line else None

    def add(self, result: Result, underway: Iterable[Result]) -> None:
        """Put a query behind one of those underway, where that is likely to be short, else to the end of the line."""
        if self._line or not any(self._follow(other, result) for other in underway):
            self._line.append(result)

    def _follow(self, other: Result, result: Result) -> bool:
        reader = other.reader
        if reader is None or reader in self._behind or not other.is_short(SOON) or not result.send(reader):
            return False
        self._behind[reader] = result
        return True

    def give(self, reader: Reader, *, whatever: bool) -> Result | None:
        """Take out the query that a reader is to have now, if it is new enough or `whatever` it is.

        What can be sent without waiting is: this query, and the next in line behind it.
        """
        self.call_back_oldest(SOON if self._line or reader in self._behind else 0.0, reader)
        result = self._sent_to(reader) or self._from_line(reader, whatever=whatever)
        if result is None:
            return None
        result.reader = reader
        if result.sent is reader or result.send(reader):
            result.asked = time.monotonic()
            if self._line and self._follow(result, self._line[0]):
                self._line.popleft()
        return result

    def _sent_to(self, reader: Reader) -> Result | None:
        result = self._behind.pop(reader, None)
        if result is None or not result.over:
            return result
        if not result.call_back():
            reader.kill()  # it is busy with what nobody waits for any more
        return None

    def _from_line(self, reader: Reader, *, whatever: bool) -> Result | None:
        first = self.first
        return self._line.popleft() if first is not None and (whatever or reader.has(first.wanted)) else None

    def call_back_oldest(self, patience: float = SOON, reader: Reader | None = None) -> None:
        """Put the query back into the line that has waited longest behind another, and so many seconds.

        With a `reader` only where that is new enough for it.
        """
        oldest = next(iter(self._behind.values()), None)
        if oldest is None or (reader is not None and not reader.has(oldest.wanted)):
            return
        if time.monotonic() - oldest.asked >= patience:
            self._call_back(oldest)

    def _call_back(self, result: Result) -> bool:
        """Put a query that waits behind another back into the line; tell whether that is done: it may have begun."""
        reader = result.sent
        if reader is None or not result.call_back():
            return False
        del self._behind[reader]
        if not result.over:
            self._put_back(result)
        return True

    def _put_back(self, result: Result) -> None:
        insort(self._line, result, key=lambda waiting: waiting.began)

    def alone(self, reader: Reader) -> bool:
        """Tell whether nobody waits behind the query that a reader is busy with, or nobody does any more now."""
        result = self._behind.get(reader)
        return result is None or self._call_back(result)

    def remove(self, result: Result) -> None:
        """Take out a query that is over. A reader that has begun with it comes to know of that by `give`."""
        if result.sent is None:
            self._line.remove(result)
        else:
            self._call_back(result)

    def abandon(self, reader: Reader) -> bool:
        """Put who waits behind another in a reader that ends back into the line; tell whether there is one."""
        result = self._behind.pop(reader, None)
        if result is None or result.over:
            return False
        result.sent = None
        self._put_back(result)
        return True
