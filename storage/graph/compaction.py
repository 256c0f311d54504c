"""Compaction of a store that is filled: all of it once, when it is full.

A load leaves several files of each index, and a query looks into all of them: with two it takes up to half as long
again. The engine merges them whenever it has got some, which takes a third of a large load's processor time. Put off,
it takes a fifth; meanwhile the files are many, and queries slow.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyoxigraph as ox

SMALL = 32 << 20
"""Bytes of a store, some 200,000 quads: to compact it takes a fifth of a second."""
MOST = 32 << 30
"""Bytes of a store, some 100 million quads: it takes minutes, though less than to load them."""
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
def compacting(store: ox.Store, path: Path, most: int = MOST) -> Iterator[None]:
    """Compact a store of at most so many bytes, while something else is done with it. All is in its files then."""
    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(_write, store, compacted=_size(path) <= most)
        yield
        written.result()


def _size(path: Path) -> int:
    found = 0
    for file in path.glob("*.sst"):
        with contextlib.suppress(FileNotFoundError):  # the engine has merged it with others
            found += file.stat().st_size
    return found


def _write(store: ox.Store, *, compacted: bool) -> None:
    if compacted:
        store.optimize()
    store.flush()  # of the one kind of data that is not compacted, too
