from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from storage.series.selection import Selection
from storage.series.store import SeriesStore
from tests.faults.write_series import batch_table, size
from tests.support.faults import ROUNDS, run_and_kill
from tests.support.series import QUIET, public_files


def batches_in(store: SeriesStore) -> dict[int, int]:
    """Return the rows of each batch; fails if a reading is there twice."""
    rows = store.select(Selection()).read_all()
    assert rows.group_by(["id", "time"]).aggregate([]).num_rows == rows.num_rows
    return dict(Counter(int(batch) for batch in rows["value"].to_numpy()))


def test_acknowledged_batches_survive_kills(tmp_path: Path) -> None:
    """An acknowledged batch is there and whole; one that was not is whole or absent; no file is left over."""
    moment = random.Random(7)
    acknowledged: set[int] = set()
    first = 0
    for _ in range(ROUNDS):
        acknowledged |= set(run_and_kill("tests.faults.write_series", tmp_path, first, moment))
        store = SeriesStore(tmp_path, QUIET)
        found = batches_in(store)
        assert acknowledged <= set(found)
        assert {batch: size(batch) for batch in found} == found
        assert len(public_files(tmp_path)) == store.status().segments
        assert len(list((tmp_path / "segments").iterdir())) == store.status().segments + store.status().runs
        first = max(found) + 1
        store.close()
    store = SeriesStore(tmp_path, QUIET)
    newest = max(acknowledged, key=lambda batch: batch_table(batch)["time"][0].as_py())
    assert store.latest()["time"].to_pylist()[0] >= batch_table(newest)["time"][0].as_py()
    assert store.check() == []
    store.seal()
    store.compact()
    assert batches_in(store) == found
    assert (
        store.stats()["rows"].to_pylist()
        == store.select(Selection())
        .read_all()
        .group_by("id")
        .aggregate([("time", "count")])
        .sort_by("id")["time_count"]
        .to_pylist()
    )
    store.close()
