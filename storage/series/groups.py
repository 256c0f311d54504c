"""Row groups of compacted files, read without the engine: which have rows of a series, and where in them."""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import InvalidReadings
from storage.series.kept import Kept
from storage.series.pages import Block, Chunk, Column, in_pages, read_pages
from storage.series.places import Places
from storage.series.schema import SCHEMA
from storage.series.spans import Spans

_MOST_KEPT = 32_768  # row groups, of which each takes about two kilobytes: of four billion readings
_MOST_PLACES = 4_000_000  # of series in row groups, of which each takes 20 bytes: of a billion readings and more
VALUES = pa.schema([field for field in SCHEMA if field.name != "id"])
_ID, _TIME = SCHEMA.names.index("id"), SCHEMA.names.index("time")
_TEXTS = {"text": SCHEMA.names.index("text"), "status": SCHEMA.names.index("status")}


class Footer:
    """What is known of a file that is sorted by `id` and `time`: only of row groups that may count is more read."""

    def __init__(self, path: Path) -> None:
        """Read the end of a file. Raises OSError or ValueError where that is none."""
        self.path = path
        self.metadata = pq.read_metadata(path)
        self.size = self.metadata.num_row_groups
        self._ends: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._nulls: dict[tuple[int, int], bool] = {}
        self._columns: dict[str, Column] = {}
        self._chunks: dict[tuple[int, str], Chunk] = {}

    def groups(self, series: str, times: Spans) -> Iterator[int]:
        """Yield the numbers of the row groups that may have rows of a series at some times.

        Raises ValueError where one has no statistics.
        """
        groups = range(self.size)
        first = bisect_left(groups, series, key=lambda group: self._end(group, _ID)[1])
        last = bisect_right(groups, series, first, key=lambda group: self._end(group, _ID)[0])
        return (group for group in range(first, last) if times.meets(*self._end(group, _TIME)))

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

    def chunks(self, group: int, names: Iterable[str]) -> list[Chunk]:
        """Return columns of a row group. Raises OSError or ValueError where they cannot be read page by page."""
        return [self._chunks.get((group, name)) or self._chunk(group, name) for name in names]

    def _chunk(self, group: int, name: str) -> Chunk:
        if (column := self._columns.get(name)) is None:
            column = Column.of(self.metadata, self.metadata.schema.names.index(name))
            self._columns[name] = column
        with opened(self.path) as file:
            chunk = Chunk.read(file, column, self.metadata.row_group(group).column(column.place))
        self._chunks[group, name] = chunk
        return chunk


class Footers:
    """Keeps what was read last of files, by their paths: they never change, nor is a name used twice."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        """So many row groups at `most` are kept."""
        self._footers = Kept[Path, Footer](most, lambda footer: footer.size)
        self._places = Kept[tuple[Path, int], Places](_MOST_PLACES, len)

    def of(self, path: Path) -> Footer:
        """Return the footer of a file."""
        return self._footers.get(path, lambda: Footer(path))

    def find(self, footer: Footer, series: Iterable[str], times: Spans) -> Iterator[Slice]:
        """Yield where a file has rows of some series that may be of some times.

        Raises OSError, ValueError, ArrowException or InvalidReadings where it is not as it should be.
        """
        for each in series:
            key = UUID(each).bytes
            for group in footer.groups(each, times):
                if (rows := self._in(footer, group).of(key)) is not None:
                    yield Slice(each, group, rows)

    def _in(self, footer: Footer, group: int) -> Places:
        return self._places.get((footer.path, group), lambda: Places.read(footer.path, footer.metadata, group))

    def warm(self, files: Iterable[tuple[Path, Sequence[str]]], stop: Callable[[], bool]) -> None:
        """Read what there is to know of columns of files before anybody asks, in this order, as much as is kept.

        What cannot be read is left out.
        """
        for path, columns in files:
            with contextlib.suppress(OSError, ValueError, pa.ArrowException, InvalidReadings):
                footer = self.of(path)
                for group in range(footer.size):
                    if stop() or self.full:
                        return
                    self._in(footer, group)
                    footer.chunks(group, columns)

    @property
    def full(self) -> bool:
        """Tell whether no more is kept."""
        return self._footers.full or self._places.full

    def __contains__(self, path: Path) -> bool:
        return path in self._footers


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """Lend a file to read from."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class Part:
    """Readings of one series with the columns VALUES, each of another time, and the number that each came with."""

    rows: pa.RecordBatch
    seqs: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.RecordBatch, seq: int) -> Part:
        """Return readings that came together."""
        return cls(rows, np.full(rows.num_rows, seq, np.int64))


@dataclass(frozen=True, slots=True)
class Slice:
    """Where the rows of a series lie in a row group."""

    series: str
    group: int
    rows: Block


class Excerpt:
    """The pages of a file that have some slices."""

    def __init__(self, footer: Footer, slices: Iterable[Slice], columns: Sequence[str]) -> None:
        """The first of the columns is `time`. Raises OSError or ValueError where they cannot be read page by page."""
        self._footer = footer
        self._columns = columns
        self._slices: dict[int, list[Slice]] = {}
        for each in slices:
            self._slices.setdefault(each.group, []).append(each)
        self.places = sum(map(len, self._slices.values()))
        self._empty = [name for name in columns if name in _TEXTS and footer.is_null(name, self._slices)]
        there = [name for name in columns if name not in self._empty]
        self._parts = [
            (chunks := footer.chunks(group, there), in_pages(chunks, [each.rows for each in of]))
            for group, of in self._slices.items()
        ]
        self.rows = sum(end - start for _, blocks in self._parts for start, end in blocks)

    def read(self, times: Spans) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield what the slices have at some times, each with its series.

        Raises OSError, ValueError or ArrowException where the file is not as it should be.
        """
        if not self._parts:
            return
        with opened(self._footer.path) as file:
            rows = self._whole(read_pages(file, self._parts))
        begin = 0
        for (_, blocks), of in zip(self._parts, self._slices.values(), strict=True):
            shifts = {start: begin + shift for start, shift in _shifts(blocks)}
            starts = list(shifts)
            for each in of:
                start, end = each.rows
                block = starts[bisect_right(starts, start) - 1]
                own = rows.slice(shifts[block] + start - block, end - start)
                yield from ((each.series, part) for part in _at(own, times))
            begin += sum(end - start for start, end in blocks)

    def _whole(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        if not self._empty:
            return rows
        none = pa.nulls(rows.num_rows, pa.string())
        columns = [none if name in self._empty else rows.column(name) for name in self._columns]
        return pa.RecordBatch.from_arrays(columns, names=list(self._columns))


def _shifts(blocks: Iterable[Block]) -> Iterator[tuple[int, int]]:
    """Yield the first row of each block, and how many rows the blocks before it have."""
    done = 0
    for start, end in blocks:
        yield start, done
        done += end - start


def _at(rows: pa.RecordBatch, times: Spans) -> Iterator[pa.RecordBatch]:
    """Yield what rows of one series, by `time`, their first column, have at some times."""
    known = rows.column(0).to_numpy()
    for start, end in times.intervals:
        low, high = np.searchsorted(known, np.array([start, end], "datetime64[us]"))
        if low < high:
            yield rows.slice(low, high - low)
