"""Result batches made plain: the few types that every format can hold, nothing that one of them cannot say.

Dictionaries are decoded, UUIDs become text, timestamps microseconds in UTC, numbers that are not finite
null.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.tables.cells import decoded, uuid_text
from server.tables.compute import Column, blanked, filled

_UTC = pa.timestamp("us", "UTC")


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema that `plain_batch` gives its batches."""
    fields: list[pa.Field[Any]] = [pa.field(field.name, _plain_type(field.type)) for field in schema]
    return pa.schema(fields)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.DictionaryType):
        return _plain_type(kind.value_type)
    if isinstance(kind, pa.UuidType) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return _UTC
    return pa.float64() if pa.types.is_floating(kind) else kind


def plain_batch(batch: pa.RecordBatch, schema: pa.Schema, *, finite: bool = True) -> pa.RecordBatch:
    """The batch in the schema of `plain_schema`. Raises pa.ArrowInvalid when a column does not fit it.

    Where it need not be `finite`, NaN and the infinities stay.
    """
    columns = [_plain(batch.column(index), field.type, finite=finite) for index, field in enumerate(schema)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(column: Column, kind: pa.DataType, *, finite: bool) -> Column:
    is_uuid = isinstance(column.type, pa.UuidType)
    column = decoded(column)
    if is_uuid:
        return uuid_text(column)
    if pa.types.is_timestamp(column.type):
        in_us = column if column.type.unit == "us" else column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return in_us.view(kind)
    column = column if column.type == kind else column.cast(kind)
    return _finite(column) if finite and pa.types.is_floating(kind) else column


def _finite(column: Column) -> Column:
    finite = pc.is_finite(column)
    return column if pc.all(finite).as_py() is not False else blanked(filled(pc.invert(finite), True), column)
