"""Queries, run in reader processes that can be killed.

A pool of processes, each on a snapshot of the graph. A query gets one that has the generation of its coming, and
streams its answer. At the deadline or the memory cap, or when nobody waits for the answer any more, the process dies
and the query raises; another process takes its place, and nothing else notices.

To move a reader to a newer snapshot takes as long as many short queries. So one is moved at a time, by a thread that
does nothing else, and a further one only when a query has waited for the others longer than that takes.

There are two ways in, for the one event loop and for threads: `enter` never blocks, and `run` does all at once.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import insort
from collections.abc import Callable

from storage.errors import Cancelled, Closed, Overloaded, ReaderCrashed, StorageError
from storage.graph.process import Reader
from storage.graph.queries import Dump, Limits, Query, message_of, text_of
from storage.graph.reader import PACKET
from storage.graph.results import Asker, Result
from storage.graph.store import GraphStore
from storage.graph.waiting import SOON, Waiting

_NOBODY = "nobody waits for the answer any more"
_LOG = logging.getLogger(__name__)


class ReaderPool:
    """Up to `size` readers. Thread-safe; waiting queries are served in the order of their coming."""

    def __init__(
        self,
        store: GraphStore,
        *,
        size: int = 4,
        memory: int = 2 << 30,
        patience: float = 10.0,
        most_waiting: int = 256,
    ) -> None:
        """`memory` bytes a reader may use; up to `most_waiting` queries wait `patience` seconds for a reader."""
        self._store = store
        self._memory = memory
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self._stale = threading.Condition(self._lock)  # a query waits, and a free reader is too old for it
        self._refresher_waits = False
        self._refresh_seconds = 0.0  # that the last one took
        self._free: list[Reader] = []  # the one with the newest snapshot is the last
        self._waiting = Waiting()
        self._results: set[Result] = set()
        self._closed = False
        self.patience = patience
        self.size = size
        self.killed = 0
        for _ in range(size):
            self._free.append(Reader(store, memory))
        self._refresher = threading.Thread(target=self._refresh, name="graph-refresher", daemon=True)
        self._refresher.start()

    @property
    def busy(self) -> int:
        """How many readers have a query, or are being replaced."""
        return self.size - len(self._free)

    @property
    def waiting(self) -> int:
        """How many queries wait for a reader."""
        return len(self._waiting)

    def results(self) -> list[Result]:
        """Return the queries that wait for a reader or have one, the oldest first."""
        with self._lock:
            return sorted(self._results, key=lambda result: result.began)

    def run(self, request: Query | Dump, limits: Limits) -> Result:
        """Start a query; the Result has its first bytes. The answer sees all commits made before the call.

        Raises the errors of `storage.errors`: QueryError, LimitExceeded, Overloaded, Cancelled,
        ReaderCrashed, Closed.
        """
        given = threading.Event()
        result = self._result(request, limits, given.set)
        self._enter(result)
        try:
            result.start(given, self.patience)
        except BaseException:
            result.close()
            raise
        return result

    def enter(self, request: Query | Dump, limits: Limits, notify: Callable[[], None]) -> Result:
        """Give a query a free reader, or put it into the queue. Never blocks.

        `notify` is called, in any thread, when a query that had to wait gets a reader, and when one is cancelled.
        Raises Overloaded where too many wait, or Closed.
        """
        result = self._result(request, limits, notify)
        plain = isinstance(request, Query) and request.lease is None and request.overlay is None
        result.light = plain and result.size <= PACKET
        self._enter(result)
        return result

    def _result(self, request: Query | Dump, limits: Limits, notify: Callable[[], None]) -> Result:
        message = message_of(request, limits)
        result = Result(self, text_of(request), message, limits, self._store.generation, notify)
        if isinstance(request, Query):
            result.lease, result.overlay = request.lease, request.overlay
        return result

    def _enter(self, result: Result) -> None:
        try:
            self._admit(result)
        except StorageError:
            result.end_leases()
            raise

    def _admit(self, result: Result) -> None:
        with self._lock:
            if self._closed:
                raise Closed("the readers are closed")
            if result.asker is not None and result.asker.gone:
                raise Cancelled(_NOBODY)
            if self._free and self._free[-1].has(result.wanted):
                result.reader = self._free.pop()  # the newest is the last
            elif len(self._waiting) < self._most_waiting:
                self._waiting.add(result, self._results)
                self._call_refresher()
            else:
                raise self.overloaded()
            self._results.add(result)

    def overloaded(self) -> Overloaded:
        """Return the error for a query that finds no reader."""
        return Overloaded(f"all {self.size} readers are busy, and {self.waiting:,} queries wait for one")

    def cancel(self, result: Result, error: StorageError) -> None:
        """End a query: its reader dies, and whoever waits for it gets the error. Never blocks."""
        with self._lock:
            if result not in self._results or result.cancelled is not None:
                return
            result.cancelled = error
            if result.reader is None:
                self._waiting.remove(result)
            elif not result.idle:
                result.reader.kill()
        result.notify()

    def end(self, asker: Asker) -> None:
        """Cancel all queries of one who has gone. Never blocks."""
        asker.gone = True
        for result in self.results():
            if result.asker is asker:
                self.cancel(result, Cancelled(_NOBODY))

    def leave(self, result: Result) -> None:
        """Take the reader of a query that has ended, or ends now. Blocks a moment where it is still busy."""
        if result.lease is None and result.overlay is None:
            self._take_back(result)
            return
        try:
            if result.lease is not None:
                result.lease.close()  # first: what it has been asked for may keep the reader
            self._take_back(result)
        finally:
            result.end_leases()  # at last: an overlay is written on as long as its reader lives

    def _take_back(self, result: Result) -> None:
        with result.beginning, self._lock:
            if result not in self._results:
                return
            self._results.remove(result)
            result.left = True
            result.notify = _nobody  # who was to be told may refer to the result, and is gone with it now
            reader = result.reader
            if reader is None and result.cancelled is None:
                self._waiting.remove(result)
        if reader is not None:
            self._pass_on(reader if result.idle else self._exchange(reader))

    def _pass_on(self, reader: Reader, *, whatever: bool = False) -> None:
        """Give a reader to the query that has waited longest, if it is new enough or `whatever` it is.

        In a closed pool it ends.
        """
        with self._lock:
            closed = self._closed
            result = None if closed else self._waiting.give(reader, whatever=whatever)
            if result is None and not closed:
                insort(self._free, reader, key=_generation)
                self._call_refresher()
        if closed:
            reader.close()
        elif result is not None:
            result.notify()

    # Who waits behind another

    def pause(self, result: Result) -> bool:
        """Let nobody wait behind a query whose client is slow. Never blocks.

        Returns whether that is so: who has begun behind it stays there, and then its answer has come to an end.
        """
        with self._lock:
            result.light = False
            reader = result.reader
            paused = reader is None or self._waiting.alone(reader)
        self._offer()
        return paused

    def _offer(self) -> None:
        """Give the first in line a free reader, where there is one for it by now."""
        with self._lock:
            first = self._waiting.first
            if first is None or not self._free or not self._free[-1].has(first.wanted):
                self._call_refresher()
                return
            reader = self._free.pop()
        self._pass_on(reader)

    # Newer snapshots

    def _call_refresher(self) -> None:
        if self._refresher_waits and self._waiting and self._free:
            self._refresher_waits = False
            self._stale.notify()

    def _refresh(self) -> None:
        """Move readers on for as long as queries wait for that; the refresher's thread."""
        while (reader := self._next_to_refresh()) is not None:
            began, failed = time.monotonic(), False
            try:
                reader.refresh()
            except StorageError:  # the query tries again, and gets the error
                failed = True
            self._refresh_seconds = time.monotonic() - began
            self._pass_on(reader, whatever=failed)

    def _next_to_refresh(self) -> Reader | None:
        """Wait for the next reader that has to move on; None when the pool is closed."""
        with self._lock:
            while not self._closed:
                if not self._waiting or not self._free:
                    self._refresher_waits = True
                    self._stale.wait()
                elif (first := self._waiting.first) is None:  # all wait behind others
                    self._stale.wait(SOON)
                    self._waiting.call_back_oldest()
                elif self._free[-1].has(first.wanted):
                    return self._free.pop()
                elif (early := self._patience_left(first)) > 0:
                    self._stale.wait(early)
                else:
                    return self._free.pop()
            return None

    def _patience_left(self, first: Result) -> float:
        """Return how many seconds a waiting query is to wait for readers that are new enough, but busy."""
        if not any(other.reader is not None and other.reader.has(first.wanted) for other in self._results):
            return 0.0
        return first.began + self._refresh_seconds - time.monotonic()

    def living(self, result: Result) -> Reader:
        """Return a query's reader, or a new one where it has died while it was idle. Raises ReaderCrashed."""
        if result.reader is None:
            raise ReaderCrashed("the query has no reader")
        if not result.reader.alive:
            result.reader = self._exchange(result.reader)
        return result.reader

    def _exchange(self, reader: Reader) -> Reader:
        """Return a new reader instead of one that is of no more use, or that one where none can be started."""
        with self._lock:
            moved = self._waiting.abandon(reader)
        if moved:
            self._offer()
        reader.close()
        if self._closed:
            return reader
        self.killed += 1
        try:
            return Reader(self._store, self._memory)
        except OSError as error:  # no process is to be had: the next query tries again
            _LOG.error("a reader process cannot be started: %s", error)
            return reader

    def close(self) -> None:
        """Kill all readers; answers on their way raise Closed. Closing twice is fine."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
            self._stale.notify()
        for result in self.results():
            self.cancel(result, Closed("the answer or the readers were closed"))
        for reader in free:
            reader.close()
        self._refresher.join()


def _nobody() -> None:
    """Be told, for those who wait no more."""


def _generation(reader: Reader) -> int:
    return reader.snapshot.generation if reader.snapshot else -1
