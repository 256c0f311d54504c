"""The pen of the graph: who holds it writes. It numbers the commits, and makes them durable and visible."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from storage.errors import Closed, DiskFailed, Overloaded, WriterCrashed
from storage.graph.deadline import Deadline
from storage.graph.sync import GroupSync

_PATIENCE = 0.5  # seconds that a write has to end in when the store is closed


class Pen:
    """One for a store. Thread-safe, and a thread that holds it may take it again."""

    def __init__(self, first: int, sync: Callable[[], None]) -> None:
        """Commits are numbered after `first`; `sync` makes durable what was committed until it began."""
        self._lock = threading.RLock()
        self._raising = threading.Lock()
        self._waiting = 0  # threads that want the pen
        self._committed = self._generation = first
        self.acknowledged = first
        """The newest commit that somebody was told of, or will be."""
        self.disk_failed = False
        """Whether the disk has not taken a write since."""
        self._syncing = GroupSync(sync)
        self._closed = False
        self._watching = list[Callable[[], None]]()

    @property
    def generation(self) -> int:
        """The number of the newest commit that is visible."""
        return self._generation

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for it."""
        return self._waiting > 0

    def watch(self, call: Callable[[], None]) -> None:
        """Have something called, which must not block, whenever there is a new generation."""
        self._watching.append(call)

    # Holding it

    @contextlib.contextmanager
    def held(self, deadline: Deadline | None = None) -> Iterator[None]:
        """Hold the pen. Raises Overloaded where it is not to be had in time, Closed or DiskFailed."""
        with self._raising:
            self._waiting += 1
        try:
            if not self._lock.acquire(timeout=-1 if deadline is None else deadline.left) and deadline is not None:
                raise Overloaded(f"other writes to the graph took all of the {deadline.seconds:g} s")
        finally:
            with self._raising:
                self._waiting -= 1
        with self.until_released():
            self._check()
            yield

    def take_at_once(self) -> bool:
        """Take the pen if nobody holds it, for `until_released` or `release`. Raises as `held` does."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._check()
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()

    @contextlib.contextmanager
    def until_released(self) -> Iterator[None]:
        """Release the pen, which was taken before, after the block."""
        try:
            yield
        except (DiskFailed, WriterCrashed) as error:
            self.doubt(disk_failed=isinstance(error, DiskFailed))
            raise
        finally:
            self.release()

    @contextlib.contextmanager
    def closing(self, hasten: Callable[[], None]) -> Iterator[None]:
        """Hold the pen for good; after a while `hasten` has the one who holds it end."""
        self._closed = True
        if not self._lock.acquire(timeout=_PATIENCE):
            hasten()
            self._lock.acquire()
        try:
            yield
        finally:
            self.release()

    def _check(self) -> None:
        if self._closed:
            raise Closed("the graph is closed")
        self._syncing.check()

    # Commits

    def next(self) -> int:
        """Return the number of a commit that has been made just now. Only for who holds the pen."""
        self._committed += 1
        return self._committed

    def settle(self, commit: int) -> int:
        """Make a commit, and all before it, durable and visible."""
        self._syncing.wait()
        self.reach(commit)
        return commit

    def sync(self) -> None:
        """Make all that was committed durable. Raises DiskFailed."""
        self._syncing.wait()

    def reach(self, commit: int) -> None:
        """Make a commit, which is durable, and all before it visible."""
        self._raise_to(commit, told=True)

    def _raise_to(self, commit: int, *, told: bool) -> None:
        with self._raising:
            self._generation = max(self._generation, commit)
            if told:
                self.acknowledged, self.disk_failed = max(self.acknowledged, commit), False
        for call in self._watching:
            call()

    def doubt(self, *, disk_failed: bool) -> None:
        """Make a commit visible that may not be there: nobody was told that it is. Only for who holds the pen."""
        self.disk_failed = disk_failed
        self._raise_to(self.next(), told=False)

    def renew(self) -> None:
        """Begin a new generation without a commit, for readers to open their snapshots anew."""
        with self.held():
            commit = self.next()
        self._raise_to(commit, told=False)

    def fail(self, error: OSError) -> None:
        """Let all writes fail from now on, this one with DiskFailed."""
        self._syncing.fail(error)
        self._syncing.check()
