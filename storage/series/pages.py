"""Pages of Parquet files, read one by one: a few rows of a row group without unpacking the rest.

Neither Arrow nor DuckDB reads less than a row group. But pages are whole in themselves, so some of them, with the
dictionaries that they need and a footer made for them, are a Parquet file too, which Arrow then reads from memory.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.series import thrift
from storage.series.thrift import BINARY, I32, I64, LIST, STRUCT, read_struct, struct

Block = tuple[int, int]
"""Rows of a row group, from the first until before the last."""

_MAGIC = b"PAR1"
_TYPES = {"BOOLEAN": 0, "INT32": 1, "INT64": 2, "FLOAT": 4, "DOUBLE": 5, "BYTE_ARRAY": 6}
_CODECS = {"UNCOMPRESSED": 0, "SNAPPY": 1, "GZIP": 2, "ZSTD": 6, "LZ4": 7}
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_HEADERS = {_DATA: 5, _DATA_V2: 8}  # the field of a page's header that has its number of rows
_TEXT = struct((1, STRUCT, struct()))
_MICROSECONDS = struct((2, STRUCT, struct()))
_TIME = struct((8, STRUCT, struct((1, thrift.FALSE, b""), (2, STRUCT, _MICROSECONDS))))
_LOGICAL = {pa.string(): _TEXT, pa.timestamp("us"): _TIME, pa.int64(): None, pa.float64(): None, pa.bool_(): None}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its place, and its name, type and element of the schema as footers have them."""

    place: int
    name: bytes
    kind: int
    element: bytes

    @classmethod
    def of(cls, metadata: pq.FileMetaData, place: int) -> Column:
        """Return a column that is not nested. Raises ValueError for one of a type that is not read so."""
        found, arrow = metadata.schema.column(place), metadata.schema.to_arrow_schema().field(place).type
        if found.max_repetition_level or found.max_definition_level > 1 or arrow not in _LOGICAL:
            raise ValueError(f"{found.name} is of a type that is not read page by page")
        name, kind = found.name.encode(), _TYPES[found.physical_type]
        optional = (3, I32, found.max_definition_level)  # as required is 0 and optional 1
        element = struct((1, I32, kind), optional, (4, BINARY, name), (10, STRUCT, _LOGICAL[arrow]))
        return cls(place, name, kind, element)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column in a row group: how it is packed, and where its pages lie in the file.

    `rows` and `offsets` have the first row and byte of each page, and then those after the last one.
    """

    column: Column
    codec: int
    dictionary: tuple[int, int] | None  # where it begins and ends
    rows: Sequence[int]
    offsets: Sequence[int]

    @classmethod
    def read(cls, file: int, column: Column, found: pq.ColumnChunkMetaData) -> Chunk:
        """Read the headers of the pages. Raises OSError or ValueError where they are none."""
        start, first = found.data_page_offset, found.dictionary_page_offset
        start = min(start, first) if first else start
        data = os.pread(file, found.total_compressed_size, start)
        dictionary, rows, offsets, at = None, array("q", [0]), array("q"), 0
        try:
            while at < len(data):
                header, body = read_struct(data, at)
                end = body + header[3]
                if end <= at:
                    raise ValueError("a page ends before it begins")
                if header[1] in _HEADERS:
                    rows.append(rows[-1] + header[_HEADERS[header[1]]][1])
                    offsets.append(start + at)
                elif header[1] == _DICTIONARY:
                    dictionary = (start + at, start + end)
                at = end
            codec = _CODECS[found.compression]
            if rows[-1] != found.num_values:
                raise ValueError("the pages of a column have not as many rows as its row group")
        except (KeyError, TypeError) as error:
            raise ValueError(f"a page's header is none: {error}") from None
        offsets.append(start + at)
        return cls(column, codec, dictionary, rows, offsets)

    def spans(self, blocks: Iterable[Block]) -> list[tuple[int, int]]:
        """Return from where to where the bytes of the dictionary and of some rows lie: whole pages."""
        pages = ((bisect_left(self.rows, start), bisect_left(self.rows, end)) for start, end in blocks)
        needed = [(self.offsets[first], self.offsets[last]) for first, last in pages]
        return [self.dictionary, *needed] if self.dictionary else needed


Part = tuple[Sequence[Chunk], Sequence[Block]]
"""Chunks of a row group, and blocks of it that begin and end with pages of all of them."""


def in_pages(chunks: Sequence[Chunk], wanted: Iterable[Block]) -> list[Block]:
    """Return the least blocks that have all wanted rows and begin and end with pages of all the chunks, in order."""
    found: list[Block] = []
    for block in sorted(wanted):
        start, end = _widened(chunks, block)
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(end, found.pop()[1])
        found.append((start, end))
    return found


def _widened(chunks: Sequence[Chunk], block: Block) -> Block:
    while True:
        start = min(chunk.rows[bisect_right(chunk.rows, block[0]) - 1] for chunk in chunks)
        end = max(chunk.rows[bisect_left(chunk.rows, block[1])] for chunk in chunks)
        if (start, end) == block:
            return block
        block = start, end


def read_pages(file: int, parts: Sequence[Part]) -> pa.RecordBatch:
    """Return blocks of row groups, one after the other; each part has the chunks of the same columns.

    Raises OSError, ValueError or ArrowException where that is not what the file has.
    """
    data, size = [_MAGIC], len(_MAGIC)
    groups, total = [], 0
    for together in _groups(parts):
        rows = sum(end - start for _, blocks in together for start, end in blocks)
        columns = []
        for place, chunk in enumerate(together[0][0]):
            spans = [span for chunks, blocks in together for span in chunks[place].spans(blocks)]
            pieces = [os.pread(file, end - start, start) for start, end in spans]
            length = sum(map(len, pieces))
            columns.append(_chunk(chunk, rows, size, length, len(pieces[0]) if chunk.dictionary else None))
            data += pieces
            size += length
        groups.append(struct((1, LIST, (STRUCT, columns)), (2, I64, size), (3, I64, rows)))
        total += rows
    footer = _footer([chunk.column for chunk in parts[0][0]], groups, total)
    whole = b"".join([*data, footer, len(footer).to_bytes(4, "little"), _MAGIC])
    with pq.ParquetFile(pa.BufferReader(whole), pre_buffer=False) as made:
        return _batch(made.read(use_threads=False))


def _groups(parts: Sequence[Part]) -> Sequence[Sequence[Part]]:
    """Return which parts become one row group: all of them, where none needs a dictionary of its own."""
    chunks = [chunk for chunks, _ in parts for chunk in chunks]
    if any(chunk.dictionary for chunk in chunks) or len({(chunk.column, chunk.codec) for chunk in chunks}) > len(
        parts[0][0]
    ):
        return [[part] for part in parts]
    return [parts]


def _chunk(chunk: Chunk, rows: int, offset: int, size: int, dictionary: int | None) -> bytes:
    """Return what a footer says of a chunk: from where its pages go on, after a dictionary of so many bytes."""
    metadata = struct(
        (1, I32, chunk.column.kind),
        (2, LIST, (I32, ())),
        (3, LIST, (BINARY, (chunk.column.name,))),
        (4, I32, chunk.codec),
        (5, I64, rows),
        (6, I64, size),
        (7, I64, size),
        (9, I64, offset + (dictionary or 0)),
        (11, I64, None if dictionary is None else offset),
    )
    return struct((2, I64, offset), (3, STRUCT, metadata))


def _footer(columns: Sequence[Column], groups: Sequence[bytes], rows: int) -> bytes:
    root = struct((4, BINARY, b"schema"), (5, I32, len(columns)))
    schema = [root, *(column.element for column in columns)]
    return struct((1, I32, 2), (2, LIST, (STRUCT, schema)), (3, I64, rows), (4, LIST, (STRUCT, groups)))


def _batch(rows: pa.Table) -> pa.RecordBatch:
    columns: list[Any] = [c.chunk(0) if c.num_chunks == 1 else c.combine_chunks() for c in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)
