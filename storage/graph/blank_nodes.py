"""Parts lines with blank nodes so that no node is in two parts: the engine can then read each part by itself.

It gives blank nodes other labels each time that it reads. Most lines have one blank node, whose label says which part
they belong to. Labels that a line has beside others are linked: all lines with one of these are left over.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

_LABEL = re.compile(rb"_:([\w:.\x80-\xff-]*)")  # in a literal it is none, which does no harm
_ENOUGH = 36 << 20  # bytes of a part, or
_LINES = 200_000  # lines
_FILE = 12 << 20  # bytes of a file, or somewhat more
_MOST = 48 << 20  # bytes; of one blank node there may be more
_MOST_FILES = 128
_MOST_LINKED = 1_000_000  # labels, some 100 MB


class Parts:
    """Lines with blank nodes, in files without names."""

    def __init__(self, folder: Path, size: int) -> None:
        """`size` is how many bytes of lines there are at most."""
        self._files = [_temporary(folder) for _ in range(min(size // _FILE + 1, _MOST_FILES))]
        self._linked = set[bytes]()
        self.rest = _temporary(folder)

    def add(self, lines: bytes) -> None:
        """Take whole lines, each with a label."""
        each, labels = BytesIO(lines).readlines(), _LABEL.findall(lines)
        if len(labels) == len(each):
            for line, label in zip(each, labels, strict=True):
                self._add_of(label.rstrip(b"."), line)
        else:
            for line in each:
                self._add(line)

    def _add_of(self, label: bytes, line: bytes) -> None:
        self._files[hash(label) % len(self._files)].write(line)

    def _add(self, line: bytes) -> None:
        labels = _labels(line)
        if len(labels) == 1:
            self._add_of(labels.pop(), line)
        else:
            self.rest.write(line)
            self._linked |= labels if len(self._linked) <= _MOST_LINKED else set()

    def take(self) -> Iterator[bytes]:
        """Yield the parts; what remains is in `rest` then."""
        parts, size, count = list[bytes](), 0, 0
        for file in self._files:
            parts.append(self._apart(file))
            size += len(parts[-1])
            count += parts[-1].count(b"\n")
            if size >= _ENOUGH or count >= _LINES:
                yield b"".join(parts)
                parts, size, count = [], 0, 0
        yield b"".join(parts)

    def _apart(self, file: IO[bytes]) -> bytes:
        """Return the lines of a file that can be read by themselves."""
        size = file.tell()
        file.seek(0)
        if size > _MOST or len(self._linked) > _MOST_LINKED:
            self.rest.writelines(file)
            return b""
        if not self._linked:
            return file.read()
        apart = list[bytes]()
        for line in file:
            if self._linked.isdisjoint(_labels(line)):
                apart.append(line)
            else:
                self.rest.write(line)
        return b"".join(apart)

    def close(self) -> None:
        """Remove the files."""
        for file in (*self._files, self.rest):
            file.close()


def _temporary(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder)


def _labels(line: bytes) -> set[bytes]:
    return {label.rstrip(b".") for label in _LABEL.findall(line)}
