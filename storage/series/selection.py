"""What is asked of the readings, and the answer on its way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from storage.series.engine import Deadline, engine_errors
from storage.series.sql import Aggregate, Fill, Step, Window, aggregated, filled, wide

BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Selection:
    """Which readings and in what shape: raw ones, or one row a bucket with `aggregate` (and `step`)."""

    window: Window = field(default_factory=Window)
    aggregate: Aggregate | None = None
    step: Step | None = None
    fill: Fill = "none"
    wide: bool = False
    limit: int | None = None


@dataclass(slots=True)
class Rows:
    """Arrow batches on their way: iterate, and close when done, early or not."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    _cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.batches
        finally:
            self.close()

    def read_all(self) -> pa.Table:
        """Return everything as one table."""
        return pa.Table.from_batches(list(self), self.schema)

    def close(self) -> None:
        """Let go of files and memory. Closing twice is fine."""
        self._cleanup.close()


def answer(
    cursor: duckdb.DuckDBPyConnection,
    rows: str,
    selection: Selection,
    points: pa.Table | None,
    deadline: Deadline | None,
    cleanup: contextlib.ExitStack,
) -> Rows:
    """Start reading the relation `rows` in the shape of the selection; `points` have been registered."""
    reader = cursor.sql(_shape(rows, selection, points)).to_arrow_reader(BATCH_ROWS)
    names = _output_names(points, reader.schema.names, selection)
    schema = pa.schema([f.with_name(n) for f, n in zip(reader.schema, names, strict=True)])
    return Rows(schema, _batches(reader, names, deadline), cleanup)


def _batches(reader: pa.RecordBatchReader, names: list[str], deadline: Deadline | None) -> Iterator[pa.RecordBatch]:
    with engine_errors():
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
    cursor.register("wanted", points.select(["id"]).group_by("id").aggregate([]))


def _shape(rows: str, selection: Selection, points: pa.Table | None) -> str:
    raw = selection.aggregate is None
    if selection.aggregate:
        rows = aggregated(rows, selection.aggregate, selection.step, selection.window)
        if selection.step:
            rows = filled(rows, selection.fill, selection.step, selection.window)
    values = "time, value, text, status" if raw else "time, value"
    limit = f" LIMIT {selection.limit}" if selection.limit is not None else ""
    if points is None:
        return f"SELECT id, {values} FROM ({rows}) ORDER BY id, time{limit}"
    if selection.wide:
        joined = f"SELECT k, time, value FROM ({rows}) JOIN bindings USING (id)"
        return wide(joined, points.num_rows) + limit
    carried = "".join(f"c{i}, " for i in range(points.num_columns - 1))
    return f"SELECT {carried}{values} FROM ({rows}) JOIN bindings USING (id) ORDER BY k, time{limit}"


def _output_names(points: pa.Table | None, names: list[str], selection: Selection) -> list[str]:
    if points is None or selection.wide:
        return names
    carried = [column for column in points.column_names if column != "id"]
    return carried + names[len(carried) :]
