"""Snapshots of the store for its readers: shared while they are current, deleted when nobody holds them.

The engine's checkpoints are exact, but each flushes what is in memory: 15 ms of work and several fsyncs, and files so
small and so many in the end that opening them takes long. So most snapshots are the last checkpoint, by hard links,
with the newest of its logs as that is by now: what the store would find after a crash at this moment. That is right
as long as the engine has not begun another log, since it does before it flushes.

A full disk has no room for a copy of a log, nor for a flush. Then all of the store's files are linked as they are,
which is such a moment as well, in a folder that was made before. Where not even that can be done, the newest snapshot
stays, if it has all that was acknowledged.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from storage.errors import DiskFailed
from storage.files import empty_directory
from storage.graph.pen import Pen
from storage.graph.sharing import FILE, Snapped
from storage.graph.sync import Log, Logs

_LONGEST = 256 << 10  # bytes of logs that each reader replays when it opens a snapshot: 10 ms
_NOT_OF_THE_STORE = ("LOG", "LOCK", FILE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the store; `generation` is what it holds at least."""

    generation: int
    path: Path


class Snapshots:
    """Lends snapshots, at most one new one a generation: all who come while one is made wait for the next."""

    def __init__(
        self,
        folder: Path,
        logs: Logs,
        pen: Pen,
        checkpoint: Callable[[Path], None],
        settle: Callable[[], None],
        unsettled: Callable[[], None] = lambda: None,
    ) -> None:
        """`checkpoint` writes one to a path that does not exist; `settle` makes durable what is in the logs.

        `unsettled` is called where it is not known yet what the graphs in a snapshot share.
        """
        self._unsettled = unsettled
        self._folder = folder
        self._logs = logs
        self._pen = pen
        self._checkpoint = checkpoint
        self._settle = settle
        self._lock = threading.Lock()
        self._leased: dict[Path, int] = {}
        self._numbers = count(1)
        self._newest: Snapshot | None = None
        self._base: tuple[Snapshot, Log] | None = None
        self._linked: _Linked | None = None  # what the newest is made of, where that is the store's own files
        self._spare = folder / "spare"
        empty_directory(folder)

    def take(self) -> Snapshot:
        """Lend a snapshot of the current generation or newer; it stays on disk until `give_back`."""
        wanted = self._pen.generation
        with self._lock:
            if self._newest is None or self._newest.generation < wanted or not self._lasts():
                self._newest = self._renewed(self._newest, wanted)
                self._collect()
                with suppress(OSError):
                    self._spare.mkdir(exist_ok=True)
            self._lease(self._newest)
            return self._newest

    def _renewed(self, newest: Snapshot | None, wanted: int) -> Snapshot:
        """Return a new snapshot; on a full disk the newest, where nobody was told of a later commit."""
        linked = self._linked
        try:
            return self._make()
        except DiskFailed:
            self._linked = linked
            if newest is None or newest.generation < self._pen.acknowledged or not self._lasts():
                raise
            return replace(newest, generation=wanted)

    def give_back(self, snapshot: Snapshot) -> None:
        """End a lease; the snapshot is deleted once nobody holds it and a newer one exists."""
        with self._lock:
            self._leased[snapshot.path] -= 1
            self._collect()

    def _lease(self, snapshot: Snapshot) -> None:
        self._leased[snapshot.path] = self._leased.get(snapshot.path, 0) + 1

    def _make(self) -> Snapshot:
        generation = self._pen.generation  # read first: a commit that ends meanwhile may be in, and does no harm
        made = Snapshot(generation, self._folder / f"{generation}.{next(self._numbers)}")
        snapped, self._linked = Snapped(self._logs.folder), None
        if not self._continue(made.path):
            if self._pen.disk_failed:  # the store is not open then, and to open it takes long where the disk is full
                with suppress(DiskFailed):
                    self._link_store(made.path)
                    return made
            era = self._logs.era
            try:
                self._checkpoint(made.path)
            except DiskFailed:
                self._link_store(made.path)
                return made
            self._begin(made, era)
        if not snapped.write(made.path):
            self._unsettled()
        return made

    def _link_store(self, path: Path) -> None:
        """Make a snapshot that takes no room, without what the graphs share: it may come to have later commits.

        Raises DiskFailed where not even that can be done.
        """
        shutil.rmtree(path, ignore_errors=True)
        store = self._logs.folder
        files = set(_files(store))
        try:
            self._make_folder(path)
            _link(store, path)
            linked = _Linked(store, path)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise DiskFailed(f"there is no room for a snapshot of the graph: {error.strerror or error}") from error
        self._settle()
        if files != set(_files(store)) or not linked.lasts():
            shutil.rmtree(path, ignore_errors=True)
            raise DiskFailed("there is no room for a snapshot of the graph, and its files change meanwhile")
        self._linked = linked

    def _lasts(self) -> bool:
        """Tell whether the newest snapshot still is what it was made as: its files may be the store's own."""
        return self._linked is None or self._linked.lasts()

    def _make_folder(self, path: Path) -> None:
        """Make a folder, also where there is no room for one. Raises OSError."""
        try:
            path.mkdir()
        except OSError:
            self._spare.rename(path)

    def _begin(self, checkpoint: Snapshot, era: int) -> None:
        """Make a checkpoint of an era the one to continue from, if the newest of its logs is still written on."""
        if self._base is not None:
            self._leased[self._base[0].path] -= 1
            self._base = None
        log, last = self._logs.newest(), Logs(checkpoint.path).newest()
        if log is not None and last is not None and (log.number, log.era) == (last.number, era):
            self._lease(checkpoint)
            self._base = checkpoint, log

    def _continue(self, path: Path) -> bool:
        """Make a snapshot of the last checkpoint and the log since; False where that cannot be done."""
        if self._base is None or self._logs.newest() != self._base[1]:
            return False
        base, log = self._base[0], self._logs.path(self._base[1])
        try:
            path.mkdir()
            _link(base.path, path, but=log.name)
            shutil.copyfile(log, path / log.name)
            if Logs(path).size() <= _LONGEST and self._logs.newest() == self._base[1]:
                self._settle()  # nobody is to see what a power cut could still take back
                return True
        except OSError:  # such as a file system without hard links
            pass
        shutil.rmtree(path, ignore_errors=True)
        return False

    def _collect(self) -> None:
        newest = self._newest.path if self._newest else None
        for path, leases in list(self._leased.items()):
            if leases == 0 and path != newest:
                del self._leased[path]
                shutil.rmtree(path, ignore_errors=True)


class _Linked:
    """Knows whether a snapshot of a store's own files is what it was: two kinds of them may be written on."""

    def __init__(self, store: Path, snapshot: Path) -> None:
        self._logs = [(store / name, snapshot / name) for name in _files(snapshot) if name.endswith(".log")]
        manifests = [snapshot / name for name in _files(snapshot) if name.startswith("MANIFEST")]
        self._manifests = {path: path.stat().st_size for path in manifests}

    def lasts(self) -> bool:
        """Tell whether nothing was flushed since: no log has another name by now, and no list of files is longer."""
        try:
            return all(log.samefile(linked) for log, linked in self._logs) and all(
                path.stat().st_size == size for path, size in self._manifests.items()
            )
        except OSError:
            return False


def _link(store: Path, path: Path, but: str = "") -> None:
    """Link all files of a store, but for one."""
    for name in _files(store):
        if name != but:
            os.link(store / name, path / name)


def _files(store: Path) -> list[str]:
    """Return the names of a store's files."""
    with os.scandir(store) as entries:
        return [entry.name for entry in entries if not entry.name.startswith(_NOT_OF_THE_STORE)]
