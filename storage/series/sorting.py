"""Sorting readings in memory, a bounded piece at a time: what becomes one file.

The engine's sort of rows by text and time costs several times as much as numbers of texts and a sort of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import InvalidReadings
from storage.series.schema import SCHEMA
from storage.series.uuids import as_uuids

MOST_ROWS = 2_000_000
"""Of a piece, which takes some 200 MB for as long as it is sorted."""


def pieces(batches: Iterator[pa.RecordBatch], most: int = MOST_ROWS) -> Iterator[pa.Table]:
    """Yield batches of one schema as tables of about so many rows."""
    waiting, rows = list[pa.RecordBatch](), 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= most:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if rows:
        yield pa.Table.from_batches(waiting)


def in_order(rows: pa.Table) -> pa.Table:
    """Return rows of SCHEMA or ENCODED by `id` and `time`, each (id, time) once and as it comes last, as ENCODED.

    Raises InvalidReadings for one without id or time, or whose id is no UUID.
    """
    for column, article in (("id", "an"), ("time", "a")):
        if rows.column(column).null_count:
            raise InvalidReadings(f"a reading needs {article} {column}")
    codes, texts = _numbered(rows.column("id"))
    times = rows.column("time").to_numpy().view(np.int64)
    order = _order(codes, times)
    codes, times = codes[order], times[order]
    last = np.append((codes[1:] != codes[:-1]) | (times[1:] != times[:-1]), np.ones(min(len(codes), 1), bool))
    order, codes = order[last], codes[last]
    ids = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), texts)
    columns = [_taken(rows.column(name), order) for name in SCHEMA.names[1:]]
    return pa.Table.from_arrays([ids, *columns], names=SCHEMA.names)


def ends(ordered: pa.Table) -> pa.Table:
    """Return the last reading of each series of what `in_order` gave."""
    codes = cast("pa.DictionaryArray[Any, Any]", ordered.column("id").combine_chunks()).indices.to_numpy()
    last = np.append(codes[1:] != codes[:-1], np.ones(min(len(codes), 1), bool))
    return ordered.take(pa.array(np.flatnonzero(last), pa.int64()))


def _numbered(ids: pa.ChunkedArray[Any]) -> tuple[npt.NDArray[Any], pa.Array[Any]]:
    """Return a number for each id, and the different ids by these numbers, which are in their order."""
    encoded = _encoded(ids.combine_chunks())
    as_uuids(pa.chunked_array([encoded.dictionary], pa.string()))
    texts = pc.utf8_lower(encoded.dictionary)
    distinct = pc.unique(texts)
    distinct = distinct.take(pc.array_sort_indices(distinct))
    small = np.uint16 if len(distinct) < 1 << 16 else np.int32  # of the small ones a sort is quick
    numbers = pc.index_in(texts, value_set=distinct).to_numpy().astype(small)
    return numbers[encoded.indices.to_numpy()], distinct


def _encoded(ids: pa.Array[Any]) -> pa.DictionaryArray[Any, Any]:
    return cast("pa.DictionaryArray[Any, Any]", pc.dictionary_encode(ids))


def _order(codes: npt.NDArray[Any], times: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Return the order by code and time, in which what is the same stays as it came."""
    if (times[1:] >= times[:-1]).all():
        return np.argsort(codes, kind="stable")
    by_time = np.argsort(times, kind="stable")
    return by_time[np.argsort(codes[by_time], kind="stable")]


def _taken(column: pa.ChunkedArray[Any], order: npt.NDArray[np.intp]) -> Any:  # noqa: ANN401 - one array or several
    if column.null_count == len(column):
        return pa.nulls(len(order), column.type)
    return column.take(pa.array(order, pa.int64()))
