from __future__ import annotations

from collections.abc import Callable, Iterator
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


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], SeriesStore]]:
    """Makes a store forget everything, without the cost of a new one."""
    opened = SeriesStore(tmp_path / "fresh", QUIET)

    def empty() -> SeriesStore:
        with opened._hot.transaction() as cursor:
            for kind in ("readings", "latest", "segments", "segment_series"):
                cursor.execute(f"DELETE FROM {kind}")
        return opened

    yield empty
    opened.close()
