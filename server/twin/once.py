"""Requests that carry a key of their own: one that comes again is answered as the first time, and does nothing.

The header Idempotency-Key is that of the IETF's draft (draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from server.errors import Problem
from storage.series.receipts import Receipt
from storage.series.store import SeriesStore


class Once:
    """Finds the receipts of requests, and holds the keys of those under way."""

    def __init__(self, series: SeriesStore) -> None:
        self._series = series
        self._under_way: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def begin(self, key: str, content: str) -> Iterator[Receipt | None]:
        """Lend the key; yields the receipt of the same request where it was stored already.

        Raises a 409 problem where one with this key is under way, a 422 problem where the key was another request's.
        """
        with self._lock:
            if key in self._under_way:
                detail = "a request with this Idempotency-Key is under way"
                raise Problem(409, "under-way", detail, hint="wait for its answer", headers={"Retry-After": "1"})
            self._under_way.add(key)
        try:
            receipt = self._series.receipt(key)
            if receipt is not None and receipt.content != content:
                detail = "this Idempotency-Key was that of another request"
                raise Problem(422, "key-reused", detail, hint="each request needs a key of its own, such as a UUID")
            yield receipt
        finally:
            with self._lock:
                self._under_way.discard(key)
