"""Checkpoints of the store for its readers: shared while they are current, deleted when nobody holds them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.files import empty_directory


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint of the store; `generation` is what it holds at least."""

    generation: int
    path: Path


class Snapshots:
    """Lends checkpoints, at most one new one a generation: all who come while one is made wait for the next."""

    def __init__(self, folder: Path, generation: Callable[[], int], checkpoint: Callable[[Path], None]) -> None:
        """`checkpoint` writes one to a path that does not exist; it holds at least the `generation` of before."""
        self._folder = folder
        self._generation = generation
        self._checkpoint = checkpoint
        self._lock = threading.Lock()
        self._leased: dict[int, int] = {}
        self._newest: Snapshot | None = None
        empty_directory(folder)

    def take(self) -> Snapshot:
        """Lend a snapshot of the current generation or newer; it stays on disk until `give_back`."""
        wanted = self._generation()
        with self._lock:
            if self._newest is None or self._newest.generation < wanted:
                self._newest = self._make()
                self._collect()
            self._leased[self._newest.generation] = self._leased.get(self._newest.generation, 0) + 1
            return self._newest

    def give_back(self, snapshot: Snapshot) -> None:
        """End a lease; the snapshot is deleted once nobody holds it and a newer one exists."""
        with self._lock:
            self._leased[snapshot.generation] -= 1
            self._collect()

    def _make(self) -> Snapshot:
        generation = self._generation()  # read first: a commit that ends meanwhile may be in, and does no harm
        path = self._folder / str(generation)
        shutil.rmtree(path, ignore_errors=True)
        self._checkpoint(path)
        return Snapshot(generation, path)

    def _collect(self) -> None:
        newest = self._newest.generation if self._newest else -1
        for generation, leases in list(self._leased.items()):
            if leases == 0 and generation != newest:
                del self._leased[generation]
                shutil.rmtree(self._folder / str(generation), ignore_errors=True)
