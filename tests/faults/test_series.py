"""Kills at any moment of any work: what was acknowledged is there, once and whole, and nothing else is."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from storage.series.rolled_up import files_of, rolled_up
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.faults.write_series import WORK, at, day, main, size
from tests.support.faults import ROUNDS, fork_and_kill
from tests.support.series import QUIET, public_files

KILLS = max(2, 5 * ROUNDS // len(WORK) + 1)  # of each kind of work
LONGEST = 0.25  # seconds until a kill: each kind of work begins and ends several times in it
DAYS = Step(months=1)


@dataclass
class Expected:
    """What was told of a store, over all kills."""

    appended: set[int] = field(default_factory=set)
    timely: set[int] = field(default_factory=set)  # appended before their day was to be retired
    begun: int = 0  # batches below may be there
    deleting: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    retiring: int = 0
    retired: int = 0
    archived: set[int] = field(default_factory=set)  # batches that were there when their day was retired

    def hear(self, said: list[tuple[str, int]]) -> None:
        for what, number in said:
            match what:
                case "appended":
                    self.appended.add(number)
                    self.timely |= {number} if at(number) >= day(self.retiring) else set()
                case "deleting":
                    self.deleting.add(number)
                case "deleted":
                    self.deleted.add(number)
                case "retiring":
                    self.retiring = max(self.retiring, number)
                    self._sure = {b for b in self.timely - self.deleting if at(b) < day(number)}
                case "retired":
                    self.retired = max(self.retired, number)
                    self.archived |= self._sure

    def must_have(self, batch: int) -> bool:
        return batch in self.appended and batch not in self.deleting and at(batch) >= day(self.retiring)

    def is_whole(self, batch: int) -> bool:
        """Tell whether all of a batch is there or nothing: what comes late is kept of some series, not of others."""
        return at(batch) >= day(self.retiring)

    def may_have(self, batch: int) -> bool:
        return batch not in self.deleted and batch not in self.archived


@pytest.mark.parametrize("work", WORK)
def test_kills(tmp_path: Path, work: str) -> None:
    moment = random.Random(WORK.index(work))
    expected = Expected()
    for _ in range(KILLS):
        said = fork_and_kill(main, moment, tmp_path, expected.begun, work, expected.retired, longest=LONGEST)
        expected.hear(said)
        store = SeriesStore(tmp_path, QUIET)
        compare(store, expected)
        store.close()
    store = SeriesStore(tmp_path, QUIET)
    before = batches_in(store)
    assert store.check() == []
    store.seal()
    store.compact()
    store.roll_up()
    assert batches_in(store) == before
    compare(store, expected)
    assert store.status().rewrites == 0
    counted = store.select(Selection()).read_all().group_by("id").aggregate([("time", "count")]).sort_by("id")
    assert store.stats()["rows"].to_pylist() == counted["time_count"].to_pylist()
    store.close()


def compare(store: SeriesStore, expected: Expected) -> None:
    found = batches_in(store)
    assert {batch for batch in expected.appended if expected.must_have(batch)} <= found.keys()
    assert [batch for batch in found if not expected.may_have(batch)] == []
    whole = {batch: rows for batch, rows in found.items() if expected.is_whole(batch)}
    assert {batch: size(batch) for batch in whole} == whole
    expected.begun = max([expected.begun, *(batch + 1 for batch in found), *(b + 1 for b in expected.appended)])
    newest = store.latest()
    assert newest.num_rows >= max(found.values(), default=0)
    if found:
        assert newest["time"].to_pylist()[0] == max(at(batch) for batch in found)
    counted = store.select(Selection(Window(), "count", DAYS)).read_all()
    archived = sum(float(value or 0) for value in counted["value"].to_pylist()) - sum(found.values())
    assert archived >= sum(map(size, expected.archived))
    assert archived <= sum(size(batch) for batch in range(expected.begun + 2) if at(batch) < day(expected.retiring))
    no_foreign_files(store)


def batches_in(store: SeriesStore) -> dict[int, int]:
    """Return the rows of each batch; fails if a reading is there twice."""
    rows = store.select(Selection()).read_all()
    assert rows.group_by(["id", "time"]).aggregate([]).num_rows == rows.num_rows
    return dict(Counter(int(batch) for batch in rows["value"].to_numpy()))


def no_foreign_files(store: SeriesStore) -> None:
    catalog, folder = store._catalog(), store.directory
    assert {path.name for path in (folder / "segments").iterdir()} == {segment.file_name for segment in catalog}
    assert public_files(folder) == sorted(segment.public_name for segment in catalog if segment.level == 1)
    with contextlib.closing(store._hot.cursor()) as cursor:
        known = files_of(rolled_up(cursor))
    assert {path.name for path in (folder / "rollups").iterdir()} == {file.file_name for file in known}
    assert list((folder / "tmp").iterdir()) == []
