"""Merging files that are sorted by `id` and `time`, in bounded memory: what compaction makes of runs and segments.

Row groups are read in the order of their ids, of each file as far as the others have come. Whatever lies before all
that is still to be read is whole, and is sorted as a piece: in numbers, a fraction of what the engine's sort of texts
and its windows over them take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.series.schema import SCHEMA, encoded
from storage.series.sorting import in_order
from storage.series.sql import Window

PIECE_ROWS = 1_000_000
_IN_DICTIONARY = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY", "BIT_PACKED"}


def merged(paths: Sequence[Path], window: Window) -> Iterator[pa.Table]:
    """Yield the readings of a window, as `sorting.in_order` returns them, each series in one piece.

    Of those with the same id and time the one in the last of the files counts. A row group of each file is in
    memory, and as many rows as a piece or the longest series has.
    """
    files = [_Sorted(path, window) for path in paths]
    try:
        while unread := [file for file in files if file.has_more]:
            min(unread, key=lambda file: file.last).read()
            if sum(file.waiting for file in files) >= PIECE_ROWS:
                yield from _whole(files)
        yield from _whole(files)
    finally:
        for file in files:
            file.close()


def _whole(files: Sequence[_Sorted]) -> Iterator[pa.Table]:
    """Yield the series of which nothing is still to be read."""
    below = min((file.last for file in files if file.has_more), default=None)
    if parts := [part for file in files for part in file.take(below)]:
        yield in_order(pa.concat_tables(parts))


class _Sorted:
    """A file that is read row group by row group: what waits of it, and the id `last` that it has been read to."""

    def __init__(self, path: Path, window: Window) -> None:
        self._file = _opened(path)
        self._groups = deque(range(self._file.num_row_groups))
        self._window = window
        self._rows: list[pa.Table] = []
        self.last = ""

    @property
    def has_more(self) -> bool:
        return bool(self._groups)

    @property
    def waiting(self) -> int:
        return sum(rows.num_rows for rows in self._rows)

    def read(self) -> None:
        """Read the next row group."""
        rows = encoded(self._file.read_row_group(self._groups.popleft(), columns=SCHEMA.names, use_threads=False))
        self.last = rows.column("id")[-1].as_py()
        if (inside := _inside(rows, self._window)).num_rows:
            self._rows.append(inside)

    def take(self, below: str | None) -> list[pa.Table]:
        """Return what waits of the series before one, or all."""
        parts = [(rows, _count_below(rows, below)) for rows in self._rows]
        self._rows = [rows.slice(count) for rows, count in parts if count < rows.num_rows]
        return [rows.slice(0, count) for rows, count in parts if count]

    def close(self) -> None:
        self._file.close()


def _opened(path: Path) -> pq.ParquetFile:
    """Open a file so that its ids are read as a dictionary where Arrow can do so: not of all encodings."""
    metadata = pq.read_metadata(path)
    encodings = {
        name for group in range(metadata.num_row_groups) for name in metadata.row_group(group).column(0).encodings
    }
    dictionary = ["id"] if encodings <= _IN_DICTIONARY else None
    return pq.ParquetFile(path, metadata=metadata, read_dictionary=dictionary)


def _inside(rows: pa.Table, window: Window) -> pa.Table:
    times = rows.column("time").to_numpy()
    start = times >= np.datetime64(window.start, "us") if window.start else np.ones(len(times), bool)
    inside = start & (times < np.datetime64(window.end, "us")) if window.end else start
    return rows if inside.all() else rows.filter(pa.array(inside))


def _count_below(rows: pa.Table, series: str | None) -> int:
    """Return how many of sorted rows come before a series."""
    if series is None:
        return rows.num_rows
    count = 0
    for ids in rows.column("id").chunks:
        encoded = cast("pa.DictionaryArray[Any, Any]", ids)
        before = pc.less(encoded.dictionary, pa.scalar(series)).to_numpy(zero_copy_only=False)
        count += int(np.count_nonzero(before[encoded.indices.to_numpy()]))
    return count
