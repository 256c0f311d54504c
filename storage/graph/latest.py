"""The latest changes of a journal, in a file of their own, a line each: there, a change costs a single short write.

A line is JSON: number, time, who, what, the names of graphs, and storage.graph.recording.recorder.Change or null.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from storage.graph.recording.recorder import Change


class Made(NamedTuple):
    """A change to be recorded (None: the fact alone): who made it, as what, in which graphs."""

    who: str
    what: str
    graphs: tuple[str | None, ...]
    change: Change | None


class Numbered(NamedTuple):
    """A change with its number in the journal, and when it was made."""

    number: int
    time: str
    made: Made

    @property
    def length(self) -> int:
        """How many characters its quads have."""
        change = self.made.change
        return len(change.added) + len(change.removed) if change else 0

    def line(self) -> str:
        """Return what the file has of it."""
        who, what, graphs, change = self.made
        return json.dumps((self.number, self.time, who, what, graphs, change and change.document())) + "\n"

    @classmethod
    def parse(cls, line: bytes) -> Numbered:
        """Return the change of a line. Raises ValueError or TypeError for what is none."""
        number, time, who, what, graphs, change = json.loads(line)
        return cls(number, time, Made(who, what, tuple(graphs), None if change is None else Change.parse(change)))


class Latest:
    """The file. What is in it survives the end of the process; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make one. Raises OSError."""
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = 0

    def read(self) -> list[Numbered]:
        """Return what is in it, and cut off what is not whole, as a power cut may leave it. Raises OSError."""
        found = list(self._whole(self._path.read_bytes()))
        self._cut()
        return found

    def _whole(self, text: bytes) -> Iterator[Numbered]:
        for line in text.splitlines(keepends=True):
            try:
                change = Numbered.parse(line)
            except (ValueError, TypeError):
                return
            if not line.endswith(b"\n"):
                return
            self._size += len(line)
            yield change

    def add(self, changes: Iterable[Numbered]) -> None:
        """Write changes, all or none. Raises OSError."""
        lines = "".join([change.line() for change in changes]).encode()
        if os.write(self._fd, lines) < len(lines):
            self._cut()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(lines)

    def clear(self) -> None:
        """Begin anew."""
        self._size = 0
        self._cut()

    def _cut(self) -> None:
        os.ftruncate(self._fd, self._size)

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
