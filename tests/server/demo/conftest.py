"""Readings of short stretches of the demo building, generated once a session."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from server.demo import points, readings

OCTOBER = date(2026, 10, 2)
MARCH = date(2026, 3, 10)


@dataclass(frozen=True)
class Stretch:
    """Readings in wide form: a row a step, a column a point (`owner/signal`), NaN where there is none."""

    frame: pd.DataFrame

    def values(self, column: str) -> NDArray[np.float64]:
        return self.frame[column].to_numpy(dtype=np.float64)

    def filled(self, column: str) -> NDArray[np.float64]:
        return self.frame[column].ffill().bfill().to_numpy(dtype=np.float64)

    @property
    def hour(self) -> NDArray[np.int64]:
        return np.asarray([t.hour for t in self._local], dtype=np.int64)

    @property
    def weekday(self) -> NDArray[np.int64]:
        return np.asarray([t.weekday() for t in self._local], dtype=np.int64)

    @property
    def _local(self) -> pd.DatetimeIndex:
        index = self.frame.index
        assert isinstance(index, pd.DatetimeIndex)
        return index.tz_localize("UTC").tz_convert(ZoneInfo("Europe/Berlin"))


def wide(start: date, days: int) -> Stretch:
    """Generate `days` and spread them to one column a point."""
    names = {str(point.uuid): f"{point.owner}/{point.signal}" for point in points()}
    table = pa.concat_tables([_plain(part) for part in readings(start, days)])
    frame = table.to_pandas()
    frame["id"] = frame["id"].map(names)
    return Stretch(frame.pivot_table(index="time", columns="id", values="value", aggfunc="first"))


def _plain(table: pa.Table) -> pa.Table:
    return table.set_column(0, "id", table.column("id").cast(pa.string()))


@pytest.fixture(scope="session")
def october() -> Stretch:
    """Eighteen days of autumn with a meter exchange and a drifting sensor."""
    return wide(OCTOBER, 18)


@pytest.fixture(scope="session")
def march() -> Stretch:
    """Four days of late winter with a floor off the network."""
    return wide(MARCH, 4)


@pytest.fixture(scope="session")
def stretch() -> Callable[[date, int], Stretch]:
    return wide
