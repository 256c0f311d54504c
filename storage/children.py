"""Processes that work apart: what they are told, and how they all end when there is no more time for them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from storage.errors import Closed

# The engine allocates and frees small pieces by the hundred for a query; glibc keeps seven of a size at hand. With
# more of them a lookup takes a fifth less. They are bounded: 64 sizes of up to 1 KiB, 33 MB a thread at the worst.
_ALLOCATOR = "glibc.malloc.tcache_count=1000"


def environment() -> dict[str, str]:
    """Return the environment of a process of this program's own; GLIBC_TUNABLES, where it is set, wins."""
    return {
        "GLIBC_TUNABLES": _ALLOCATOR,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


class Children:
    """The processes that each do one piece of long work, all of it or none. Thread-safe."""

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._running = set[subprocess.Popen[bytes]]()
        self._stopped = False

    @contextlib.contextmanager
    def started(self, command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:  # noqa: ANN401 - Popen's
        """Run Python with a `command`, and wait until it ends; if the block raises, it ends at once.

        Raises Closed once they are stopped, also where the process was ended by that.
        """
        with self._door:
            self.check()
            process = subprocess.Popen([sys.executable, *command], env=environment(), **options)
            self._running.add(process)
        try:
            with process:
                try:
                    yield process
                except BaseException:
                    process.kill()
                    raise
        finally:
            self._running.discard(process)
        if process.returncode < 0:
            self.check()

    def check(self) -> None:
        """Raise Closed once they are stopped."""
        if self._stopped:
            raise Closed("this may take long, and is given up; nothing is changed")

    def stop(self) -> None:
        """End all of them, and start none any more. Stopping twice is fine."""
        with self._door:
            self._stopped = True
            for process in self._running:
                process.kill()
