"""Narrow reads: raw readings of few series out of few row groups, without planning a statement.

The engine takes milliseconds to plan a statement and to open each file, whatever comes of it. Where nothing that was
deleted is in the way, the row groups themselves, and a look at the hot readings, give the same answer. Wherever
something is unusual, the engine is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.series.catalog import Segment
from storage.series.groups import VALUES, Footer, Footers, Part, of_series, read_groups
from storage.series.hot import HotTier
from storage.series.known import Catalog, Known
from storage.series.segments import ARCHIVE, SegmentFiles
from storage.series.selection import BATCH_ROWS, Rows, Selection
from storage.series.sql import Window

MOST_SERIES, MOST_GROUPS = 16, 16
# What the engine gives back as it was; of others it may make something else.
_CARRIED = (pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us"))


class _UnusualError(Exception):
    """The engine must be asked."""


@contextlib.contextmanager
def _left_to_engine() -> Iterator[None]:
    """Of a broken or missing file the engine knows what to say."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _UnusualError from error


@dataclass(frozen=True, slots=True)
class Narrow:
    """Answers selections that are narrow enough."""

    files: SegmentFiles
    known: Known
    hot: HotTier
    footers: Footers = field(default_factory=Footers)

    def select(self, selection: Selection, points: pa.Table | None) -> Rows | None:
        """Return the answer of raw readings, see SeriesStore.select, or None where the engine is to be asked."""
        if points is None or not _is_plain(selection, points):
            return None
        ids = [str(found) for found in points.column("id").to_pylist()]
        parts = self._parts(selection.window, ids)
        if parts is None:
            return None
        table = answer(selection, points, [parts[series] for series in ids])
        return Rows(table.schema, iter(table.to_batches(max_chunksize=BATCH_ROWS)))

    def readings(self, window: Window, ids: Sequence[str]) -> pa.Table | None:
        """Return the relation of the readings of series in a window, or None where the engine is to be asked."""
        parts = self._parts(window, ids)
        if parts is None:
            return None
        found = {series: newest(each) for series, each in parts.items()}
        names = pa.array(np.repeat(list(found), [rows.num_rows for rows in found.values()]), pa.string())
        return pa.concat_tables(found.values()).add_column(0, "id", names)

    def _parts(self, window: Window, ids: Sequence[str]) -> dict[str, list[Part]] | None:
        """Return what there is of each series, in no order, or None where the engine is to be asked."""
        if not 0 < len(ids) <= MOST_SERIES:
            return None
        try:
            return self._read(window, ids)
        except _UnusualError:
            return None

    def _read(self, window: Window, ids: Sequence[str]) -> dict[str, list[Part]]:
        catalog = self._catalog(window)
        segments = self.files.lease(lambda: self._segments(catalog, window))
        try:
            needed = self._needed(segments, set(ids), window)
            parts = self.hot.find(ids, window)
            if self.known.settled() is not catalog:  # what was hot may be in a file that is none of these
                raise _UnusualError
            for segment, footer, groups in needed:
                with _left_to_engine():
                    rows = read_groups(self.files.path(segment), footer, groups)
                for series, found in parts.items():
                    found += [Part.of(batch, segment.seq) for batch in of_series(rows, series, window)]
            return parts
        finally:
            self.files.let_go(segments)

    def _catalog(self, window: Window) -> Catalog:
        catalog = self.known.settled()
        if catalog is None or catalog.lost or catalog.removed:
            raise _UnusualError
        if catalog.retired is not None and (window.start is None or window.start < catalog.retired):
            raise _UnusualError
        return catalog

    def _segments(self, catalog: Catalog, window: Window) -> list[Segment]:
        """Return the files with times of a window. They are there as long as the catalog has not changed."""
        if self.known.settled() is not catalog:
            raise _UnusualError
        return [s for s in catalog.segments if s.level != ARCHIVE and window.meets(s.first, s.last)]

    def _needed(
        self, segments: Sequence[Segment], ids: set[str], window: Window
    ) -> list[tuple[Segment, Footer, list[int]]]:
        """Return the row groups that may have readings of these series."""
        if len(segments) > MOST_GROUPS:
            raise _UnusualError
        needed = []
        for segment in segments:
            with _left_to_engine():
                footer = self.footers.of(segment.number, self.files.path(segment))
            if groups := footer.groups(ids, window):
                needed.append((segment, footer, groups))
        if sum(len(groups) for _, _, groups in needed) > MOST_GROUPS:
            raise _UnusualError
        return needed


def _is_plain(selection: Selection, points: pa.Table) -> bool:
    raw = selection.aggregate is None and selection.downsample is None and selection.shape == "long"
    return raw and all(kind in _CARRIED for kind in points.schema.types)


def answer(selection: Selection, points: pa.Table, parts: Sequence[Sequence[Part]]) -> pa.Table:
    """Return the rows of a selection, of the parts that each of the points has."""
    found = [_later(newest(each), selection, number) for number, each in enumerate(parts)]
    numbers = pa.array(np.repeat(np.arange(len(found)), [rows.num_rows for rows in found]), pa.int64())
    carried = points.drop_columns(["id"])
    columns = [*(column.take(numbers) for column in carried.columns), *pa.concat_tables(found).columns]
    table = pa.Table.from_arrays(columns, names=[*carried.column_names, *VALUES.names])
    if selection.numbered:
        table = table.append_column("k", numbers)
    return table if selection.limit is None else table.slice(0, selection.limit)


def _later(rows: pa.Table, selection: Selection, number: int) -> pa.Table:
    """Return what the page before did not have of a point."""
    if selection.after is None or number > selection.after[0]:
        return rows
    if number < selection.after[0]:
        return rows.slice(0, 0)
    return rows.filter(pc.greater(rows.column("time"), pa.scalar(selection.after[1], pa.timestamp("us"))))


def newest(parts: Sequence[Part]) -> pa.Table:
    """Return readings in the order of time; of those of one time that with the highest number."""
    rows = pa.Table.from_batches([part.rows for part in parts], VALUES)
    times = rows.column("time").to_numpy()
    if bool(np.all(times[1:] > times[:-1])):  # as in a file; hot readings are in the order in which they came
        return rows
    numbers = np.concatenate([part.seqs for part in parts])
    order = np.lexsort((numbers, times))
    ordered = times[order]
    return rows.take(pa.array(order[np.append(ordered[1:] != ordered[:-1], True)]))
