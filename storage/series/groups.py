"""Row groups of compacted files, read one by one without the engine, by what their footers say of them."""

from __future__ import annotations

import contextlib
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.series.schema import SCHEMA
from storage.series.spans import Spans

_MOST_KEPT = 32_768  # row groups, of which each takes about a kilobyte: of four billion readings
VALUES = pa.schema([field for field in SCHEMA if field.name != "id"])
_ID, _TIME = SCHEMA.names.index("id"), SCHEMA.names.index("time")
_TEXTS = {"text": SCHEMA.names.index("text"), "status": SCHEMA.names.index("status")}


class Footer:
    """What is known of a file that is sorted by `id` and `time`: only of row groups that may count is more read."""

    def __init__(self, path: Path) -> None:
        """Read the end of a file. Raises OSError or ValueError where that is none."""
        self.metadata = pq.read_metadata(path)
        self.size = self.metadata.num_row_groups
        self._ends: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._nulls: dict[tuple[int, int], bool] = {}

    def groups(self, series: Iterable[str], times: Spans) -> list[int]:
        """Return the numbers of the row groups that may have rows of some series at some times.

        Raises ValueError where one has no statistics.
        """
        found = {group for each in series for group in self._with(each)}
        return [group for group in sorted(found) if times.meets(*self._end(group, _TIME))]

    def _with(self, series: str) -> range:
        groups = range(self.size)
        first = bisect_left(groups, series, key=lambda group: self._end(group, _ID)[1])
        return range(first, bisect_right(groups, series, first, key=lambda group: self._end(group, _ID)[0]))

    def is_null(self, name: str, groups: Iterable[int]) -> bool:
        """Tell whether row groups surely have nothing in a column of text."""
        return all(self._is_null(group, _TEXTS[name]) for group in groups)

    def _is_null(self, group: int, column: int) -> bool:
        if (known := self._nulls.get((group, column))) is None:
            rows = self.metadata.row_group(group)
            statistics = rows.column(column).statistics
            known = statistics is not None and statistics.null_count == rows.num_rows
            self._nulls[group, column] = known
        return known

    def _end(self, group: int, column: int) -> tuple[Any, Any]:
        """Return the least and the greatest value of a column in a row group."""
        if (known := self._ends.get((group, column))) is None:
            statistics = self.metadata.row_group(group).column(column).statistics
            if statistics is None or not statistics.has_min_max:
                raise ValueError("a row group has no statistics")
            self._ends[group, column] = known = (statistics.min, statistics.max)
        return known


class Footers:
    """Keeps the footers that were read last, by their paths: files never change, nor is a name used twice."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        """So many row groups at `most` are kept."""
        self._most = most
        self._kept: OrderedDict[Path, Footer] = OrderedDict()
        self._groups = 0
        self._lock = threading.Lock()

    def of(self, path: Path) -> Footer:
        """Return the footer of a file."""
        with self._lock:
            if (kept := self._kept.get(path)) is not None:
                self._kept.move_to_end(path)
                return kept
        footer = Footer(path)
        with self._lock:
            if path not in self._kept:
                self._kept[path] = footer
                self._groups += footer.size
            while self._groups > self._most and len(self._kept) > 1:
                self._groups -= self._kept.popitem(last=False)[1].size
        return footer

    def warm(self, paths: Iterable[Path], stop: Callable[[], bool]) -> None:
        """Read footers before anybody asks, in this order, as many as are kept. What cannot be read is left out."""
        for path in paths:
            if stop() or self._groups >= self._most:
                return
            with contextlib.suppress(OSError, ValueError):
                self.of(path)


@dataclass(frozen=True, slots=True)
class Part:
    """Readings of one series with the columns VALUES, each of another time, and the number that each came with."""

    rows: pa.RecordBatch
    seqs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.RecordBatch, seq: int) -> Part:
        """Return readings that came together."""
        return cls(rows, np.full(rows.num_rows, seq, np.int64))


def read_groups(path: Path, footer: Footer, groups: list[int], columns: Sequence[str] = VALUES.names) -> pa.Table:
    """Return whole row groups: `id`, a dictionary, and the columns, of which the first is `time`."""
    empty = [name for name in columns if name in _TEXTS and footer.is_null(name, groups)]  # to make them is dear
    with pq.ParquetFile(path, metadata=footer.metadata, read_dictionary=["id"]) as file:
        there = [name for name in columns if name not in empty]
        rows = file.read_row_groups(groups, columns=["id", *there], use_threads=False)
    for name in empty:
        rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.string()))
    return rows.select(["id", *columns]) if empty else rows


def of_series(rows: pa.Table, series: Sequence[str], times: Spans) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield what rows of `read_groups` have of some series at some times, without `id`."""
    wanted = pa.array(series, pa.string())
    for batch in rows.to_batches():
        ids = cast("pa.DictionaryArray[Any, Any]", batch.column(_ID))
        others, codes = batch.select(batch.schema.names[1:]), ids.indices.to_numpy()
        for name, code in zip(series, pc.index_in(wanted, value_set=ids.dictionary).to_pylist(), strict=True):
            if code is not None:
                here = np.flatnonzero(codes == code)  # rows are sorted by `id`
                own = others.slice(here[0], len(here)) if len(here) else others.slice(0, 0)
                yield from ((name, part) for part in _at(own, times))


def _at(rows: pa.RecordBatch, times: Spans) -> Iterator[pa.RecordBatch]:
    """Yield what rows of one series, by `time`, their first column, have at some times."""
    known = rows.column(0).to_numpy()
    for start, end in times.intervals:
        low, high = np.searchsorted(known, np.array([start, end], "datetime64[us]"))
        if low < high:
            yield rows.slice(low, high - low)
