"""Writing Parquet files, sorted by `id` and `time`. Each is there as a whole or not at all, durably.

Files that stay have row groups of so many rows that a dictionary of values is worth its place, and pages of so few
that one series costs little to unpack (storage.series.pages), with an index of them for other readers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.files import publish
from storage.series.schema import ENCODED, encoded
from storage.series.sql import quote

ROW_GROUP, PAGE = 131_072, 16_384  # rows: pages of 32,768 rows take 4 % less space, of 8,192 rows 6 % more
LASTING, PASSING = 6, 1  # levels of zstd: a higher one gains nothing in pages so small; runs go soon
_MOST_PAGE = 64 << 20  # bytes, so that rows alone end a page
_BOUNDED = [name for name in ENCODED.names if name != "value"]
"""Columns with statistics. Where DuckDB is told the least and greatest value, it takes it that none is NaN."""
_DIFFERENT = 2  # of so many values one is another, or more: then a dictionary does not pay


def write_parquet(cursor: duckdb.DuckDBPyConnection, rows: str, columns: str, target: Path) -> int:
    """Write columns of a relation; returns the rows. Durable when it returns."""
    # The engine makes a column required where it knows of no null in it. With this all files have the same schema.
    optional = ", ".join(f"CASE WHEN id IS NOT NULL THEN {column} END AS {column}" for column in columns.split(", "))
    with published(target) as temporary:
        [(count,)] = cursor.execute(
            f"COPY (SELECT {optional} FROM ({rows}) ORDER BY id, time) TO {quote(str(temporary))}"
            f" (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {LASTING}, PARQUET_VERSION v2,"
            f" ROW_GROUP_SIZE {ROW_GROUP})"
        ).fetchall()
    return int(count)


def write_lasting(batches: Iterable[pa.RecordBatch], target: Path) -> int:
    """Write sorted readings (SCHEMA or ENCODED) that stay; returns the rows. Durable when it returns.

    Without rows nothing is written.
    """
    groups = _row_groups(batches)
    if (first := next(groups, None)) is None:
        return 0
    repeated, encodings = ["id", "text", "status"], {"time": "DELTA_BINARY_PACKED"}
    if _repeats(first.column("value")):
        repeated.append("value")
    else:
        encodings["value"] = "BYTE_STREAM_SPLIT"
    with (
        published(target) as temporary,
        pq.ParquetWriter(
            temporary,
            ENCODED,
            compression="zstd",
            compression_level=LASTING,
            use_dictionary=repeated,  # type: ignore[arg-type] # stubs: bool
            column_encoding=encodings,
            write_statistics=_BOUNDED,
            write_page_index=True,
            max_rows_per_page=PAGE,
            data_page_size=_MOST_PAGE,
            store_schema=False,
        ) as file,
    ):
        rows = 0
        for group in (first, *groups):
            file.write_table(group, row_group_size=ROW_GROUP)
            rows += group.num_rows
    return rows


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield sorted readings in tables of one row group each, with a dictionary of no other ids."""
    waiting: list[pa.Table] = []
    rows = 0
    for batch in batches:
        rest = encoded(pa.Table.from_batches([batch]))
        while rest.num_rows:
            part = rest.slice(0, ROW_GROUP - rows)
            waiting.append(_own_ids(part))
            rows, rest = rows + part.num_rows, rest.slice(part.num_rows)
            if rows == ROW_GROUP:
                yield _together(waiting)
                waiting, rows = [], 0
    if waiting:
        yield _together(waiting)


def _own_ids(rows: pa.Table) -> pa.Table:
    """Return sorted readings with a dictionary of their own ids: Arrow writes one as a whole."""
    ids = cast("pa.DictionaryArray[Any, Any]", rows.column("id").combine_chunks())
    codes = ids.indices.to_numpy()
    other = np.append(True, codes[1:] != codes[:-1])
    own = pa.DictionaryArray.from_arrays(
        pa.array(np.cumsum(other, dtype=np.int32) - 1, pa.int32()), ids.dictionary.take(pa.array(codes[other]))
    )
    return rows.set_column(0, ENCODED.field("id"), own)


def _together(parts: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _repeats(values: pa.ChunkedArray[Any]) -> bool:
    return bool(pc.count_distinct(values).as_py() * _DIFFERENT <= len(values))


def write_passing(batches: Iterable[pa.RecordBatch], target: Path) -> int:
    """Write sorted batches of ENCODED for a short life; returns the rows. Durable when it returns.

    It takes less time than for files that stay, and more space.
    """
    rows = 0
    with (
        published(target) as temporary,
        pq.ParquetWriter(
            temporary,
            ENCODED,
            compression="zstd",
            compression_level=PASSING,
            use_dictionary=[name for name in ENCODED.names if name != "time"],  # type: ignore[arg-type] # stubs: bool
            column_encoding={"time": "DELTA_BINARY_PACKED"},
            write_statistics=_BOUNDED,
            store_schema=False,
        ) as file,
    ):
        for batch in batches:
            file.write_batch(batch, row_group_size=ROW_GROUP)
            rows += batch.num_rows
    return rows


@contextlib.contextmanager
def published(target: Path) -> Iterator[Path]:
    """Lend the name for a file that is `target` when the block has ended, durably; if it fails, nothing is left."""
    temporary = target.with_suffix(".tmp")
    try:
        yield temporary
        publish(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)  # a full disk is not to stay full for it
        raise
