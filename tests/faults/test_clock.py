"""The machine's clock is set, by years: what was written last counts all the same, and requests are stored once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from storage.series import reading as reading_module
from storage.series import receipts, sources
from storage.series.receipts import Receipt
from storage.series.sql import Window
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, minute, reading, rows_of, series_id, table

YEAR = timedelta(days=365)


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return what sets the clock that the store looks at."""
    off = timedelta(0)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # a plain one is what others get
            return datetime.now(tz) + off

    for module in (receipts, sources, reading_module):
        monkeypatch.setattr(module, "datetime", Clock)

    def by(change: timedelta) -> None:
        nonlocal off
        off += change

    return by


@pytest.mark.parametrize("change", [-YEAR, YEAR])
def test_the_last_write_wins_whatever_the_clock_says(
    tmp_path: Path, step: Callable[[timedelta], None], change: timedelta
) -> None:
    """Over hot readings, runs, segments, deletions, and a restart."""
    store = SeriesStore(tmp_path, QUIET)
    store.append(table([reading(1, at, 1.0) for at in range(3)]))
    store.seal()
    step(change)
    store.append(table([reading(1, 0, 2.0)]))
    store.delete([series_id(1)], Window(minute(2), minute(3)))
    expected = [reading(1, 0, 2.0), reading(1, 1, 1.0)]
    assert everything(store) == expected
    store.close()
    step(change)
    store = SeriesStore(tmp_path, QUIET)
    store.compact()
    assert (everything(store), rows_of(store.latest())) == (expected, expected[1:])
    step(-3 * change)
    store.append(table([reading(1, 1, 3.0), reading(1, 2, 3.0)]))
    store.seal()
    expected = [reading(1, 0, 2.0), reading(1, 1, 3.0), reading(1, 2, 3.0)]
    assert (everything(store), rows_of(store.latest())) == (expected, expected[2:])
    store.compact()
    assert (everything(store), store.check()) == (expected, [])
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SeriesStore]:
    opened = SeriesStore(tmp_path, QUIET)
    yield opened
    opened.close()


def test_receipts_stay_when_the_clock_goes_back(store: SeriesStore, step: Callable[[timedelta], None]) -> None:
    first, second = Receipt("first", "a", "{}"), Receipt("second", "b", "{}")
    store.append(table([reading(1, 0, 1.0)]), first)
    step(-YEAR)
    store.append(table([reading(1, 1, 1.0)]), second)
    assert (store.receipt("first"), store.receipt("second")) == (first, second)
    step(YEAR)
    assert (store.receipt("first"), store.receipt("second")) == (first, None)
