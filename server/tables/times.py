"""Columns of times -> timestamp('us') without a zone, meaning UTC.

Text is ISO 8601 / RFC 3339: a date, or a date, "T" or a space, and a time of day to the minute, second or
fraction (to the nanosecond, cut to the microsecond), with Z, an offset or neither. Times with neither are in
the zone of the options; of a local time that comes twice when the clocks go back the earlier is taken, and
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.tables.cells import decoded, first_bad, first_true
from server.tables.compute import (
    Column,
    assume_timezone,
    blanked,
    choose,
    count_true,
    equals,
    floored,
    has_length,
    join,
    outside,
)
from server.tables.errors import BadCell, shown
from server.tables.options import TimeUnit

TIME = pa.timestamp("us")
_ZONED = pa.timestamp("us", "UTC")
Counts: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999, in us since 1970
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_PARTS = (
    r"^\s*(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<clock>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<fraction>\d{1,6})\d*)?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?\s*$"
)


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How times are read: the zone of those without an offset, the unit of those given as numbers."""

    zone: str | None = None
    unit: TimeUnit | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """`column`: timestamp('us') in UTC, null where the cell was; `ambiguous`: how many came twice."""

    column: Column
    ambiguous: int = 0


def to_utc(column: Column, name: str, rules: TimeRules) -> Times:
    """The times of a column of any type that can hold them.

    Raises BadCell, naming the cell, for what is no time, lies outside the years 1 to 9999, falls into the
    hour that the clocks skip, or is a number although no unit is given.
    """
    plain = _plain(column, name)
    if pa.types.is_string(plain.type):
        times = _from_text(plain, name, rules)
    elif pa.types.is_timestamp(plain.type) or pa.types.is_date(plain.type):
        times = _from_timestamps(plain, name, rules)
    elif pa.types.is_integer(plain.type) or pa.types.is_floating(plain.type):
        times = Times(_from_numbers(plain, name, rules.unit))
    elif pa.types.is_null(plain.type):
        times = Times(plain.cast(TIME))
    else:
        raise BadCell(0, f"{name} is of type {plain.type}, not a time", column=name)
    _check_range(times.column, name)
    return times


def _plain(column: Column, name: str) -> Column:
    try:
        return decoded(column)
    except pa.ArrowInvalid:
        raise BadCell(first_bad(column, decoded), f"{name} is not UTF-8 text", column=name) from None


def _from_text(cells: Column, name: str, rules: TimeRules) -> Times:
    for parse in (partial(_counted, name), _zoned, _naive, _zoned_to_ns, _naive_to_ns, _mixed):
        try:
            return parse(cells, rules)
        except pa.ArrowInvalid:
            continue
    raise _why(cells, first_bad(cells, lambda part: _counts_or_dates(part, name, rules)), name, rules)


def _counted(name: str, cells: Column, rules: TimeRules) -> Times:
    """Numbers, where a unit is given; otherwise they are none."""
    if rules.unit is None:
        raise pa.ArrowInvalid("no unit is given")
    return Times(_from_numbers(_as_numbers(cells), name, rules.unit))


def _counts_or_dates(cells: Column, name: str, rules: TimeRules) -> Times:
    try:
        return _counted(name, cells, rules)
    except pa.ArrowInvalid:
        return _mixed(cells, rules)


def _as_numbers(cells: Column) -> Column:
    try:
        return cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return cells.cast(pa.float64())


def _zoned(cells: Column, _rules: TimeRules) -> Times:
    return Times(cells.cast(_ZONED).cast(TIME))


def _naive(cells: Column, rules: TimeRules) -> Times:
    return _localised(cells.cast(TIME), rules.zone)


def _zoned_to_ns(cells: Column, _rules: TimeRules) -> Times:
    return Times(_microseconds(cells.cast(pa.timestamp("ns", "UTC"))))


def _naive_to_ns(cells: Column, rules: TimeRules) -> Times:
    return _localised(_microseconds(cells.cast(pa.timestamp("ns"))), rules.zone)


