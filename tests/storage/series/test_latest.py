from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.series import latest
from storage.series.latest import newest_of
from storage.series.sql import Window
from storage.series.store import SeriesStore
from tests.support.series import minute, reading, rows_of, series_id, table


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=1))
def test_the_newest_row_of_each_series_stays(rows: list[tuple[int, int]]) -> None:
    written = [reading(series, at, float(number)) for number, (series, at) in enumerate(rows)]
    newest: dict[str, tuple[datetime, float | None]] = {}
    for id_, time, value, _, _ in written:
        newest[id_] = max(newest.get(id_, (datetime.min, None)), (time, value))
    found = newest_of(table(written))
    assert {row[0]: (row[1], row[2]) for row in rows_of(found)} == newest
    assert found.num_rows == len(newest)


def test_few_series_are_kept_in_memory_and_many_are_written(
    store: SeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest, "FOLD_ROWS", 20)
    for at in range(30):
        store.append(table([reading(series, at if at != 29 else 3, float(at)) for series in range(1, 6)]))
    assert [pending.num_rows for pending in store._hot.latest._pending] != []
    assert rows_of(store.latest([series_id(2)])) == [reading(2, 28, 28.0)]
    store.delete([series_id(2)], Window(minute(27)))
    assert rows_of(store.latest([series_id(2)])) == [reading(2, 26, 26.0)]
    assert store._hot.latest._pending == []
    store.append(table([reading(series, 40, 1.0) for series in range(1, 30)]))
    assert store._hot.latest._pending == []
    assert store.latest().num_rows == 29
    assert isinstance(store.latest(), pa.Table)
