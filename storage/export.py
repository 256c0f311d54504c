"""A backup: a data directory's twin, taken while the server goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from storage.errors import DirectoryError
from storage.files import FORMAT_VERSION, make_directory, write_atomically
from storage.graph.store import GraphStore
from storage.series.store import SeriesStore


class Journal(Protocol):
    """The changes of the graph."""

    def back_up(self, folder: Path, /) -> None:
        """Write a copy to a folder, durably."""


def back_up(graph: GraphStore, changes: Journal, series: SeriesStore, target: Path) -> None:
    """Write a data directory that holds what is committed now. Durable when it returns.

    `target` must be absent or empty. Files are hard links where the file system allows, since neither half
    ever changes a file once it is written.
    """
    if target.exists() and any(target.iterdir()):
        raise DirectoryError(f"{target} is not empty")
    make_directory(target)
    with graph.holding():  # so that the changes are those that made this graph
        changes.back_up(target / "changes")
        graph.backup(target / "graph")
    series.back_up(target / "series")
    marker = {"format": FORMAT_VERSION, "openings": 1 << 16}  # above the original's, so that no ETag comes twice
    write_atomically(target / "twinhouse.json", json.dumps(marker).encode() + b"\n")
