"""What is asked of the readings, and the answer on its way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from storage.series.aggregates import Aggregate, Aggregation, is_held, looks_back
from storage.series.engine import Deadline, Stop, engine_errors
from storage.series.shapes import Fill, Filling, as_of, downsampled, wide
from storage.series.sql import Window, timestamp
from storage.series.steps import Buckets, Step

BATCH_ROWS = 65_536


Shape = Literal["long", "wide", "asof"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which readings and in what shape: raw ones, or one row a bucket with `aggregate` (and `step`).

    hold: the longest that a value holds, for aggregates that are weighed by time
    fill, fill_limit: what buckets without a value get, and how far from one
    downsample: so many raw readings a series, those that show its line best
    shape: a row a reading; or with points, a column for each of them: at equal times, or as of the first one's times,
        where the others' last values are no older than `tolerance`
    after: the row, by number of its point and time, that the page before ended with
    numbered: with points, each row's last column is the number of its point (0 for all of them side by side)
    """

    window: Window = field(default_factory=Window)
    aggregate: Aggregate | None = None
    step: Step | None = None
    hold: timedelta | None = None
    fill: Fill = "none"
    fill_limit: timedelta | None = None
    downsample: int | None = None
    shape: Shape = "long"
    tolerance: timedelta | None = None
    after: tuple[int, datetime] | None = None
    numbered: bool = False
    limit: int | None = None

    @property
    def fills_buckets(self) -> bool:
        """Tell whether buckets without readings get rows."""
        held = self.aggregate is not None and is_held(self.aggregate)
        return self.step is not None and (held or self.fill != "none")

    @property
    def looks_back(self) -> bool:
        """Tell whether the last reading before the window matters."""
        carries = self.fill == "previous" and self.aggregate == "last"
        before = carries or self.shape == "asof" or (self.aggregate is not None and looks_back(self.aggregate))
        return before and self.window.start is not None


@dataclass(frozen=True, slots=True)
class Source:
    """The relation of readings to select from, and if they matter, that of the last ones before the window.

    All of their times are from `first` to `last`; `now` ends what still holds. Where rollups help, there are
    `partials` of the readings to aggregate instead.
    """

    rows: str
    before: str | None
    first: datetime
    last: datetime
    now: datetime
    partials: str | None = None


@dataclass(slots=True)
class Rows:
    """Arrow batches on their way: iterate, and close when done, early or not.

    Of those that are in memory already, `held` says how many rows they are.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    _cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    held: int | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.batches
        finally:
            self.close()

    def read_all(self) -> pa.Table:
        """Return everything as one table."""
        return pa.Table.from_batches(list(self), self.schema)

    def then(self, call: Callable[[], None]) -> None:
        """Have something called when they are closed."""
        self._cleanup.callback(call)

    def close(self) -> None:
        """Let go of files and memory. Closing twice is fine."""
        self._cleanup.close()


def answer(
    cursor: duckdb.DuckDBPyConnection,
    source: Source,
    selection: Selection,
    points: pa.Table | None,
    deadline: Deadline | None,
    stop: Stop | None,
    cleanup: contextlib.ExitStack,
) -> Rows:
    """Start reading from `source` in the shape of the selection; `points` have been registered."""
    reader = cursor.sql(_shape(source, selection, points)).to_arrow_reader(BATCH_ROWS)
    names = _output_names(points, reader.schema.names, selection)
    schema = pa.schema([f.with_name(n) for f, n in zip(reader.schema, names, strict=True)])
    return Rows(schema, _batches(reader, names, deadline, stop), cleanup)


def _batches(
    reader: pa.RecordBatchReader, names: list[str], deadline: Deadline | None, stop: Stop | None
) -> Iterator[pa.RecordBatch]:
    with engine_errors(stop):
        for batch in reader:
            if deadline:
                deadline.check()
            yield batch.rename_columns(names)


def register(cursor: duckdb.DuckDBPyConnection, points: pa.Table) -> None:
    """Register `bindings`: k (the row's number), id and the carried columns as c0, c1, …; and its ids."""
    carried = points.drop_columns(["id"])
    bindings = carried.rename_columns([f"c{i}" for i in range(carried.num_columns)])
    bindings = bindings.append_column("id", points["id"])
    cursor.register("bindings", bindings.append_column("k", pa.array(range(points.num_rows), pa.int64())))
    cursor.register("wanted", pa.Table.from_arrays([pc.unique(points["id"])], names=["id"]))


def _shape(source: Source, selection: Selection, points: pa.Table | None) -> str:
    rows = _rows(source, selection)
    limit = f" LIMIT {selection.limit}" if selection.limit is not None else ""
    raw = selection.aggregate is None and selection.downsample is None
    values = "time, value, text, status" if raw else "time, value"
    if points is None:
        return f"SELECT id, {values} FROM ({rows}) ORDER BY id, time{limit}"
    if selection.shape != "long":
        joined = f"SELECT k, time, value FROM ({rows}) JOIN bindings USING (id)"
        side_by_side = (
            wide(joined, points.num_rows)
            if selection.shape == "wide"
            else as_of(joined, points.num_rows, selection.tolerance, selection.window)
        )
        number = ", 0 AS k" if selection.numbered else ""
        return f"SELECT *{number} FROM ({side_by_side}) WHERE {_page('', selection)} ORDER BY time{limit}"
    carried = "".join(f"c{i}, " for i in range(points.num_columns - 1))
    page, number = _page("k", selection), ", k" if selection.numbered else ""
    joined = f"({rows}) JOIN bindings USING (id)"
    return f"SELECT {carried}{values}{number} FROM {joined} WHERE {page} ORDER BY k, time{limit}"


def _rows(source: Source, selection: Selection) -> str:
    """Return the SQL for `id, time, value`, of raw readings with `text, status`."""
    if selection.downsample is not None:
        return downsampled(source.rows, selection.downsample)
    if selection.aggregate is None:
        return f"{source.rows} UNION ALL {source.before}" if source.before else source.rows
    buckets = Buckets(selection.step, source.first, source.last) if selection.step else None
    made = Aggregation(selection.aggregate, buckets, selection.window, source.now, selection.hold)
    rows = made.sql(source.rows, source.before) if source.partials is None else made.merged(source.partials)
    if buckets is None:
        return rows
    before = source.before if selection.aggregate == "last" else None  # what it was is the last value of some bucket
    return Filling(selection.fill, buckets, selection.window, selection.fill_limit).sql(rows, before)


def _page(key: str, selection: Selection) -> str:
    """Return the condition for what comes after the last page."""
    if selection.after is None:
        return "true"
    number, time = selection.after
    return f"({key}, time) > ({number}, {timestamp(time)})" if key else f"time > {timestamp(time)}"


def _output_names(points: pa.Table | None, names: list[str], selection: Selection) -> list[str]:
    if points is None or selection.shape != "long":
        return names
    carried = [column for column in points.column_names if column != "id"]
    return carried + names[len(carried) :]
