"""Batches -> bytes, streamed: JSON, NDJSON, CSV, Arrow IPC stream and Parquet.

    json      {"columns": [{"name": ..., "type": ...}, ...], "data": [{...}, ...]}, a row an object
    ndjson    a row an object, one a line
    csv       RFC 4180: a header, CRLF, an empty cell for null and "" for empty text
    arrow     the columns as they are, times as timestamp('us', 'UTC')
    parquet   the same, zstd, row groups of up to 131,072 rows

Times are 2026-01-01T00:00:00Z, with a fraction only where there is one; doubles have the fewest digits that
read back the same. NaN and the infinities come out as null, as JSON has no word for them, unless they are asked for.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from server.tables.formats import format_of
from server.tables.plain import plain_batch, plain_schema
from server.tables.rebatch import rebatched
from server.tables.write_text import csv_bytes, json_bytes, ndjson_bytes

_Writer = Callable[[Iterator[pa.RecordBatch], pa.Schema], Iterator[bytes]]
_ROW_GROUP_ROWS = 131_072


def encode(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, media_type: str, *, exact: bool = False
) -> Iterator[bytes]:
    """The rows as bytes of the media type, in pieces of at most a few MiB; those of Arrow and Parquet may be `exact`.

    Nothing is given out before the first batch is there, so an error until then can still have its own
    answer. Raises ValueError at once when the media type is not in `TABLE_FORMATS`; what `batches` raises
    passes through. The schema has at least one column.
    """
    table_format = format_of(media_type)
    if table_format is None:
        raise ValueError(f"no table format is known as {media_type}")
    target = plain_schema(schema, exact=exact)
    plain = (plain_batch(batch, target, exact=exact) for batch in batches)
    return _encoded(plain, target, _WRITERS[table_format.name])


def _encoded(plain: Iterator[pa.RecordBatch], schema: pa.Schema, write: _Writer) -> Iterator[bytes]:
    first = next(plain, None)
    yield from write(plain if first is None else chain((first,), plain), schema)


class _Outbox(io.RawIOBase):
    """A file to write to, whose bytes are taken out as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self._waiting.append(bytes(data))
        self._written += len(self._waiting[-1])
        return len(self._waiting[-1])

    def tell(self) -> int:
        return self._written

    def taken(self) -> Iterator[bytes]:
        """What has been written since the last time, as one piece or none."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            yield b"".join(waiting)


def _arrow_bytes(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    outbox = _Outbox()
    with pa.ipc.new_stream(outbox, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield from outbox.taken()
    yield from outbox.taken()


def _parquet_bytes(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    outbox = _Outbox()
    with pq.ParquetWriter(pa.PythonFile(outbox, mode="w"), schema, compression="zstd") as writer:
        for batch in rebatched(batches, _ROW_GROUP_ROWS):
            writer.write_batch(batch)
            yield from outbox.taken()
    yield from outbox.taken()


_WRITERS: dict[str, _Writer] = {
    "json": json_bytes,
    "ndjson": ndjson_bytes,
    "csv": csv_bytes,
    "arrow": _arrow_bytes,
    "parquet": _parquet_bytes,
}
