"""Group sync: many commits, one fdatasync at a time, shared by all who wait for it; and the logs that it is of."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from storage.errors import DiskFailed
from storage.files import sync_directory


class GroupSync:
    """Makes commits durable. One of those who wait syncs for all that came before it began.

    A sync that fails leaves open what is on disk, and the kernel may report that only once: from then on
    everything fails, until a new process has opened the store.
    """

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._changed = threading.Condition()
        self._begun = 0
        self._ended = 0
        self._running = False
        self._failure: OSError | None = None

    def check(self) -> None:
        """Raise DiskFailed if a sync has failed."""
        if self._failure is not None:
            raise _failed(self._failure)

    def fail(self, error: OSError) -> None:
        """Let everything fail from now on."""
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def wait(self) -> None:
        """Return when a sync that began after this call has ended. Raises DiskFailed."""
        with self._changed:
            needed = self._begun + 1
            self._changed.wait_for(lambda: self._ended >= needed or not self._running or self._failure is not None)
            self.check()
            if self._ended >= needed:
                return
            self._running = True
            self._begun += 1
        self._lead()

    def _lead(self) -> None:
        failure, ended = None, self._ended
        try:
            self._sync()
            ended = self._begun
        except OSError as error:
            failure = error
        finally:
            with self._changed:
                self._running, self._ended = False, ended
                self._failure = self._failure or failure
                self._changed.notify_all()
        self.check()


def _failed(error: OSError) -> DiskFailed:
    return DiskFailed(
        f"the disk did not confirm a write to the graph ({error.strerror or error}): what was written last may be"
        " lost, and nothing more is written until the server has been started again"
    )


class Log(NamedTuple):
    """A log: the number in its name, its inode, and in which era of the folder it was there.

    Numbers begin anew with each store, and a file system gives the inode of a file that has gone to the next.
    """

    number: int
    inode: int
    era: int


_MARK = (0, 0)  # times that no write leaves behind
_TICK = 100_000_000  # nanoseconds, in which a file system may give two changes the same time


class Logs:
    """The write-ahead logs of a store. The newest is the one that commits are written to.

    The engine may take an old log for a new one: then it has a new name, and is written over without growing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[Log] = set()
        self._open: tuple[tuple[int, int, int], int] | None = None
        self.era = 0

    @contextlib.contextmanager
    def exchanging(self) -> Iterator[None]:
        """Let another folder take the place of this one in the block: its logs are none of those of before."""
        self.era += 1
        try:
            yield
        finally:
            self.era += 1

    @property
    def folder(self) -> Path:
        """The store's directory."""
        return self._folder

    def path(self, log: Log) -> Path:
        """Return where a log is."""
        return self._folder / f"{log.number:06}.log"

    def newest(self) -> Log | None:
        """Return the log of the next commit, if it was begun already."""
        return max((log for log, _ in self._all()), default=None)

    def size(self) -> int:
        """Return how many bytes the logs have together."""
        return sum(stat.st_size for _, stat in self._all())

    def _all(self) -> Iterator[tuple[Log, os.stat_result]]:
        """Yield the logs.

        One that is deleted meanwhile does not matter: what it held is in other files, which are synced. Neither does
        a folder that is missing: all of the one that takes its place is.
        """
        era = self.era
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(".log"):
                    with contextlib.suppress(FileNotFoundError):
                        yield Log(int(entry.name.removesuffix(".log")), entry.inode(), era), entry.stat()

    def sync(self) -> None:
        """Make durable what was written until now: in the newest log, and in what was the newest the last time."""
        began, state = time.time_ns(), self._state()
        if self._open is not None and self._open[0] == state:  # the newest log is the same as the last time
            os.fdatasync(self._open[1])
            return
        self._sync_all()
        self.close()
        if began - state[2] > _TICK:
            self._keep_open(state)

    def _state(self) -> tuple[int, int, int]:
        """Return what changes whenever a log comes or goes, unless two do so within a tick of the file system."""
        with contextlib.suppress(FileNotFoundError):
            stat = self._folder.stat()
            return self.era, stat.st_ino, stat.st_mtime_ns
        return self.era, 0, 0

    def _keep_open(self, state: tuple[int, int, int]) -> None:
        """Keep the newest log open, to know it while this state lasts."""
        newest = max(self._seen, default=None)
        if newest is not None:
            with contextlib.suppress(FileNotFoundError):
                self._open = state, os.open(self.path(newest), os.O_RDONLY)

    def close(self) -> None:
        """Keep no log open. Closing twice is fine."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def _sync_all(self) -> None:
        logs = {log for log, _ in self._all()}
        over = self._seen - {max(self._seen, default=None)}  # nothing was written to them since
        for log in logs - over:
            with contextlib.suppress(FileNotFoundError):
                self._sync_one(log)
        if logs - self._seen:  # the name of a new one is to last as well
            with contextlib.suppress(FileNotFoundError):
                sync_directory(self._folder)
        self._seen = logs

    def _sync_one(self, log: Log) -> None:
        fd = os.open(self.path(log), os.O_RDONLY)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def mark(self) -> set[int]:
        """Mark the logs, so that `written` can tell whether anything is written to them from now on."""
        inodes = set()
        for log, stat in self._all():
            inodes.add(log.inode)
            if stat.st_mtime_ns != _MARK[1]:
                with contextlib.suppress(FileNotFoundError):
                    os.utime(self.path(log), ns=_MARK)
        return inodes

    def written(self, marked: set[int]) -> bool:
        """Tell whether anything was written to the logs since they were marked."""
        return any(
            stat.st_mtime_ns != _MARK[1] if log.inode in marked else stat.st_size > 0 for log, stat in self._all()
        )
