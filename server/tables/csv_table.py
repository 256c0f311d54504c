"""CSV (RFC 4180; also with ";" or tabs) in pieces whose columns are all text.

UTF-8, with or without a byte order mark; lines end in LF or CRLF; the first line names the columns. Limits:
a line of 4 MiB, 10,000 columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pc_csv

from server.tables.blocks import BLOCK_BYTES, blocks, utf8_error
from server.tables.errors import BadReadings
from server.tables.options import ReadOptions, Roles
from server.tables.sources import Piece

MAX_COLUMNS = 10_000
_DELIMITERS = (",", ";", "\t")


class CsvTable:
    """The header is read, and may raise BadReadings, when the table is made."""

    typed = False

    def __init__(self, source: BinaryIO, options: ReadOptions) -> None:
        self._blocks = blocks(source, quoted=True)
        first = next(self._blocks, b"").removeprefix(b"\xef\xbb\xbf")
        header, self._first = _split_header(first)
        self._line = first.count(b"\n", 0, len(first) - len(self._first))
        self._delimiter = options.delimiter or _guess_delimiter(header)
        self.decimal_comma = self._delimiter == ";"
        self.columns = _column_names(header, self._delimiter)
        self.bytes_read = 0

    def pieces(self, roles: Roles) -> Iterator[Piece]:
        wanted = list(self.columns) if roles.wide else roles.named
        yield from self._pieces_of(self._first, wanted)
        for block in self._blocks:
            yield from self._pieces_of(block, wanted)

    def _pieces_of(self, block: bytes, wanted: list[str]) -> Iterator[Piece]:
        self.bytes_read += len(block)
        start = self._line
        if block.strip():
            for rows, offset in self._parsed(block, wanted):
                yield Piece(rows, partial(self._line_of, block, start, offset))
        self._line += block.count(b"\n")

    def _parsed(self, block: bytes, wanted: list[str]) -> Iterator[tuple[pa.RecordBatch, int]]:
        """The batches of a block, each with the rows before it in the block."""
        try:
            table = pc_csv.read_csv(
                io.BytesIO(block),
                pc_csv.ReadOptions(column_names=list(self.columns), block_size=BLOCK_BYTES // 2),
                pc_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=b'"' in block),
                _all_text(self.columns, wanted),
            )
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise self._why(block, str(error)) from None
        offset = 0
        for rows in table.to_batches():
            yield rows, offset
            offset += rows.num_rows

    def _why(self, block: bytes, reason: str) -> BadReadings:
        """The error for a block that the parser refused."""
        line = utf8_error(block)
        if line is not None:
            return BadReadings("not UTF-8 text", line=self._line + line + 1, hint="save the file as UTF-8")
        for number, cells in self._rows(block):
            if len(cells) != len(self.columns):
                counts = f"{len(cells)} cells, but the header has {len(self.columns)}"
                return BadReadings(f"line {self._line + number} has {counts}", line=self._line + number)
        return BadReadings(f"not CSV: {reason[:200]}")

    def _rows(self, block: bytes) -> Iterator[tuple[int, list[str]]]:
        """The rows of a block, each with the line (from 1) of the block that it ends on."""
        reader = csv.reader(io.StringIO(block.decode(errors="replace"), newline=""), delimiter=self._delimiter)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except csv.Error:  # a cell too long for this reader: then the line stays unknown
            return

    def _line_of(self, block: bytes, lines_before: int, rows_before: int, row: int) -> int | None:
        found = (number for index, (number, _) in enumerate(self._rows(block)) if index == rows_before + row)
        number = next(found, None)
        return None if number is None else lines_before + number


def _all_text(columns: tuple[str, ...], wanted: list[str]) -> pc_csv.ConvertOptions:
    return pc_csv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        strings_can_be_null=False,
        include_columns=wanted,
    )


def _split_header(block: bytes) -> tuple[str, bytes]:
    """The header line as text, and what follows it. Raises BadReadings when there is none."""
    end = 0
    while not (header := block[:end]).strip() or header.count(b'"') % 2:
        next_end = block.find(b"\n", end) + 1
        if next_end == 0:
            header, next_end = block, len(block)
            end = next_end
            break
        end = next_end
    header = block[:end].strip(b"\r\n")
    if not header.strip():
        raise BadReadings("the file is empty", hint="the first line names the columns")
    if b"\r" in header:
        raise BadReadings("the lines end in CR alone", hint="save the file with LF or CRLF line ends")
    try:
        return header.decode(), block[end:]
    except UnicodeDecodeError:
        raise BadReadings("not UTF-8 text", line=1, hint="save the file as UTF-8") from None


def _guess_delimiter(header: str) -> str:
    """The delimiter that the header has most of, outside quotes; the comma where there is none."""
    unquoted = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


def _column_names(header: str, delimiter: str) -> tuple[str, ...]:
    try:
        names = tuple(name.strip() for name in next(csv.reader([header], delimiter=delimiter)))
    except (csv.Error, TypeError, ValueError) as error:  # the last two: a delimiter that is not one character
        raise BadReadings(f"the first line does not name columns: {error}", line=1) from None
    if len(names) > MAX_COLUMNS:
        raise BadReadings(f"{len(names)} columns, but at most {MAX_COLUMNS} are read", line=1)
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise BadReadings(f'two columns are named "{twice[:60]}"', line=1, column=twice)
    return names
