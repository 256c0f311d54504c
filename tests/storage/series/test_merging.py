from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidReadings
from storage.series import merging
from storage.series.merging import merged
from storage.series.segments import SegmentFiles, describe
from storage.series.sorting import in_order
from storage.series.sql import Window
from tests.support.series import Reading, minute, reading, rows_of, series_id, table

READINGS = st.lists(
    st.builds(
        reading,
        st.sampled_from([1, 2, 3, 4, 1 << 20, 1 << 100]),
        st.integers(-5, 5),
        st.sampled_from([1.0, 2.0, "on", None]),
        st.sampled_from([None, "fault"]),
    ),
    min_size=1,
    max_size=30,
)
ENDS = st.one_of(st.none(), st.integers(-6, 6).map(minute))


@given(st.lists(READINGS, min_size=1, max_size=5), ENDS, ENDS, st.integers(1, 12), st.integers(1, 40))
def test_pieces_have_the_last_of_each_time_and_whole_series(
    parts: list[list[Reading]], start: object, end: object, group: int, piece: int
) -> None:
    window = Window(start, end)  # type: ignore[arg-type]
    kept = {row[:2]: row for part in parts for row in part if window.meets(row[1], row[1])}
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "PIECE_ROWS", piece)
        paths = [Path(folder, f"{number}.parquet") for number in range(len(parts))]
        for path, part in zip(paths, parts, strict=True):
            pq.write_table(in_order(table(part)), path, row_group_size=group)
        found = list(merged(paths, window))
    assert [row for rows in found for row in rows_of(rows)] == [kept[key] for key in sorted(kept)]
    ids = [[str(series) for series in rows.column("id").to_pylist()] for rows in found]
    assert all(max(before) < min(after) for before, after in pairwise(ids))


@pytest.fixture
def files(tmp_path: Path) -> SegmentFiles:
    return SegmentFiles(tmp_path)


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(duckdb.connect()) as opened:
        yield opened


def test_what_is_noted_of_pieces_is_what_is_in_the_file(
    files: SegmentFiles, cursor: duckdb.DuckDBPyConnection
) -> None:
    days = (-800, -1, 0, 1, 20_000)
    pieces = [
        in_order(table([reading(series, 1440 * day + series % 10, 1.0) for series in some for day in days]))
        for some in ((1, 2), (3,), (7, 1 << 100))
    ]
    written = files.write_ordered(1, iter(pieces), level=1)
    assert written is not None
    expected = describe(cursor, 1, written.path, 1)
    assert (written.bytes, written.digest, written.level) == (expected.bytes, expected.digest, 1)
    assert rows_of(written.series) == rows_of(expected.series)
    assert rows_of(written.days) == rows_of(expected.days)
    assert rows_of(pq.read_table(written.path)) == [row for piece in pieces for row in rows_of(piece)]


def test_without_rows_there_is_no_file(files: SegmentFiles, tmp_path: Path) -> None:
    assert files.write_ordered(1, iter([]), level=1) is None
    assert list((tmp_path / "segments").iterdir()) == []


def test_a_failure_on_the_way_is_raised_as_it_was(files: SegmentFiles, tmp_path: Path) -> None:
    def pieces() -> Iterator[pa.Table]:
        yield in_order(table([reading(1, 0, 1.0)]))
        raise InvalidReadings("the second piece is lost")

    with pytest.raises(InvalidReadings, match="the second piece is lost"):
        files.write_ordered(1, pieces(), level=1)
    assert list((tmp_path / "segments").iterdir()) == []
    written = files.write_ordered(1, [in_order(table([reading(1, 0, 1.0)]))], level=1)
    assert written is not None
    assert written.series.column("id").to_pylist() == [series_id(1)]
