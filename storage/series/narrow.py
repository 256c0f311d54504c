"""Narrow reads: few series out of few row groups, without planning a statement.

The engine takes milliseconds to plan a statement and to open each file, whatever comes of it. Where nothing that was
deleted is in the way, the row groups themselves, and a look at the hot readings, give the same answer: raw readings,
or what rollups and the readings that they leave add up to. Wherever something is unusual, the engine is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import InvalidReadings
from storage.series.catalog import Segment
from storage.series.groups import VALUES, Excerpt, Footers, Part
from storage.series.hot import HotTier
from storage.series.known import Catalog, Known
from storage.series.partials import Partials, added_up, columns_for
from storage.series.rolled_up import RollupFile
from storage.series.rolling import grain_of, roll
from storage.series.rollups import PLAIN, Rolled
from storage.series.segments import ARCHIVE, SegmentFiles
from storage.series.selection import BATCH_ROWS, Rows, Selection
from storage.series.spans import Spans
from storage.series.sql import Window
from storage.series.steps import Buckets

MOST_SERIES, MOST_FILES, MOST_PLACES = 16, 64, 1024  # these of series in row groups
MOST_ROWS = 2 << 20  # that are unpacked
# What the engine gives back as it was; of others it may make something else.
_CARRIED = (pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us"))


class _UnusualError(Exception):
    """The engine must be asked."""


@contextlib.contextmanager
def _left_to_engine() -> Iterator[None]:
    """Of a broken or missing file the engine knows what to say."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException, InvalidReadings) as error:
        raise _UnusualError from error


@dataclass(frozen=True, slots=True)
class Narrow:
    """Answers selections that are narrow enough."""

    files: SegmentFiles
    known: Known
    hot: HotTier
    footers: Footers = field(default_factory=Footers)

    def select(self, selection: Selection, points: pa.Table | None) -> Rows | None:
        """Return the answer, see SeriesStore.select, or None where the engine is to be asked."""
        if points is None or not _is_plain(selection, points):
            return None
        ids = [str(found) for found in points.column("id").to_pylist()]
        try:
            found = self._found(selection, ids)
        except _UnusualError:
            return None
        table = answer(selection, points, [found[series] for series in ids])
        whole = table.combine_chunks()  # not a batch of each series, each of which goes its way by itself
        return Rows(table.schema, iter(whole.to_batches(max_chunksize=BATCH_ROWS)), held=whole.num_rows)

    def warm(self, catalog: Catalog, stop: Callable[[], bool]) -> None:
        """Read the ends of files, the newest first, until `stop`: so the first question to one is as quick as any."""
        segments = sorted((s for s in catalog.segments if s.level != ARCHIVE), key=lambda s: s.last, reverse=True)
        rollups = {file: None for s in segments for file in catalog.rolled_up.get(s.number, {}).values()}
        files = [(self.files.rollup(file), columns_for("mean")) for file in rollups]
        self.footers.warm([*files, *((self.files.path(s), VALUES.names[:2]) for s in segments)], stop)

    def readings(self, window: Window, ids: Sequence[str]) -> pa.Table | None:
        """Return the relation of the readings of series in a window, or None where the engine is to be asked."""
        try:
            found = self._readings(window, ids)
        except _UnusualError:
            return None
        names = pa.array(np.repeat(list(found), [rows.num_rows for rows in found.values()]), pa.string())
        return pa.concat_tables(found.values()).add_column(0, "id", names)

    def _found(self, selection: Selection, ids: Sequence[str]) -> dict[str, pa.Table]:
        if selection.aggregate is None:
            return self._readings(selection.window, ids)
        with self._looking(selection.window, ids) as look:
            return look.aggregated(selection, selection.aggregate)

    def _readings(self, window: Window, ids: Sequence[str]) -> dict[str, pa.Table]:
        with self._looking(window, ids) as look:
            return look.readings(Spans.within(window))

    @contextlib.contextmanager
    def _looking(self, window: Window, ids: Sequence[str]) -> Iterator[_Look]:
        """Lend all that there is of few series; its files stay for as long."""
        if not 0 < len(ids) <= MOST_SERIES:
            raise _UnusualError
        catalog = self._catalog(window)
        leased = self.files.lease(lambda: self._leased(catalog, window))
        try:
            hot = self.hot.find(ids, window)
            span = self.hot.span
            if self.known.settled() is not catalog:  # what was hot may be in a file that is none of these
                raise _UnusualError
            segments = [file for file in leased if isinstance(file, Segment)]
            yield _Look(self.files, self.footers, window, catalog, segments, hot, span)
        finally:
            self.files.let_go(leased)

    def _catalog(self, window: Window) -> Catalog:
        catalog = self.known.settled()
        if catalog is None or catalog.lost or catalog.removed:
            raise _UnusualError
        if catalog.retired is not None and (window.start is None or window.start < catalog.retired):
            raise _UnusualError
        return catalog

    def _leased(self, catalog: Catalog, window: Window) -> list[Segment | RollupFile]:
        """Return the files with times of a window. They are there as long as the catalog has not changed."""
        if self.known.settled() is not catalog:
            raise _UnusualError
        segments = [s for s in catalog.segments if s.level != ARCHIVE and window.meets(s.first, s.last)]
        return [*segments, *(file for s in segments for file in catalog.rolled_up.get(s.number, {}).values())]


