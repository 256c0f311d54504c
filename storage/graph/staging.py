"""Quads on their way into the graph: in memory while they are few, else in a file of the data directory.

Or in a store there, if a document is likely to be all of the graph: the store can then take its place as it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from storage.children import Children
from storage.errors import DiskFailed
from storage.files import make_directory

_CHUNK = 4096


class Staged:
    """Collects quads, in bounded memory, until a store takes them; closing it forgets them.

    `count` quads have come, duplicates and all, of the graphs in `graphs`. Processes that help are of `children`.
    """

    def __init__(self, folder: Path, most: int, children: Children | None = None) -> None:
        """Up to `most` quads stay in memory; a file for more of them is made in `folder`."""
        self.children = children or Children()
        self._folder = folder
        self._most = most
        self._few: list[ox.Quad] = []
        self._file: IO[bytes] | None = None
        self._temporary: str | None = None
        self._store: Path | None = None
        self.count = 0
        self.graphs: set[ox.NamedNode | ox.BlankNode | ox.DefaultGraph] = set()

    @classmethod
    def onto(cls, path: Path) -> Staged:
        """Return one that appends to the file of another, which another process has; closing it leaves the file."""
        staged = cls(path.parent, -1)
        staged._file = path.open("ab")
        return staged

    def extend(self, quads: Iterable[ox.Quad]) -> None:
        """Take quads. Raises what `quads` raises, and DiskFailed."""
        for _ in self._chunks(quads):
            pass

    def passing(self, quads: Iterable[ox.Quad]) -> Iterator[ox.Quad]:
        """Take quads, and yield each of them once it is taken. Raises what `quads` raises, and DiskFailed."""
        for chunk in self._chunks(quads):
            yield from chunk

    def _chunks(self, quads: Iterable[ox.Quad]) -> Iterator[list[ox.Quad]]:
        source = iter(quads)
        while chunk := list(islice(source, _CHUNK)):
            self.count += len(chunk)
            self.graphs.update(quad.graph_name for quad in chunk)
            self._take(chunk)
            yield chunk

    def _take(self, chunk: list[ox.Quad]) -> None:
        if self._file is None and self.count <= self._most:
            self._few += chunk
            return
        with _failing():
            ox.serialize(chunk, self._opened(), ox.RdfFormat.N_QUADS)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            make_directory(self._folder)
            fd, self._temporary = tempfile.mkstemp(dir=self._folder, suffix=".nq")
            os.close(fd)
            self._file = Path(self._temporary).open("ab")  # noqa: SIM115 - see close; others may append as well
            few, self._few = self._few, []
            ox.serialize(few, self._file, ox.RdfFormat.N_QUADS)
        return self._file

    def quads(self) -> list[ox.Quad] | None:
        """Return what is in memory; None where it is in a file."""
        return self._few if self._file is None and self._store is None else None

    def path(self) -> Path:
        """Return a file of all quads, as N-Quads: from now on there is one. Raises DiskFailed."""
        with _failing():
            if self._store is not None:
                ox.Store.read_only(str(self._store)).dump(self._opened(), ox.RdfFormat.N_QUADS)
                self._forget_store()
            file = self._opened()
            file.flush()
        return Path(file.name)

    def begin_store(self) -> Path:
        """Return where a process may make a store of all quads, of which nothing is here yet. Raises DiskFailed."""
        if self.count or self._store is not None:
            raise ValueError("there are quads already")
        with _failing():
            make_directory(self._folder)
            self._store = Path(tempfile.mkdtemp(dir=self._folder, suffix=".store"))
        return self._store

    def store(self) -> Path | None:
        """Return a store of all quads that may be taken away; None where they are elsewhere."""
        return self._store

    def _forget_store(self) -> None:
        if self._store is not None:
            shutil.rmtree(self._store, ignore_errors=True)
            self._store = None

    def close(self) -> None:
        """Forget the quads. Closing twice is fine. Raises DiskFailed where the last of them could not be written."""
        self._few = []
        self._forget_store()
        if self._temporary is not None:
            Path(self._temporary).unlink(missing_ok=True)
            self._temporary = None
        if self._file is not None:
            with _failing():
                self._file.close()

    def __enter__(self) -> Staged:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskFailed(f"quads could not be kept on disk: {error.strerror or error}") from error
