"""Files that stay: their pages, dictionaries and encodings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.series import writing
from storage.series.schema import ENCODED, SCHEMA, encoded
from storage.series.writing import write_lasting, write_passing
from tests.support.series import reading, series_id, table

ROWS = table([reading(series, at, at % 10 / 2) for series in range(40) for at in range(100)])


def test_row_groups_have_the_ids_of_their_own_rows_in_a_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the rows came: whole, in batches that end elsewhere, with or without a dictionary of all ids."""
    monkeypatch.setattr(writing, "ROW_GROUP", 1_000)
    path = tmp_path / "rows.parquet"
    for rows in (ROWS, encoded(ROWS)):
        for size in (10_000, 333):
            assert write_lasting(rows.to_batches(max_chunksize=size), path) == 4_000
            assert pq.read_table(path).equals(ROWS)
            file = pq.ParquetFile(path, read_dictionary=["id"])
            assert file.schema_arrow.names == SCHEMA.names
            assert file.num_row_groups == 4
            for group in range(4):
                ids = cast("pa.DictionaryArray[Any, Any]", file.read_row_group(group).column("id").combine_chunks())
                assert ids.dictionary.to_pylist() == [series_id(10 * group + n) for n in range(10)]
                assert "RLE_DICTIONARY" in file.metadata.row_group(group).column(2).encodings


def test_pages_are_small_and_have_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAGE", 100)
    write_lasting(ROWS.to_batches(), tmp_path / "rows.parquet")
    for column in range(5):
        chunk = pq.read_metadata(tmp_path / "rows.parquet").row_group(0).column(column)
        assert chunk.has_offset_index
    assert pq.read_metadata(tmp_path / "rows.parquet").row_group(0).column(0).has_column_index


def test_values_that_do_not_repeat_have_no_dictionary(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal(ROWS.num_rows)
    rows = ROWS.set_column(2, "value", pa.array(noise))
    write_lasting(rows.to_batches(), tmp_path / "rows.parquet")
    assert "BYTE_STREAM_SPLIT" in pq.read_metadata(tmp_path / "rows.parquet").row_group(0).column(2).encodings
    assert pq.read_table(tmp_path / "rows.parquet").equals(rows)


def test_without_rows_nothing_is_written(tmp_path: Path) -> None:
    assert write_lasting(pa.Table.from_batches([], ENCODED).to_batches(), tmp_path / "rows.parquet") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", ["lasting", "passing"])
def test_no_number_is_found_by_others_beside_numbers(tmp_path: Path, writer: str) -> None:
    path = tmp_path / "rows.parquet"
    rows = encoded(table([reading(1, at, float("nan") if at == 2 else float(at)) for at in range(5)]))
    {"lasting": write_lasting, "passing": write_passing}[writer](rows.to_batches(), path)
    found = duckdb.connect().execute(f"SELECT count(*) FROM '{path}' WHERE isnan(value)")
    assert found.fetchall() == [(1,)]
