"""Compaction of a store that is filled: put off until it is full, then all of it once.

Whenever it has got some files the engine merges them with what is there, which takes a third of a large load's
processor time. Put off, it takes a fifth; meanwhile the files are many, and queries slow.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyoxigraph as ox

_LAST = 19  # the priority of what runs when nobody else wants to


def put_off() -> None:
    """Let compaction give way to all else, of a store that is open and of all that this process opens later.

    For good: threads need a privilege to take that back. The engine has no setting for it, but names its threads.
    Where they have other names, and where there is nothing else to do, it compacts.
    """
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            if (thread / "comm").read_text().startswith("rocksdb:low"):
                os.setpriority(os.PRIO_PROCESS, int(thread.name), _LAST)


@contextlib.contextmanager
def compacting(store: ox.Store) -> Iterator[None]:
    """Compact all of a store, while something else is done with it. What was written is in its files then."""
    with ThreadPoolExecutor(1) as thread:
        compacted = thread.submit(_compact, store)
        yield
        compacted.result()


def _compact(store: ox.Store) -> None:
    store.optimize()
    store.flush()  # of the one kind of data that is not compacted
