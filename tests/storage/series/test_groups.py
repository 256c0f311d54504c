"""Where the rows of a series lie in a file, whoever has written it, and what is kept of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import InvalidReadings
from storage.series import writing
from storage.series.groups import VALUES, Excerpt, Footers
from storage.series.kept import Kept
from storage.series.schema import ENCODED
from storage.series.spans import EVER, Spans
from storage.series.writing import write_lasting, write_passing
from tests.support.series import minute, reading, rows_of, series_id, table

SERIES = (1, 2, 3, 5, 1 << 100)
ROWS = table(
    [
        reading(series, at, f"text {at}" if series == 3 and at % 5 == 0 else at / 2, "fault" if at % 9 == 0 else None)
        for series in SERIES
        for at in range(0, 700, series % 7 + 1)
    ]
)


def _by_the_engine(target: Path) -> None:
    """As early versions wrote files that stay: each column of a row group is one page."""
    with duckdb.connect() as engine:
        engine.register("rows", ROWS)
        options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 9, PARQUET_VERSION v2, ROW_GROUP_SIZE 2048"
        engine.execute(f"COPY (SELECT * FROM rows) TO '{target}' ({options})")


WRITERS: dict[str, Callable[[Path], object]] = {
    "lasting": lambda target: write_lasting(ROWS.to_batches(), target),
    "passing": lambda target: write_passing(ROWS.cast(ENCODED).to_batches(), target),
    "by the engine": _by_the_engine,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_slices_have_what_each_series_has(writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP", 500)
    monkeypatch.setattr(writing, "PAGE", 60)
    path = tmp_path / "rows.parquet"
    WRITERS[writer](path)
    footers = Footers()
    times = Spans(((minute(100), minute(250)), (minute(400), minute(401))))
    wanted = [series_id(series) for series in (*SERIES, 4)]
    excerpt = Excerpt(footers.of(path), footers.find(footers.of(path), wanted, times), VALUES.names)
    found = [(series, row) for series, rows in excerpt.read(times) for row in rows_of(pa.Table.from_batches([rows]))]
    times_of = ROWS.column("time").to_numpy()
    low, high, alone = (np.datetime64(minute(at)) for at in (100, 250, 400))
    chosen = ROWS.filter(pa.array(((low <= times_of) & (times_of < high)) | (times_of == alone)))
    inside = [(str(row[0]), row[1:]) for row in rows_of(chosen)]
    assert sorted(found, key=str) == sorted(inside, key=str)
    assert excerpt.rows <= ROWS.num_rows


def test_only_the_pages_of_a_series_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAGE", 50)
    write_lasting(ROWS.to_batches(), tmp_path / "rows.parquet")
    footers = Footers()
    footer = footers.of(tmp_path / "rows.parquet")
    (found,) = footers.find(footer, [series_id(5)], Spans((EVER,)))
    assert found.rows[1] - found.rows[0] == 117
    assert Excerpt(footer, [found], ["time", "value"]).rows <= 117 + 2 * 50


def test_columns_of_texts_in_which_is_nothing_are_not_read(tmp_path: Path) -> None:
    numbers = table([reading(series, at, at / 2) for series in SERIES for at in range(100)])
    write_lasting(numbers.to_batches(), tmp_path / "numbers.parquet")
    write_lasting(ROWS.to_batches(), tmp_path / "rows.parquet")
    numbers_alone, texts_too = (Footers().of(tmp_path / name) for name in ("numbers.parquet", "rows.parquet"))
    assert [numbers_alone.is_null(name, [0]) for name in ("text", "status")] == [True, True]
    assert [texts_too.is_null(name, [0]) for name in ("text", "status")] == [False, False]


def test_ids_that_are_no_uuids_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(ROWS.set_column(0, "id", pa.array([series_id(1), *["other"] * (ROWS.num_rows - 1)])), path)
    footers = Footers()
    with pytest.raises(InvalidReadings, match="other"):
        list(footers.find(footers.of(path), [series_id(1)], Spans((EVER,))))
    with pytest.raises(ValueError, match="badly formed"):
        list(footers.find(footers.of(path), ["other"], Spans((EVER,))))


def test_what_was_used_last_is_kept() -> None:
    kept, made = Kept[int, str](10, len), list[int]()

    def ask(key: int, size: int) -> None:
        def make() -> str:
            made.append(key)
            return "x" * size

        assert kept.get(key, make) == "x" * size

    for key in (1, 2, 1, 3, 1):  # 2 goes for 3
        ask(key, 4)
    assert made == [1, 2, 3]
    assert 2 not in kept
    assert 1 in kept
    assert not kept.full
    ask(4, 20)  # is kept alone, although it is more than all may be
    assert [key in kept for key in (1, 3, 4)] == [False, False, True]
    assert kept.full
