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
ENCODED = pa.schema([("id", pa.dictionary(pa.int32(), pa.string())), *_COLUMNS[1:]])
"""The same with the ids as a dictionary: rows then cost no text."""


@overload
def as_readings(rows: pa.Table) -> pa.Table: ...
@overload
def as_readings(rows: pa.RecordBatchReader) -> pa.RecordBatchReader: ...
def as_readings(rows: pa.Table | pa.RecordBatchReader) -> pa.Table | pa.RecordBatchReader:
    """Return rows with the columns of SCHEMA or ENCODED. Raises InvalidReadings where they are others."""
    try:
        return rows if rows.schema in (SCHEMA, ENCODED) else rows.cast(SCHEMA)
    except (ValueError, NotImplementedError) as error:
        raise InvalidReadings(f"these rows are no readings: {error}") from error


def encoded(rows: pa.Table) -> pa.Table:
    """Return rows of SCHEMA as ENCODED has them; their order stays."""
    if pa.types.is_dictionary(rows.schema.field("id").type):
        return rows
    return rows.set_column(0, "id", rows.column("id").dictionary_encode())


def ids_of(ids: Iterable[str]) -> pa.Table:
    """Return ids as the table that statements know as `wanted`, each once."""
    return pa.table({"id": pa.array(sorted(set(ids)), pa.string())})
