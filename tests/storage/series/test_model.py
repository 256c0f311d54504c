"""Whatever is written, deleted, retired, sealed, compacted or rolled up: reads equal those of a dictionary."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storage.series import rollups
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.steps import Step
from storage.series.store import SeriesStore
from tests.support.series import (
    QUIET,
    START,
    Reading,
    everything,
    minute,
    public_files,
    public_rows,
    reading,
    rows_of,
    series_id,
    table,
)

VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from(["on", "off"]), st.none())
MINUTES = st.one_of(st.integers(0, 12), st.integers(0, 60).map(lambda quarter: quarter * 360))
READINGS = st.builds(reading, st.integers(1, 3), MINUTES, VALUES, st.sampled_from([None, "fault"]))
ENDS = st.one_of(st.none(), MINUTES.map(minute))
BATCHES = st.lists(READINGS, min_size=1, max_size=6)


class SeriesMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.few = pytest.MonkeyPatch()
        self.few.setattr(rollups, "WORTH", 1)
        self.root = Path(tempfile.mkdtemp())
        self.store = self.open(self.root / "series")
        self.model: dict[tuple[str, datetime], Reading] = {}
        self.cut: dict[str, datetime] = {}  # readings from before have had their time
        self.archive: dict[tuple[str, datetime], int] = {}  # and so many there were of them in an hour

    def open(self, directory: Path) -> SeriesStore:
        return SeriesStore(directory, replace(QUIET, target_rows=3))  # so that there are rollups to merge

    def remember(self, batch: list[Reading]) -> None:
        for row in batch:
            if row[1] >= self.cut.get(row[0], datetime.min):
                self.model[row[:2]] = row

    @rule(batch=BATCHES)
    def append(self, batch: list[Reading]) -> None:
        self.store.append(table(batch))
        self.remember(batch)

    @rule(batch=BATCHES, cut=st.integers(0, 6))
    def append_stream(self, batch: list[Reading], cut: int) -> None:
        parts = [part for part in (batch[:cut], batch[cut:]) if part]
        batches = [b for part in parts for b in table(part).to_batches()]
        self.store.append_stream(pa.RecordBatchReader.from_batches(table([]).schema, batches))
        self.remember(batch)

    @rule(series=st.sets(st.integers(1, 4), min_size=1), ends=st.tuples(ENDS, ENDS))
    def delete(self, series: set[int], ends: tuple[datetime | None, datetime | None]) -> None:
        start, end = ends if None in ends else sorted(ends)  # type: ignore[type-var]
        window, ids = Window(start, end), {series_id(number) for number in series}
        gone = {key for key in self.model if key[0] in ids and window.meets(key[1], key[1])}
        assert self.store.count(sorted(ids), window) == len(gone)
        self.store.delete(sorted(ids), window)
        for key in gone:
            del self.model[key]
        hour = timedelta(hours=1) - timedelta(microseconds=1)
        for id_, time in [key for key in self.archive if key[0] in ids and window.meets(key[1], key[1] + hour)]:
            del self.archive[id_, time]

    @rule(series=st.sets(st.integers(1, 4), min_size=1), day=st.integers(0, 12))
    def retire(self, series: set[int], day: int) -> None:
        before, ids = START + timedelta(days=day), {series_id(number) for number in series}
        old = [key for key in self.model if key[0] in ids and key[1] < before]
        assert self.store.retire(sorted(ids), before + timedelta(hours=5)) == len({id_ for id_, _ in old})
        for id_, time in old:
            del self.model[id_, time]
            hour = time.replace(minute=0)
            self.archive[id_, hour] = self.archive.get((id_, hour), 0) + 1
            self.cut[id_] = before

    @rule()
    def roll_up(self) -> None:
        self.store.roll_up()
        assert self.store.roll_up() == 0

    @rule()
    def seal(self) -> None:
        self.store.seal()
        assert self.store.status().hot_rows == 0

    @rule()
    def compact(self) -> None:
        self.store.compact()
        assert self.store.status().runs == 0
        assert public_rows(self.root / "series") == sorted(self.model.values(), key=lambda row: row[:2])

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.open(self.root / "series")

    @precondition(lambda self: self.model)
    @rule()
    def back_up(self) -> None:
        target = self.root / "copy"
        self.store.back_up(target)
        copied = self.open(target)
        assert everything(copied) == everything(self.store)
        counted = Selection(Window(), "count", Step(months=1))
        assert rows_of(copied.select(counted)) == rows_of(self.store.select(counted))
        assert len(public_files(target)) == copied.status().segments
        copied.close()
        shutil.rmtree(target)

    @invariant()
    def reads_equal_the_model(self) -> None:
        rows = sorted(self.model.values(), key=lambda row: row[:2])
        assert everything(self.store) == rows
        newest = {id_: self.model[max(key for key in self.model if key[0] == id_)] for id_, _ in self.model}
        assert rows_of(self.store.latest()) == sorted(newest.values())
        window = Window(minute(6), minute(7200))
        one = self.store.select(Selection(window), pa.table({"id": [series_id(2)]}))
        assert rows_of(one) == [r[1:] for r in rows if r[0] == series_id(2) and minute(6) <= r[1] < minute(7200)]

    @invariant()
    def counts_equal_the_model(self) -> None:
        expected = Counter({key: float(rows) for key, rows in self.archive.items()})
        expected.update((id_, time.replace(minute=0)) for id_, time in self.model)
        for step in (Step(time=timedelta(hours=1)), Step(time=timedelta(days=1)), Step(months=1)):
            found = rows_of(self.store.select(Selection(Window(), "count", step)))
            buckets: Counter[tuple[str, datetime]] = Counter()
            for (id_, hour), rows in expected.items():
                day = 1 if step.months else hour.day
                buckets[id_, hour if step.time == timedelta(hours=1) else hour.replace(day=day, hour=0)] += rows
            assert found == [(*key, rows) for key, rows in sorted(buckets.items())]

    @invariant()
    def stats_equal_the_model(self) -> None:
        times: dict[str, list[datetime]] = {}
        for id_, time in self.model:
            times.setdefault(id_, []).append(time)
        expected = [(id_, len(t), min(t), max(t)) for id_, t in sorted(times.items())]
        assert rows_of(self.store.stats()) == expected
        assert rows_of(self.store.stats([series_id(2)])) == [row for row in expected if row[0] == series_id(2)]

    def teardown(self) -> None:
        assert self.store.check() == []
        self.store.close()
        shutil.rmtree(self.root)
        self.few.undo()


TestSeries = SeriesMachine.TestCase
TestSeries.settings = settings(
    max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
