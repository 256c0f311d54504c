from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.series.store import SeriesStore
from tests.support.series import QUIET


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SeriesStore]:
    """An empty store that seals and compacts only when it is told to."""
    opened = SeriesStore(tmp_path / "series", QUIET)
    yield opened
    opened.close()
