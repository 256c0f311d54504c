from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.files import DataDirectory
from storage.graph.store import GraphStore


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    held = DataDirectory(tmp_path / "data")
    yield held
    held.close()


@pytest.fixture
def store(directory: DataDirectory) -> Iterator[GraphStore]:
    """An empty graph."""
    opened = GraphStore(directory)
    yield opened
    opened.close()
