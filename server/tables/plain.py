"""Result batches made plain: the few types that every format can hold, nothing that one of them cannot say.

Dictionaries are decoded, UUIDs become text, timestamps microseconds in UTC, which those without a zone are taken to
be, numbers that are not finite null. Arrow and Parquet can say more: what is `exact` keeps both as they are.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.tables.cells import decoded, uuid_text
from server.tables.compute import Column, blanked, filled

_UTC = pa.timestamp("us", "UTC")


def plain_schema(schema: pa.Schema, *, exact: bool = False) -> pa.Schema:
    """The schema that `plain_batch` gives its batches."""
    fields: list[pa.Field[Any]] = [pa.field(field.name, _plain_type(field.type, exact=exact)) for field in schema]
    return pa.schema(fields)


def _plain_type(kind: pa.DataType, *, exact: bool) -> pa.DataType:
    if isinstance(kind, pa.DictionaryType):
        return _plain_type(kind.value_type, exact=exact)
    if isinstance(kind, pa.UuidType) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us") if exact and kind.tz is None else _UTC
    return pa.float64() if pa.types.is_floating(kind) else kind


def plain_batch(batch: pa.RecordBatch, schema: pa.Schema, *, exact: bool = False) -> pa.RecordBatch:
    """The batch in the schema of `plain_schema`. Raises pa.ArrowInvalid when a column does not fit it."""
    columns = [_plain(batch.column(index), field.type, exact=exact) for index, field in enumerate(schema)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(column: Column, kind: pa.DataType, *, exact: bool) -> Column:
    is_uuid = isinstance(column.type, pa.UuidType)
    column = decoded(column)
    if is_uuid:
        return uuid_text(column)
    if pa.types.is_timestamp(column.type):
        in_us = column if column.type.unit == "us" else column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return in_us.view(kind)
    column = column if column.type == kind else column.cast(kind)
    return column if exact or not pa.types.is_floating(kind) else _finite(column)


def _finite(column: Column) -> Column:
    finite = pc.is_finite(column)
    return column if pc.all(finite).as_py() is not False else blanked(filled(pc.invert(finite), True), column)
