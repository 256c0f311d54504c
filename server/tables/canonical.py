"""Pieces of a source table, long or wide -> canonical batches of readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.tables.cells import (
    decoded,
    first_true,
    is_number,
    is_numeric,
    numbers,
    numbers_in_text,
    text_of,
)
from server.tables.compute import Column, blanked, choose, coalesce, equals
from server.tables.errors import BadCell
from server.tables.options import Roles
from server.tables.times import TIME, TimeRules, to_utc

_FIELDS: list[pa.Field[Any]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("time", TIME, nullable=False),
    pa.field("value", pa.float64()),
    pa.field("text", pa.string()),
    pa.field("status", pa.string()),
]
READINGS = pa.schema(_FIELDS)
"""The canonical readings. `time` is UTC; exactly one of `value` and `text` is not null in a row."""


@dataclass(slots=True)
class Tally:
    """What has been read so far; see `ReadingsSource`."""

    rows_read: int = 0
    rows_missing: int = 0
    readings: int = 0
    ambiguous_times: int = 0
    series: dict[str, bool] = field(default_factory=dict)  # of a wide table, in its order: False when ignored


@dataclass(frozen=True, slots=True)
class Cells:
    """How the cells of a source are read.

    `typed`: text is text; otherwise (CSV) a value column of text holds numbers, and empty text is no text.
    """

    roles: Roles
    times: TimeRules
    missing: Column
    typed: bool = True
    decimal_comma: bool = False

    def numbers(self, column: Column, name: str) -> Column:
        """Doubles out of a column of numbers, of text or of nothing. Raises BadCell."""
        if is_number(column.type):
            return numbers(column, name)
        if pa.types.is_string(column.type):
            return numbers_in_text(column, name, self.missing, self.decimal_comma)
        if pa.types.is_null(column.type):
            return column.cast(pa.float64())
        raise BadCell(0, f"{name} is of type {column.type}, not a number", column=name)


def long_batches(piece: pa.RecordBatch, cells: Cells, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The canonical batch of a piece with a row per reading. Raises BadCell."""
    roles = cells.roles
    times = to_utc(piece.column(roles.time), roles.time, cells.times)
    values, text = _values_and_text(piece, cells)
    present = pc.or_(pc.is_valid(values), pc.is_valid(text))
    ids = text_of(piece.column(roles.id or ""), roles.id or "")
    _check_present(ids, roles.id or "", present, empty_is_missing=True)
    _check_present(times.column, roles.time, present)
    status = _blank_as_null(_optional_text(piece, roles.status))
    columns = [ids, times.column, values, text, status]
    batch = pa.RecordBatch.from_arrays(columns, schema=READINGS)
    kept = batch if pc.all(present).as_py() else batch.filter(present)
    _count(tally, piece.num_rows, piece.num_rows - kept.num_rows, times.ambiguous)
    yield kept


def _values_and_text(piece: pa.RecordBatch, cells: Cells) -> tuple[Column, Column]:
    """The value and the text column of a long piece, never both in a row. Raises BadCell."""
    text = _optional_text(piece, cells.roles.text)
    if not cells.typed:
        text = _blank_as_null(text)
    if cells.roles.value is None:
        return pa.nulls(len(text), pa.float64()), text
    source = decoded(piece.column(cells.roles.value))
    if cells.typed and pa.types.is_string(source.type):
        return pa.nulls(len(text), pa.float64()), _either(text, _text_values(source, cells), cells)
    values = cells.numbers(source, cells.roles.value)
    _check_one(values, text, cells)
    return values, text


def _text_values(source: Column, cells: Cells) -> Column:
    return blanked(pc.is_in(source, value_set=cells.missing), source)


def _either(text: Column, other: Column, cells: Cells) -> Column:
    _check_one(other, text, cells)
    return coalesce(text, other)


def _check_one(values: Column, text: Column, cells: Cells) -> None:
    both = first_true(pc.and_(pc.is_valid(values), pc.is_valid(text)))
    if both is not None:
        raise BadCell(both, "has both a value and a text", column=cells.roles.text)


def _optional_text(piece: pa.RecordBatch, name: str | None) -> Column:
    return pa.nulls(piece.num_rows, pa.string()) if name is None else text_of(piece.column(name), name)


def _blank_as_null(text: Column) -> Column:
    if text.null_count == len(text):
        return text
    return choose(equals(text, ""), pa.nulls(len(text), pa.string()), text)


def _check_present(column: Column, name: str, present: Column, empty_is_missing: bool = False) -> None:
    """Raises BadCell for the first row that has a reading but nothing in this column."""
    absent = pc.is_null(column)
    if empty_is_missing:
        absent = pc.or_kleene(absent, equals(column, ""))
    offset = first_true(pc.and_(absent, present))
    if offset is not None:
        raise BadCell(offset, f"has no {name}", column=name)


def wide_batches(piece: pa.RecordBatch, cells: Cells, tally: Tally) -> Iterator[pa.RecordBatch]:
    """A canonical batch for each series of a piece with a column per series.

    A column is a series when its first cell that is not missing is a number or a boolean; later cells must
    then be numbers too. Others are ignored and noted in the tally. Raises BadCell.
    """
    roles = cells.roles
    times = to_utc(piece.column(roles.time), roles.time, cells.times)
    _count(tally, piece.num_rows, 0, times.ambiguous)
    for name in [name for name in piece.schema.names if name != roles.time]:
        column = decoded(piece.column(name))
        if name not in tally.series:
            _settle(name, column, cells, tally)
        if tally.series.get(name):
            yield _melted(name, times.column, cells.numbers(column, name), cells, tally)
        elif name not in tally.series:
            tally.rows_missing += piece.num_rows


def _settle(name: str, column: Column, cells: Cells, tally: Tally) -> None:
    """Notes whether the column is a series, as soon as it has a cell that tells."""
    if not pa.types.is_string(column.type):
        if not pa.types.is_null(column.type):
            tally.series[name] = is_number(column.type)
        return
    trimmed = pc.utf8_trim_whitespace(column)
    first = first_true(pc.and_(pc.is_valid(column), pc.invert(pc.is_in(trimmed, value_set=cells.missing))))
    if first is not None:
        tally.series[name] = is_numeric(column.slice(first, 1), cells.missing, cells.decimal_comma)


def _melted(name: str, times: Column, values: Column, cells: Cells, tally: Tally) -> pa.RecordBatch:
    present = pc.is_valid(values)
    _check_present(times, cells.roles.time, present)
    ids = pa.repeat(pa.scalar(name), len(values))
    absent = pa.nulls(len(values), pa.string())
    batch = pa.RecordBatch.from_arrays([ids, times, values, absent, absent], schema=READINGS)
    tally.rows_missing += values.null_count
    return batch.filter(present) if values.null_count else batch


def _count(tally: Tally, rows: int, missing: int, ambiguous: int) -> None:
    tally.rows_read += rows
    tally.rows_missing += missing
    tally.ambiguous_times += ambiguous