@dataclass(frozen=True, slots=True)
class _Look:
    """What there is in a window of the series that `hot` has readings or none of; `span` is from when to when."""

    files: SegmentFiles
    footers: Footers
    window: Window
    catalog: Catalog
    segments: Sequence[Segment]
    hot: dict[str, list[Part]]
    span: tuple[datetime, datetime] | None

    def aggregated(self, selection: Selection, aggregate: str) -> dict[str, pa.Table]:
        """Return the buckets of each series, of rollups where these say the same."""
        first, last = self._extent()
        grain = grain_of(selection, first, last)
        rolled = self._rolled(grain) if grain else None
        rest = Spans.within(self.window)
        parts: dict[str, list[Partials]] = {series: [] for series in self.hot}
        if rolled is not None:
            rest -= rolled.spans
            self._add(parts, rolled, aggregate)
        for series, rows in self.readings(rest).items() if rest else ():
            parts[series].append(Partials.of_readings(rows, aggregate))
        start = Buckets(selection.step, first, last).starts_of if selection.step else self._start
        return added_up(aggregate, parts, start)

    def readings(self, times: Spans) -> dict[str, pa.Table]:
        """Return the readings of each series at some times of the window, at which all hot ones are."""
        found = {series: list(parts) for series, parts in self.hot.items()}
        files = {self.files.path(s): s.seq for s in self.segments if times.meets(s.first, s.last)}
        for path, series, rows in self._read(files, times, VALUES.names):
            found[series].append(Part.of(rows, files[path]))
        return {series: newest(parts) for series, parts in found.items()}

    def _add(self, parts: dict[str, list[Partials]], rolled: Rolled, aggregate: str) -> None:
        """Add the partials of rollups to those of each series."""
        columns = columns_for(aggregate)
        for taken in rolled.taken:
            for _, series, rows in self._read(map(self.files.rollup, taken.files), taken.times, columns):
                parts[series].append(Partials.of_rollup(rows, aggregate))

    def _read(
        self, files: Iterable[Path], times: Spans, columns: Sequence[str]
    ) -> Iterator[tuple[Path, str, pa.RecordBatch]]:
        """Yield what each of the series has at some times, file by file."""
        with _left_to_engine():
            for path, excerpt in self._excerpts(files, times, columns):
                for series, rows in excerpt.read(times):
                    yield path, series, rows

    def _excerpts(self, files: Iterable[Path], times: Spans, columns: Sequence[str]) -> list[tuple[Path, Excerpt]]:
        """Return what is to be read of each of the files."""
        found: list[tuple[Path, Excerpt]] = []
        places = rows = 0
        for path in self._few(files):
            footer = self.footers.of(path)
            slices = islice(self.footers.find(footer, self.hot, times), MOST_PLACES + 1)
            excerpt = Excerpt(footer, slices, columns)
            places, rows = places + excerpt.places, rows + excerpt.rows
            if places > MOST_PLACES or rows > MOST_ROWS:
                raise _UnusualError
            found.append((path, excerpt))
        return found

    @staticmethod
    def _few(files: Iterable[Path]) -> Sequence[Path]:
        few = list(islice(files, MOST_FILES + 1))
        if len(few) > MOST_FILES:
            raise _UnusualError
        return few

    def _rolled(self, grain: timedelta) -> Rolled | None:
        known = self.catalog.rolled_up
        bases = [(s, known[s.number]) for s in self.segments if s.level == 1 and s.number in known]
        touched = Spans.of_days(day for days in self.catalog.run_days.values() for day in days)
        if self.span is not None:
            touched |= Spans.of_days(self.span) | Spans.of([self.span])
        return roll(grain, self.window, bases, touched, (), ())

    def _extent(self) -> tuple[datetime, datetime]:
        """Return from when to when the window has readings, as far as it is open."""
        known = [self.span] if self.span else []
        known += [(s.first, s.last) for s in self.catalog.segments]
        if not known:
            raise _UnusualError
        start, end = min(first for first, _ in known), max(last for _, last in known)
        return self.window.start or start, self.window.end or end

    def _start(self, times: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.full(len(times), self.window.start, "datetime64[us]")


def _is_plain(selection: Selection, points: pa.Table) -> bool:
    if selection.downsample is not None or selection.shape != "long" or selection.fill != "none":
        return False
    if selection.aggregate is not None:
        anchored = selection.step is not None or selection.window.start is not None
        if selection.aggregate not in PLAIN or not anchored:
            return False
    return all(kind in _CARRIED for kind in points.schema.types)


def answer(selection: Selection, points: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of a selection, of what was found of each of the points, in the order of time."""
    found = [_later(rows, selection, number) for number, rows in enumerate(found)]
    numbers = pa.array(np.repeat(np.arange(len(found)), [rows.num_rows for rows in found]), pa.int64())
    carried, rows = points.drop_columns(["id"]), pa.concat_tables(found)
    columns = [*(column.take(numbers) for column in carried.columns), *rows.columns]
    table = pa.Table.from_arrays(columns, names=[*carried.column_names, *rows.column_names])
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
