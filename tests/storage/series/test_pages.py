"""Pages that are read one by one give what Arrow gives of the whole row group."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.series.groups import opened
from storage.series.pages import Block, Chunk, Column, in_pages, read_pages

ROWS, GROUP = 1_000, 400
_START = datetime(2026, 1, 1)
TABLE = pa.table(
    {
        "time": pa.array([_START + timedelta(minutes=n) for n in range(ROWS)], pa.timestamp("us")),
        "value": [None if n % 7 == 0 else n % 13 / 2 for n in range(ROWS)],
        "text": [None if n % 3 else f"text {n % 31}" for n in range(ROWS)],
        "count": list(range(ROWS)),
        "plain": [n % 5 == 0 for n in range(ROWS)],
    }
)
FORMS: dict[str, dict[str, Any]] = {
    "one page": {"compression": "zstd"},
    "small pages": {"compression": "zstd", "max_rows_per_page": 37},
    "with an index": {"compression": "lz4", "max_rows_per_page": 50, "write_page_index": True},
    "no dictionary": {"compression": "none", "max_rows_per_page": 30, "use_dictionary": False},
    "pages of the second kind": {"compression": "snappy", "max_rows_per_page": 41, "data_page_version": "2.0"},
    "pages by size, which no two columns share": {
        "data_page_size": 128,
        "write_batch_size": 10,
        "compression": "zstd",
    },
    "columns with codecs of their own": {"compression": {"value": "zstd", "time": "lz4"}, "max_rows_per_page": 64},
}


def _chunks(path: Path, metadata: pq.FileMetaData, group: int, names: list[str]) -> list[Chunk]:
    columns = [Column.of(metadata, TABLE.schema.names.index(name)) for name in names]
    with opened(path) as file:
        return [Chunk.read(file, column, metadata.row_group(group).column(column.place)) for column in columns]


BLOCK = st.tuples(st.integers(0, 199), st.integers(1, 60)).map(lambda block: (block[0], sum(block)))


@settings(max_examples=20, deadline=None)
@given(
    wanted=st.dictionaries(st.integers(0, 2), st.lists(BLOCK, min_size=1, max_size=4), min_size=1),
    names=st.lists(st.sampled_from(TABLE.schema.names), min_size=1, unique=True),
)
def test_blocks_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, wanted: dict[int, list[Block]], names: list[str]
) -> None:
    """Of all forms, row groups and columns."""
    folder = tmp_path_factory.mktemp("pages")
    for form, options in FORMS.items():
        path = folder / f"{form}.parquet"
        pq.write_table(TABLE, path, row_group_size=GROUP, **options)
        metadata = pq.read_metadata(path)
        wanted = {
            group: [block for block in of if block[1] <= metadata.row_group(group).num_rows]
            for group, of in wanted.items()
        }
        parts = [
            (chunks := _chunks(path, metadata, group, names), in_pages(chunks, of))
            for group, of in wanted.items()
            if of
        ]
        if not parts:
            continue
        groups = [group for group, of in wanted.items() if of]
        expected = [
            TABLE.select(names).slice(group * GROUP + start, end - start)
            for group, (_, blocks) in zip(groups, parts, strict=True)
            for start, end in blocks
        ]
        with opened(path) as file:
            found = pa.Table.from_batches([read_pages(file, parts)])
        assert found.equals(pa.concat_tables(expected))
        for group, (_, blocks) in zip(groups, parts, strict=True):
            for start, end in wanted[group]:
                assert any(first <= start and end <= last for first, last in blocks)


def test_small_pages_are_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(TABLE, path, row_group_size=GROUP, max_rows_per_page=50, compression="zstd")
    chunks = _chunks(path, pq.read_metadata(path), 1, ["time", "value"])
    assert in_pages(chunks, [(60, 70)]) == [(50, 100)]
    assert in_pages(chunks, [(120, 130), (10, 20), (99, 101)]) == [(0, 150)]
    assert in_pages(chunks, [(399, 400), (0, 1)]) == [(0, 50), (350, 400)]


def test_a_chunk_that_is_not_what_the_footer_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(TABLE, path, compression="zstd")
    metadata = pq.read_metadata(path)
    path.write_bytes(b"PAR1" + b"\x5f" * (path.stat().st_size - 4))
    with pytest.raises(ValueError, match=r"page|struct"):
        _chunks(path, metadata, 0, ["value"])


def test_columns_of_other_types_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"values": [[1.0, 2.0]], "day": pa.array([1], pa.date32())}), path)
    metadata = pq.read_metadata(path)
    for place in (0, 1):
        with pytest.raises(ValueError, match="not read page by page"):
            Column.of(metadata, place)
