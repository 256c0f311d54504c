"""Readings on their way to POST /readings: Arrow streams of about a million, each stored whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from server.cli.client import Client

_ARROW = "application/vnd.apache.arrow.stream"


def chunks(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Join batches into tables of at least `rows`, but for the last."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= rows:
            yield pa.Table.from_batches(waiting)
            waiting, count = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def send(client: Client, table: pa.Table, **params: str) -> dict[str, Any]:
    """Store a table; returns the server's report. Durable and visible when it returns."""
    headers = {"Content-Type": _ARROW}
    report: dict[str, Any] = client.json("POST", "/readings", params=params, headers=headers, content=_body(table))
    return report


def _body(table: pa.Table) -> memoryview | bytes:
    sink = pa.BufferOutputStream()
    lean = _lean(table)
    with pa.ipc.new_stream(sink, lean.schema) as writer:
        writer.write_table(lean)
    return sink.getvalue().to_pybytes()


def _lean(table: pa.Table) -> pa.Table:
    """Return the table without empty columns and with its ids in a dictionary: half the bytes."""
    if not pa.types.is_dictionary(table.schema.field("id").type):
        table = table.set_column(0, "id", table.column("id").dictionary_encode())
    empty: list[str] = [
        name for name in ("text", "status") if name in table.schema.names and _is_empty(table.column(name))
    ]
    return table.drop_columns(empty) if empty else table


def _is_empty(column: pa.ChunkedArray[Any]) -> bool:
    return column.null_count == len(column)
