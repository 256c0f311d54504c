"""One writer process, as its parent sees it (see storage.graph.writer)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from storage.children import environment
from storage.errors import Corrupt, DiskFailed, StorageError, WriterCrashed
from storage.graph.channel import Channel, Gone


class WriterProcess:
    """One writer process. Raises Corrupt or DiskFailed where it cannot open the store."""

    def __init__(self, path: Path, memory: int, lock: int) -> None:
        self.writes, self.questions = Channel(), Channel()
        try:
            self._process = self._start(path, memory, lock)
        except OSError:
            self.writes.close()
            self.questions.close()
            raise
        self.writes.handed_over()
        self.questions.handed_over()
        try:
            self.questions.receive()
        except (Gone, StorageError) as error:
            self.end()
            self.close()
            raise _unopened(path, error) from None

    def _start(self, path: Path, memory: int, lock: int) -> subprocess.Popen[bytes]:
        fds = (self.writes.inherited, self.questions.inherited)
        return subprocess.Popen(
            [sys.executable, "-m", "storage.graph.writer", str(path), str(memory), *map(str, fds)],
            stdin=subprocess.PIPE,  # which closes with this process, and ends that one
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(*fds, lock),  # the lock of the data directory, which is thus held as long as the process lives
            env=environment(),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> int:
        """Kill the process; returns what it died of."""
        self._process.kill()
        return self._process.wait()

    def close(self) -> None:
        """Close all that leads to the process, which ends it, and wait for that."""
        self.writes.close()
        self.questions.close()
        assert self._process.stdin is not None  # noqa: S101 - opened with a pipe, for the type checker
        self._process.stdin.close()
        self._process.wait()


def _unopened(path: Path, error: Exception) -> StorageError:
    if isinstance(error, Gone):
        return WriterCrashed("the process that writes the graph ended before it had opened it")
    if "No space left" in str(error):
        return DiskFailed(str(error))
    return Corrupt(f"the graph in {path} cannot be opened: {error}")
