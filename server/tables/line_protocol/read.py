"""Line protocol -> batches of readings, streamed in bounded memory: a line may be 4 MiB, the whole of any size."""

from __future__ import annotations

import time
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from server.tables.blocks import BLOCK_BYTES
from server.tables.cells import first_true
from server.tables.compute import Column, filled, outside
from server.tables.errors import BadCell, BadReadings
from server.tables.line_protocol.columns import Rows, Unfit, exact_rows, merged, plain_rows
from server.tables.line_protocol.exact import BadByte, ExactRows, OpenString, read_line, skip_blank
from server.tables.line_protocol.occurring import Occurring, occurring
from server.tables.line_protocol.tokens import Lines, Offsets, lines_of
from server.tables.options import TimeUnit
from server.tables.times import TimeRules, to_utc

_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_CHUNK = 2 << 20
_MOST_COUNTS = 1 << 48  # of minutes or hours: beyond any year that we have, and far from overflow


class Body(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, and none at the end."""


@dataclass(frozen=True, slots=True)
class Precision:
    """What a time counts since 1970: so many (`factor`) of a unit."""

    unit: TimeUnit
    factor: int = 1

    @property
    def nanoseconds(self) -> int:
        """The length of one."""
        return self.factor * _NANOSECONDS[self.unit]


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings in the order of their lines. `series` are those that occur, `codes` tells which of them a row has."""

    series: Occurring
    codes: Offsets
    time: Column
    value: Column
    text: Column
    _place: _Place
    _at: Offsets

    def first_row(self, code: int) -> int:
        """Return the first row of a series."""
        return int(np.argmax(self.codes == code))

    def error(self, row: int, reason: str, hint: str = "") -> BadReadings:
        """Return the error that a row is, which names its line."""
        return self._place.error(BadByte(int(self._at[row]), reason, hint))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a block is in the body."""

    block: bytes
    lines_before: int

    def error(self, bad: BadByte) -> BadReadings:
        line = self.lines_before + self.block.count(b"\n", 0, bad.offset) + 1
        begin = self.block.rfind(b"\n", 0, bad.offset) + 1
        column = len(self.block[begin : bad.offset].decode(errors="replace")) + 1
        return BadReadings(f"line {line}, column {column}: {bad.reason}", line=line, hint=bad.hint)


def read_lines(source: Body, precision: Precision, now: int | None = None) -> Iterator[Batch]:
    """Yield the readings of a body. Lines without a time get `now` (nanoseconds since 1970), else the time it is.

    Raises BadReadings, naming line and column, after the batches before that line.
    """
    now = (time.time_ns() if now is None else now) // precision.nanoseconds
    rest, lines_before, final = source.read(len(BOM_UTF8)).removeprefix(BOM_UTF8), 0, False
    while not final:
        data = source.read(_CHUNK)
        final = not data
        text = rest + data
        if final and text:
            text += b"\n"
        place = _Place(text[: text.rfind(b"\n") + 1], lines_before)
        batch, end = _read_place(place, precision, now, final)
        if batch is not None:
            yield batch
        rest = text[end:]
        lines_before += text.count(b"\n", 0, end)
        if len(rest) > BLOCK_BYTES:
            raise BadReadings(
                f"line {lines_before + 1} is longer than {BLOCK_BYTES >> 20} MiB", line=lines_before + 1
            )


def _read_place(place: _Place, precision: Precision, now: int, final: bool) -> tuple[Batch | None, int]:
    """Return the readings of a block, None where it has none, and the offset that the next block begins at."""
    if not place.block:
        return None, 0
    try:
        rows, end = _read_block(place.block, final)
        return _batch(rows, precision, now, place) if len(rows.at) else None, end
    except BadByte as bad:
        raise place.error(bad) from None


def _read_block(block: bytes, final: bool) -> tuple[Rows, int]:
    """Return the readings of a block of lines, and where one begins that the next block goes on with.

    Raises BadByte for the first line that is wrong.
    """
    try:
        block.decode()
        return read_quickly(block, final)
    except (Unfit, BadByte, UnicodeDecodeError):
        return read_exactly(block, final)


def read_quickly(block: bytes, final: bool) -> tuple[Rows, int]:
    """Read plain lines at once and odd ones each. Raises BadByte or Unfit for any line that is wrong."""
    lines = lines_of(block)
    odd, end = _read_odd(block, lines, final)
    plain = plain_rows(block, lines)
    return (merged(plain, exact_rows(odd)) if odd.at else plain), end


def _read_odd(block: bytes, lines: Lines, final: bool) -> tuple[ExactRows, int]:
    """Read the odd lines; what a string of theirs swallows is neither odd nor plain any more."""
    rows, end = ExactRows(), 0
    for index in np.flatnonzero(lines.odd).tolist():
        start = int(lines.start[index])
        if start < end or skip_blank(block, start) is not None:
            continue
        try:
            end = read_line(block, start, rows)
        except OpenString as string:
            _require_more(string, final)
            lines.plain[index:] = False
            return rows, start
        lines.plain[index : np.searchsorted(lines.start, end)] = False
    return rows, len(block)


def read_exactly(block: bytes, final: bool) -> tuple[Rows, int]:
    """Read all lines one by one. Raises BadByte for the first that is wrong."""
    rows, at = ExactRows(), 0
    while at < len(block):
        try:
            at = skip_blank(block, at) or read_line(block, at, rows)
        except OpenString as string:
            _require_more(string, final)
            break
    return exact_rows(rows), at


def _require_more(string: OpenString, final: bool) -> None:
    if final:
        raise BadByte(string.offset, "the string is not closed") from None


def _batch(rows: Rows, precision: Precision, now: int, place: _Place) -> Batch:
    series, codes = occurring(rows)
    return Batch(series, codes, _utc(rows, precision, now), rows.value, rows.text, place, rows.at)


def _utc(rows: Rows, precision: Precision, now: int) -> Column:
    counts = filled(rows.time, now)
    try:
        if precision.factor > 1:
            counts = _multiplied(counts, precision.factor)
        return to_utc(counts, "the time", TimeRules(unit=precision.unit)).column
    except BadCell as bad:
        raise BadByte(int(rows.at[bad.offset]), bad.reason, bad.hint) from None


def _multiplied(counts: Column, factor: int) -> Column:
    beyond = first_true(outside(counts, -_MOST_COUNTS, _MOST_COUNTS))
    if beyond is not None:
        raise BadCell(beyond, f"the time {counts[beyond]} is outside the years 1 to 9999")
    multiplied: Column = pa.array(counts.to_numpy() * factor)
    return multiplied
