"""The queries that see readings, while they are not those of a reader: so that they can be listed and ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from storage.graph.readers import ReaderPool
from storage.graph.results import ASKER, Asker, Result, State
from storage.series.engine import Stop


@dataclass(eq=False, slots=True)
class Underway:
    """A query and for whom it is, as a reader's Result has them; `cancel` ends it, whatever is done for it."""

    text: str = ""
    readers: ReaderPool | None = None
    asker: Asker | None = field(default_factory=ASKER.get)
    began: float = field(default_factory=time.monotonic)
    rows: int = 0
    is_sending: bool = False
    stop: Stop = field(default_factory=Stop)

    @property
    def state(self) -> State:
        """How far it is."""
        return State.SENDING if self.is_sending else State.RUNNING

    def counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield an answer's batches, and count their rows."""
        for batch in batches:
            self.rows += batch.num_rows
            self.is_sending = True
            yield batch

    def check(self) -> None:
        """Raise Cancelled where it has been ended."""
        self.stop.check()

    def cancel(self) -> None:
        """End it: whoever waits for it gets the error."""
        self.stop.stop()
        for result in self.readers.results() if self.readers is not None else ():
            if self.asker is not None and result.asker is self.asker:
                result.cancel()


class Queries:
    """All queries that are under way: those of readers, and these. Thread-safe."""

    def __init__(self, readers: ReaderPool) -> None:
        self._readers = readers
        self._lock = threading.Lock()
        self._underway: set[Underway] = set()

    def begin(self, text: str) -> Underway:
        """Note a query, until it is forgotten."""
        found = Underway(text, self._readers)
        with self._lock:
            self._underway.add(found)
        if found.asker is not None and found.asker.gone:
            found.stop.stop()
        return found

    def forget(self, underway: Underway) -> None:
        """Note that a query is done. Forgetting twice is fine."""
        with self._lock:
            self._underway.discard(underway)

    @contextmanager
    def noted(self, text: str) -> Iterator[Underway]:
        """Note a query for as long as the context lasts."""
        found = self.begin(text)
        try:
            yield found
        finally:
            self.forget(found)

    def close(self) -> None:
        """End all that are not a reader's, which has to be told itself."""
        for underway in self._mine():
            underway.stop.stop()

    def results(self) -> list[Result | Underway]:
        """Return them, the oldest first. What a reader is asked for one of these is no query of its own."""
        before, results, mine = self._mine(), self._readers.results(), self._mine()
        known = {id(underway.asker) for underway in (*before, *mine) if underway.asker is not None}
        others = [result for result in results if id(result.asker) not in known]
        return sorted([*mine, *others], key=lambda result: result.began)

    def _mine(self) -> list[Underway]:
        with self._lock:
            return list(self._underway)

    def end(self, asker: Asker) -> None:
        """Cancel all queries of one who has gone. Never blocks."""
        self._readers.end(asker)
        for underway in self._mine():
            if underway.asker is asker:
                underway.stop.stop()
