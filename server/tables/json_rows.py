"""Readings as JSON objects: an array of them, `{"readings": [...]}`, or one a line (NDJSON).

An object has an id, a time, and a value or a text, and may have a status; other members are ignored. A
number or a boolean is a value, a string a text (unless it is one of the "no reading" cells), null no
reading. A JSON array is read at once and may be 64 MiB; NDJSON has no limit but 4 MiB a line.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.json as pa_json

from server.tables.blocks import blocks, utf8_error
from server.tables.errors import BadCell, BadReadings
from server.tables.json_cells import columns_of
from server.tables.options import ReadOptions, Roles
from server.tables.sources import Piece

MAX_JSON_BYTES = 64 << 20
_ROWS = 65_536
_OPTIONAL = ("value", "text", "status")


class JsonTable:
    """A JSON document: parsed, and may raise BadReadings, when the table is made."""

    typed, decimal_comma = True, False

    def __init__(self, source: BinaryIO, options: ReadOptions) -> None:
        data = source.read(MAX_JSON_BYTES + 1)
        if len(data) > MAX_JSON_BYTES:
            limit = f"the JSON document is larger than {MAX_JSON_BYTES >> 20} MiB"
            raise BadReadings(limit, hint="send it as NDJSON, one object a line")
        self._objects = _readings_of(_parsed(data))
        self._missing = frozenset(options.missing)
        self.columns = _members(self._objects[0] if self._objects else {"id": 0, "time": 0})
        self.bytes_read = len(data)

    def pieces(self, roles: Roles) -> Iterator[Piece]:
        _refuse_wide(roles)
        for start in range(0, len(self._objects), _ROWS):
            yield _piece(self._objects[start : start + _ROWS], roles, self._missing, start)


class NdjsonTable:
    """JSON objects, one a line. The first is read, and may raise BadReadings, when the table is made."""

    typed, decimal_comma = True, False

    def __init__(self, source: BinaryIO, options: ReadOptions) -> None:
        self._blocks = blocks(source)
        self._first = next(self._blocks, b"").removeprefix(b"\xef\xbb\xbf")
        self._missing = frozenset(options.missing)
        self._rows, self._line = 0, 0
        first = next(_objects_in(self._first, 0, 0), None)
        self.columns = _members({"id": 0, "time": 0} if first is None else first[1])
        self.bytes_read = 0

    def pieces(self, roles: Roles) -> Iterator[Piece]:
        _refuse_wide(roles)
        yield from self._pieces_of(self._first, roles)
        for block in self._blocks:
            yield from self._pieces_of(block, roles)

    def _pieces_of(self, block: bytes, roles: Roles) -> Iterator[Piece]:
        """By pyarrow where the objects are plain, otherwise one by one, which also finds what is wrong."""
        self.bytes_read += len(block)
        fast = _fast(block, roles)
        for piece in [Piece(fast, self._line_of(block))] if fast else self._slow(block, roles):
            self._rows += piece.rows.num_rows
            yield piece
        self._line += block.count(b"\n")

    def _slow(self, block: bytes, roles: Roles) -> Iterator[Piece]:
        objects = [found for _, found in _objects_in(block, self._rows, self._line)]
        if objects:
            piece = _piece(objects, roles, self._missing, self._rows, self._line_of(block))
            yield Piece(piece.rows, self._line_of(block))

    def _line_of(self, block: bytes) -> Callable[[int], int | None]:
        start = self._line

        def line_of(row: int) -> int | None:
            filled = (number for number, line in enumerate(block.split(b"\n"), start + 1) if line.strip())
            return next((number for index, number in enumerate(filled) if index == row), None)

        return line_of


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadReadings("not UTF-8 text", line=data.count(b"\n", 0, error.start) + 1) from None
    except json.JSONDecodeError as error:
        raise BadReadings(f"not JSON: {error}", line=error.lineno) from None
    except (RecursionError, ValueError):  # nested too deep; a number of thousands of digits
        raise BadReadings("not JSON that can be read: too deep or too long a number") from None


def _readings_of(document: Any) -> list[Any]:  # noqa: ANN401 - JSON
    rows = document.get("readings") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise BadReadings('not an array of readings, nor {"readings": [...]}')
    for row, found in enumerate(rows, 1):
        if not isinstance(found, dict):
            raise BadReadings("is not an object", row=row)
    return rows


def _members(first: dict[str, Any]) -> tuple[str, ...]:
    """The members of the first object, and the optional ones, which only later objects may have."""
    return (*first, *(name for name in _OPTIONAL if name not in first))


def _refuse_wide(roles: Roles) -> None:
    if roles.wide:
        raise BadReadings("JSON readings need an id", hint='each is {"id": ..., "time": ..., "value": ...}')


def _objects_in(block: bytes, rows: int, lines: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a block with their lines, given the rows and lines before it. Raises BadReadings."""
    row = rows
    for number, line in enumerate(block.split(b"\n"), lines + 1):
        if line.strip():
            row += 1
            try:
                found = _parsed(line)
            except BadReadings as error:
                raise BadReadings(error.reason, row=row, line=number) from None
            if not isinstance(found, dict):
                raise BadReadings("is not an object", row=row, line=number)
            yield number, found


def _fast(block: bytes, roles: Roles) -> pa.RecordBatch | None:
    """The rows of a block when every value is a number and every line one object; otherwise None."""
    schema = pa.schema([(name, pa.float64() if name == roles.value else pa.string()) for name in roles.named])
    parse = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    read = pa_json.ReadOptions(block_size=len(block) + 1, use_threads=False)
    try:
        table = pa_json.read_json(io.BytesIO(block), read_options=read, parse_options=parse)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    if table.num_rows != lines or utf8_error(block) is not None:
        return None
    return table.select(roles.named).combine_chunks().to_batches()[0]


def _piece(
    objects: list[dict[str, Any]],
    roles: Roles,
    missing: frozenset[str],
    rows: int,
    line_of: Callable[[int], int | None] | None = None,
) -> Piece:
    """The objects as columns. Raises BadReadings naming the row."""
    try:
        columns = columns_of(objects, roles, missing)
    except BadCell as error:
        raise error.at(rows, line_of(error.offset) if line_of else None) from None
    return Piece(pa.RecordBatch.from_pydict(columns))