def _mixed(cells: Column, rules: TimeRules) -> Times:
    """Each cell taken apart: slower, but any form. Raises pa.ArrowInvalid when one has none of them."""
    parts = pc.extract_regex(cells, pattern=_PARTS)
    if parts.null_count > cells.null_count:
        raise pa.ArrowInvalid("a cell is no time")
    date, clock, fraction, zone = (pc.struct_field(parts, part) for part in ("date", "clock", "fraction", "zone"))
    clock = choose(equals(clock, ""), "00:00:00", clock)
    clock = choose(has_length(clock, 5), join(clock, ":00"), clock)
    local = join(date, "T", clock, ".", pc.utf8_rpad(fraction, 6, padding="0"))
    offset = choose(pc.match_substring_regex(zone, r"^.\d"), zone, "Z")
    offset = choose(has_length(offset, 3), join(offset, ":00"), offset)
    is_local = equals(zone, "")
    with_zone = join(local, offset).cast(_ZONED).cast(TIME)
    naive = blanked(pc.invert(is_local), local.cast(TIME))
    times = _localised(naive, rules.zone)
    return Times(choose(is_local, times.column, with_zone), times.ambiguous)


def _localised(naive: Column, zone: str | None) -> Times:
    """Wall clock times of the zone in UTC. Raises pa.ArrowInvalid for one that the clocks skip."""
    if zone is None or zone == "UTC":
        return Times(naive)
    earliest = assume_timezone(naive, zone, "earliest").view(TIME)
    twice = pc.not_equal(earliest, assume_timezone(naive, zone, "latest").view(TIME))
    return Times(earliest, count_true(twice))


def _from_timestamps(column: Column, name: str, rules: TimeRules) -> Times:
    is_utc = pa.types.is_timestamp(column.type) and column.type.tz is not None
    try:
        exact = _microseconds(column)
        return Times(exact) if is_utc else _localised(exact, rules.zone)
    except pa.ArrowInvalid:
        offset = first_bad(column, lambda part: _localised(_microseconds(part), rules.zone))
    raise _why(column, offset, name, rules)


def _microseconds(column: Column) -> Column:
    """Dates and timestamps of any unit, cut to the microsecond. Raises pa.ArrowInvalid on overflow."""
    if pa.types.is_timestamp(column.type):
        column = column.view(pa.timestamp(column.type.unit))
        if column.type.unit == "ns":
            column = floored(column, "microsecond")
    return column.cast(TIME)


def _from_numbers(column: Column, name: str, unit: TimeUnit | None) -> Column:
    if unit is None:
        offset = first_true(pc.is_valid(column)) or 0
        raise BadCell(offset, f"{name} {column[offset]} is a number", column=name, hint=_UNIT_HINT)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    counts = column.fill_null(0).to_numpy(zero_copy_only=False)
    seconds = counts / _PER_SECOND[unit]
    wrong = ~((seconds >= _FIRST / 1e6) & (seconds <= _LAST / 1e6))
    if wrong.any():
        offset = int(wrong.argmax())
        raise BadCell(offset, f"{name} {column[offset]} is outside the years 1 to 9999", column=name)
    return pa.array(_scaled(counts, unit), TIME, mask=~known)


_UNIT_HINT = "say what it counts since 1970 with time_unit: s, ms, us or ns"


def _scaled(counts: Counts, unit: TimeUnit) -> Counts:
    """Counts of the unit as int64 microseconds."""
    if unit == "ns":
        return np.floor_divide(counts, 1_000).astype(np.int64)
    factor = 1_000_000 // _PER_SECOND[unit]
    exact: Counts = counts.astype(np.int64) * factor
    if counts.dtype.kind == "f":
        return np.round(counts * factor).astype(np.int64)
    return exact


def _check_range(times: Column, name: str) -> None:
    counts = times.view(pa.int64())
    offset = first_true(outside(counts, _FIRST, _LAST))
    if offset is not None:
        raise BadCell(offset, f"{name} is outside the years 1 to 9999", column=name)


def _why(cells: Column, offset: int, name: str, rules: TimeRules) -> BadCell:
    """The error for a cell that is known to be bad."""
    cell = cells.slice(offset, 1)
    text = shown(cell[0] if cell.type == pa.string() else cell.cast(pa.string())[0])
    if rules.zone is not None and _is_good(cell):
        reason = f"{name} {text} does not exist in {rules.zone}: the clocks skip it"
        return BadCell(offset, reason, column=name)
    is_digits = text.strip('"').lstrip("-").replace(".", "", 1).isdigit()
    hint = _UNIT_HINT if is_digits and rules.unit is None else "write 2026-01-31T12:00:00Z (ISO 8601)"
    return BadCell(offset, f"{name} {text} is not a date and time", column=name, hint=hint)


def _is_good(cell: Column) -> bool:
    """Whether the cell is a time when the zone does not matter."""
    try:
        _mixed(cell, TimeRules()) if cell.type == pa.string() else _microseconds(cell)
    except pa.ArrowInvalid:
        return False
    return True
