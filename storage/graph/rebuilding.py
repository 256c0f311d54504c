"""Large changes: made on a copy, in a process of its own, that then takes the graph's place.

    loading/next    the graph as it is to be, while the loader fills it
    loading/base    a copy to take over from, where most of the graph goes
    loading/old     the graph as it was, on its way out

The old directory leaves its place only when all of the new one is on disk. So whenever the graph is missing, the new
one is whole, and `recover` puts it there; in any other case the change has not happened.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from storage.children import Children
from storage.errors import DiskFailed
from storage.files import empty_directory, make_directory, sync_directory
from storage.graph.filling import fill


class Rebuilding:
    """The copy of a graph that is to take its place. One at a time."""

    def __init__(self, graph: Path, folder: Path, lock: int, children: Children) -> None:
        """`folder` is for what is under way; the process, one of `children`, inherits the file descriptor `lock`."""
        self._graph = graph
        self._folder = folder
        self._lock = lock
        self._children = children

    def recover(self) -> None:
        """Finish the exchange that a crash has interrupted, and remove what is left of others."""
        if not self._graph.exists() and self._next.exists():
            self._put_in_place()
        empty_directory(self._folder)

    @property
    def _next(self) -> Path:
        return self._folder / "next"

    @property
    def _old(self) -> Path:
        return self._folder / "old"

    def fill(
        self,
        copy: Callable[[Path], None] | None,
        staged: Path | None,
        graphs: list[str | None] | None,
        drop: list[str | None],
        create: list[str],
        *,
        rebuild: bool,
    ) -> None:
        """Make the next graph: see storage.graph.loader. `copy` writes the present one to a path; None begins empty.

        `graphs` are those of what is staged, None where they are not known. With `rebuild` all but what is dropped is
        taken over, else what is dropped is removed: whichever is less. Raises DiskFailed, WriterCrashed or Closed,
        with nothing changed.
        """
        base = self._folder / "base" if rebuild and copy is not None else None
        try:
            self.discard()
            if copy is not None:
                copy(base or self._next)
            fill(
                {
                    "next": str(self._next),
                    "base": None if base is None else str(base),
                    "drop": drop,
                    "staged": None if staged is None else str(staged),
                    "graphs": graphs,
                    "create": create,
                    "old": str(self._graph) if copy is not None else None,
                },
                self._children,
                self._lock,
            )
        except OSError as error:
            raise DiskFailed(f"the graph could not be written: {error.strerror or error}") from error
        except BaseException:
            self.discard()
            raise

    def adopt(self, store: Path) -> None:
        """Make a store that is on disk, closed, the next graph. Raises DiskFailed, with nothing changed."""
        try:
            self.discard()
            store.replace(self._next)
        except OSError as error:
            raise DiskFailed(f"the graph could not be written: {error.strerror or error}") from error

    def exchange(self) -> None:
        """Put the next graph in place. Durable when it returns. Nobody may have either of them open.

        Raises OSError, with one of them in place.
        """
        sync_directory(self._folder)
        self._graph.replace(self._old)
        try:
            self._sync()
            self._put_in_place()
        except OSError:
            if not self._graph.exists():
                self._old.replace(self._graph)
            raise
        self.discard()

    def _put_in_place(self) -> None:
        self._next.replace(self._graph)
        self._sync()

    def _sync(self) -> None:
        sync_directory(self._folder)
        sync_directory(self._graph.parent)

    def discard(self) -> None:
        """Remove what is left of a change."""
        make_directory(self._folder)
        for name in ("next", "base", "old"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
