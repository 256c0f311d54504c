"""Group sync: many commits, one fdatasync at a time, shared by all who wait for it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

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


class Logs:
    """The write-ahead logs of a store: what is not synced yet, and whether anything was written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._synced: dict[tuple[str, int], int] = {}

    def sizes(self) -> dict[tuple[str, int], int]:
        """Return the size of each log, by its name and inode: they only grow, until they are deleted.

        What a deleted one held is in other files, which are synced; so is a folder that takes the place of this one.
        """
        found: dict[tuple[str, int], int] = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(".log"):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.name, entry.inode()] = entry.stat().st_size
        return found

    def sync(self) -> None:
        """Flush to disk what was appended: the engine switches logs, so the newest alone is not enough."""
        sizes = self.sizes()
        fresh = False
        for (name, inode), size in sizes.items():
            if self._synced.get((name, inode), 0) != size:
                with contextlib.suppress(FileNotFoundError):
                    _sync_data(self._folder / name)
                fresh |= (name, inode) not in self._synced
        if fresh:  # its name is to last as well
            with contextlib.suppress(FileNotFoundError):
                sync_directory(self._folder)
        self._synced = sizes


def _sync_data(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)
