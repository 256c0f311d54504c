from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.series.catalog import Segment
from storage.series.compaction import neighbours
from storage.series.store import SeriesStore
from tests.support.series import QUIET, START, everything, reading, table

DAY = date(2026, 3, 1)


def base(number: int, first: int, last: int, rows: int) -> Segment:
    first_day, last_day = DAY + timedelta(first), DAY + timedelta(last)
    return Segment(number, 1, 0, first_day, last_day, START, START, rows, 0)


@given(
    cuts=st.sets(st.integers(0, 30), max_size=12).map(sorted),
    sizes=st.lists(st.integers(1, 20), min_size=12, max_size=12),
    span=st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted),
)
def test_what_is_merged_lies_together(cuts: list[int], sizes: list[int], span: list[int]) -> None:
    bases = [base(n, a, b - 1, sizes[n]) for n, (a, b) in enumerate(pairwise(cuts))]
    first, last = DAY + timedelta(span[0]), DAY + timedelta(span[1])
    chosen = neighbours(bases, first, last, 10)
    left = [s for s in bases if s not in chosen]
    begin, end = min([first, *(s.first_day for s in chosen)]), max([last, *(s.last_day for s in chosen)])
    assert all(s.last_day < begin or s.first_day > end for s in left)
    assert all(s.rows < 10 for s in chosen if s.last_day < first or s.first_day > last)


DAYS = st.integers(0, 70)
RUNS = st.lists(st.lists(st.tuples(DAYS, st.integers(1, 12)), min_size=1, max_size=4), min_size=1, max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
def test_compacted_segments_never_share_or_interleave_days(tmp_path: Path, runs: list[list[tuple[int, int]]]) -> None:
    directory = tmp_path / str(len(list(tmp_path.iterdir())))
    store = SeriesStore(directory, replace(QUIET, target_rows=10))
    for number, run in enumerate(runs):
        rows = [reading(s, day * 1440 + number, float(number)) for day, many in run for s in range(many)]
        store.append_stream(table(rows).to_reader())
        store.compact()
        segments = sorted(store._catalog(), key=lambda s: s.first_day)
        assert all(a.last_day < b.first_day for a, b in pairwise(segments))
        assert all(s.first_day.month == s.last_day.month for s in segments)
    distinct = {(s, day, number) for number, run in enumerate(runs) for day, many in run for s in range(many)}
    assert len(everything(store)) == sum(s.rows for s in store._catalog()) == len(distinct)
    store.close()


def test_small_segments_on_both_sides_of_a_full_one_stay_apart(tmp_path: Path) -> None:
    """Days 20-22 first, then a full stretch before them, then days before that."""
    store = SeriesStore(tmp_path, replace(QUIET, target_rows=10))
    for days in ([20, 21, 22], range(4, 12), [1, 2, 3]):
        store.append_stream(table([reading(s, day * 1440, 0.0) for day in days for s in range(2)]).to_reader())
        store.compact()
    segments = sorted(store._catalog(), key=lambda s: s.first_day)
    assert all(a.last_day < b.first_day for a, b in pairwise(segments))
    store.close()


def test_runs_wait_while_they_are_few_beside_what_they_touch(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path, replace(QUIET, compact_runs=2))
    store.append_stream(table([reading(s, 0, 0.0) for s in range(100)]).to_reader())
    store.compact()
    for _ in range(3):
        store.append_stream(table([reading(1, 0, 1.0)]).to_reader())
    assert not store._tender.worth_compacting(store._catalog(), timer=False)
    assert store._tender.worth_compacting(store._catalog(), timer=True)
    store.append_stream(table([reading(s, 0, 2.0) for s in range(25)]).to_reader())
    assert store._tender.worth_compacting(store._catalog(), timer=False)
    store.close()
