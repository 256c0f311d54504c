"""Row groups of compacted files, read one by one without the engine, by what their footers say of them."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from storage.series.schema import SCHEMA
from storage.series.sql import Window

_MOST_KEPT = 32_768  # row groups, of which each takes about a kilobyte: of four billion readings
VALUES = pa.schema([field for field in SCHEMA if field.name != "id"])
_ID, _TIME = SCHEMA.names.index("id"), SCHEMA.names.index("time")


@dataclass(frozen=True, slots=True)
class Footer:
    """What is known of a file, and the ids with which its row groups begin and end."""

    metadata: pq.FileMetaData
    ids: Sequence[tuple[str, str]]
    times: Sequence[tuple[datetime, datetime]]

    @classmethod
    def read(cls, path: Path) -> Footer:
        """Read the end of a file. Raises OSError, or ValueError where it has no statistics."""
        metadata = pq.read_metadata(path)
        groups = range(metadata.num_row_groups)
        ids, times = ([_ends(metadata, group, column) for group in groups] for column in (_ID, _TIME))
        return cls(metadata, ids, times)

    def groups(self, series: Iterable[str], window: Window) -> list[int]:
        """Return the numbers of the row groups that may have readings of some series in a window."""
        wanted = sorted(series)
        return [
            number
            for number, ((low, high), times) in enumerate(zip(self.ids, self.times, strict=True))
            if bisect_left(wanted, low) < bisect_right(wanted, high) and window.meets(*times)
        ]


def _ends(metadata: pq.FileMetaData, group: int, column: int) -> Any:  # noqa: ANN401 - of the column's type
    statistics = metadata.row_group(group).column(column).statistics
    if statistics is None or not statistics.has_min_max:
        raise ValueError("a row group has no statistics")
    return statistics.min, statistics.max


class Footers:
    """Keeps the footers that were read last, by the number of the segment: files never change."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        """So many row groups at `most` are kept."""
        self._most = most
        self._kept: OrderedDict[int, Footer] = OrderedDict()
        self._groups = 0
        self._lock = threading.Lock()

    def of(self, number: int, path: Path) -> Footer:
        """Return the footer of a segment."""
        with self._lock:
            if (kept := self._kept.get(number)) is not None:
                self._kept.move_to_end(number)
                return kept
        footer = Footer.read(path)
        with self._lock:
            if number not in self._kept:
                self._kept[number] = footer
                self._groups += len(footer.ids)
            while self._groups > self._most and len(self._kept) > 1:
                self._groups -= len(self._kept.popitem(last=False)[1].ids)
        return footer


@dataclass(frozen=True, slots=True)
class Part:
    """Readings of one series with the columns VALUES, each of another time, and the number that each came with."""

    rows: pa.RecordBatch
    seqs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.RecordBatch, seq: int) -> Part:
        """Return readings that came together."""
        return cls(rows, np.full(rows.num_rows, seq, np.int64))


def read_groups(path: Path, footer: Footer, groups: list[int]) -> pa.Table:
    """Return whole row groups with the columns of readings; `id` is a dictionary."""
    with pq.ParquetFile(path, metadata=footer.metadata, read_dictionary=["id"]) as file:
        return file.read_row_groups(groups, columns=SCHEMA.names, use_threads=False)


def of_series(rows: pa.Table, series: str, window: Window) -> Iterator[pa.RecordBatch]:
    """Yield what rows, sorted by `id` (a dictionary) and time, have of a series in a window; see VALUES."""
    for batch in rows.to_batches():
        first, last = _place(cast("pa.DictionaryArray[Any, Any]", batch.column(_ID)), series)
        times = batch.column(_TIME).slice(first, last - first).to_numpy()
        low = int(np.searchsorted(times, np.datetime64(window.start, "us"))) if window.start else 0
        high = int(np.searchsorted(times, np.datetime64(window.end, "us"))) if window.end else len(times)
        if low < high:
            yield batch.slice(first + low, high - low).select(VALUES.names)


def _place(ids: pa.DictionaryArray[Any, Any], series: str) -> tuple[int, int]:
    """Return from where to where a sorted column has a value."""
    code = ids.dictionary.index(series).as_py()
    here = np.flatnonzero(ids.indices.to_numpy() == code) if code >= 0 else np.empty(0, int)
    return (int(here[0]), int(here[-1]) + 1) if len(here) else (0, 0)
