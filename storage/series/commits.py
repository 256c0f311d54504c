"""Group commit: many writers, one transaction at a time, shared by all who wait for it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import pyarrow as pa

from storage.errors import Closed
from storage.series.receipts import Receipt

Batch = tuple[pa.Table, Receipt | None]
Item = tuple[Batch, Future[None]]
MOST_ROWS = 1_000_000  # in one commit, so that memory and the wait of the first writer stay bounded


class GroupCommit:
    """One thread that commits batches. A batch is in one commit, whole."""

    def __init__(self, commit: Callable[[Sequence[Batch]], object], *, waiting: int = 1_000) -> None:
        """`waiting`: so many batches may wait; further writers block, which holds them back."""
        self._commit = commit
        self._queue: queue.Queue[Item | None] = queue.Queue(waiting)
        self._closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="series-writer", daemon=True)
        self._thread.start()

    def submit(self, rows: pa.Table, receipt: Receipt | None = None) -> None:
        """Commit `rows` and their receipt; returns when that is done, and raises what it raised."""
        done: Future[None] = Future()
        with self._door:  # nothing may come into the queue behind its end
            if self._closed:
                raise Closed("the series are closed")
            self._queue.put(((rows, receipt), done))
        done.result()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, more = self._gather(first)
            self._commit_group(group)
            if not more:
                return

    def _gather(self, first: Item) -> tuple[list[Item], bool]:
        """Take what is waiting already; False with it when the end was among that."""
        group, rows = [first], first[0][0].num_rows
        while rows < MOST_ROWS:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return group, True
            if item is None:
                return group, False
            group.append(item)
            rows += item[0][0].num_rows
        return group, True

    def _commit_group(self, group: list[Item]) -> None:
        try:
            self._commit([batch for batch, _ in group])
        except Exception as error:
            if len(group) > 1:  # one batch's fault is not the others'
                for item in group:
                    self._commit_group([item])
                return
            group[0][1].set_exception(error)
        else:
            for _, done in group:
                done.set_result(None)

    def close(self) -> None:
        """Commit what waits, and end. Closing twice is fine."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
