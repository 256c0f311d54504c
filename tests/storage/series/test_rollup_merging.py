"""Which files of rollups become one."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from storage.series.catalog import Segment
from storage.series.rolled_up import RollupFile
from storage.series.rollup_merging import FEW_ROWS, FULL_ROWS, MOST_APART, Part, parts_of, to_merge
from storage.series.spans import Spans


def segment(number: int) -> Segment:
    """Return one that has a day of January."""
    start = datetime(2026, 1, number)
    return Segment(number, 1, number, start.date(), start.date(), start, start + timedelta(hours=23), 100, 100)


def sizes(*rows: int) -> list[Part]:
    return [Part(RollupFile(number, "day"), [segment(number)], each) for number, each in enumerate(rows, 1)]


def chosen(*rows: int) -> list[int]:
    return [part.rows for part in to_merge(sizes(*rows))]


def test_few_rows_are_merged_at_once() -> None:
    assert chosen() == chosen(10) == []
    assert chosen(10, 20) == [10, 20]
    assert chosen(FEW_ROWS, 1) == []


def test_more_wait_until_there_are_several() -> None:
    some = [FEW_ROWS - number for number in range(MOST_APART)]
    assert chosen(*some[1:]) == []
    assert chosen(*some) == some
    assert chosen(*some[1:], FULL_ROWS) == []  # a full one stays as it is
    assert chosen(*([FULL_ROWS - 1] * MOST_APART)) == [FULL_ROWS - 1] * 2  # no more than can be sorted in memory


def test_what_is_left_of_merged_files() -> None:
    merged, own = RollupFile(7, "day", whole=False), RollupFile(3, "day")
    known = {1: {"day": merged}, 2: {}, 3: {"day": own, "hour": own}, 4: {"day": merged}}
    first, second = parts_of("day", [segment(number) for number in (1, 2, 3, 4)], known, {1: 10, 3: 5, 4: 20})
    assert (first.file, first.rows, second.file, second.rows) == (merged, 30, own, 5)
    days = [date(2026, 1, 1), date(2026, 1, 4)]
    assert first.days == Spans.of_days(days)
