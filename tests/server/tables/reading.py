"""Reads a whole table at once, for the tests."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from server.tables.formats import TABLE_FORMATS
from server.tables.read import READINGS, ReadingsSource, ReadOptions, open_readings

Option: TypeAlias = Any  # the type of whichever field of ReadOptions it is
Json: TypeAlias = Any
Row = tuple[str, datetime, float | None, str | None, str | None]


def opened(data: bytes | str, name: str, **options: Option) -> ReadingsSource:
    """The source of a body in the format of that name."""
    raw = data.encode() if isinstance(data, str) else data
    return open_readings(io.BytesIO(raw), TABLE_FORMATS[name].media_type, ReadOptions(**options))


def table_of(source: ReadingsSource) -> pa.Table:
    """All its readings; each batch is checked against the canonical schema."""
    batches = list(source.batches())
    for batch in batches:
        assert batch.schema == READINGS
        batch.validate(full=True)
    return pa.Table.from_batches(batches, READINGS)


def rows_of(source: ReadingsSource) -> list[Row]:
    """All its readings as tuples."""
    columns = [column.to_pylist() for column in table_of(source).columns]
    return list(zip(*columns, strict=True))


def read(data: bytes | str, name: str, **options: Option) -> list[Row]:
    """The readings of a body as tuples, times naive and in UTC."""
    return rows_of(opened(data, name, **options))


def read_path(path: Path, **options: Option) -> pa.Table:
    """The readings of a file."""
    with open_readings(path, options=ReadOptions(**options)) as source:
        return table_of(source)


def utc(text: str) -> datetime:
    """An ISO time as the canonical column holds it."""
    parsed = datetime.fromisoformat(text)
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


def arrow_stream(batch: pa.RecordBatch) -> bytes:
    """A batch as an Arrow IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()
