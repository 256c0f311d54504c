"""The columns of readings, as they come and go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload

import pyarrow as pa

from storage.errors import InvalidReadings

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()),
    ("time", pa.timestamp("us")),
    ("value", pa.float64()),
    ("text", pa.string()),
    ("status", pa.string()),
]
SCHEMA = pa.schema(_COLUMNS)


@overload
def as_readings(rows: pa.Table) -> pa.Table: ...
@overload
def as_readings(rows: pa.RecordBatchReader) -> pa.RecordBatchReader: ...
def as_readings(rows: pa.Table | pa.RecordBatchReader) -> pa.Table | pa.RecordBatchReader:
    """Return rows with the columns of SCHEMA. Raises InvalidReadings where they are others."""
    try:
        return rows if rows.schema.equals(SCHEMA) else rows.cast(SCHEMA)
    except (ValueError, NotImplementedError) as error:
        raise InvalidReadings(f"these rows are no readings: {error}") from error


def ids_of(ids: Iterable[str]) -> pa.Table:
    """Return ids as the table that statements know as `wanted`, each once."""
    return pa.table({"id": pa.array(sorted(set(ids)), pa.string())})
