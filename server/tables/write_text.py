"""Plain batches (`plain.py`) as JSON, NDJSON and CSV: columns of text, joined row by row in Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from server.tables.compute import Column, choose, filled, floored, join, replace_space

_ROWS = 16_384
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^$|^\s|\s$')
_JSON_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "double"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_timestamp, "time"),
    (pa.types.is_date, "date"),
    (pa.types.is_string, "string"),
    (pa.types.is_null, "null"),
)


def json_bytes(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """One object with the columns and the rows."""
    columns = [{"name": field.name, "type": _type_name(field.type)} for field in schema]
    head = f'{{"columns":{json.dumps(columns, ensure_ascii=False)},"data":['.encode()
    separator = b"\n"
    for block in _objects(batches, ",\n", ""):
        yield head + separator + block[2:]  # the first comma of a block is the last one's to write
        head, separator = b"", b",\n"
    yield head + b"\n]}\n"


def ndjson_bytes(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """A row an object, one a line."""
    del schema
    return _objects(batches, "", "\n")


def csv_bytes(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """A header and a line a row, all ending in CRLF."""
    head = ",".join(_csv_cell(name) for name in schema.names).encode() + b"\r\n"
    for batch in _cut(batches):
        parts: list[Column | str] = []
        for column in batch.columns:
            parts += [",", filled(_text(column, _csv_cell), "")]
        yield head + _joined([*parts[1:], "\r\n"])
        head = b""
    if head:
        yield head


def _objects(batches: Iterator[pa.RecordBatch], before: str, after: str) -> Iterator[bytes]:
    for batch in _cut(batches):
        parts: list[Column | str] = [before]
        opening = "{"
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            text = filled(_text(column, _json_string), "null")
            parts += [f"{opening}{_json_string(name)}:", text]
            opening = ","
        yield _joined([*parts, "}" + after])


def _cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)


def _joined(parts: list[Column | str]) -> bytes:
    """The parts of each row one after the other, and so the rows: what their Arrow column holds anyway."""
    data = join(*parts).buffers()[2]
    return b"" if data is None else data.to_pybytes()


def _text(column: Column, quote: Callable[[str], str]) -> Column:
    """The cells as they are written, null where they are null; `quote` is for those of text."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _quoted(_times(column), quote)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_string(kind):
        return _quoted_each(column, quote)
    cells = [None if cell is None else _other(cell, quote) for cell in column.to_pylist()]
    return pa.array(cells, pa.string())


def _other(cell: object, quote: Callable[[str], str]) -> str:
    """Lists and structs as JSON, anything else as Python writes it."""
    if isinstance(cell, (list, dict)):
        text = json.dumps(cell, ensure_ascii=False, default=str)
        return text if quote is _json_string else quote(text)
    return quote(str(cell))


def _quoted(texts: Column, quote: Callable[[str], str]) -> Column:
    """Texts that need no escapes."""
    return join('"', texts, '"') if quote is _json_string else texts


def _quoted_each(texts: Column, quote: Callable[[str], str]) -> Column:
    unique = texts.dictionary_encode()
    quoted = pa.array([quote(str(text)) for text in unique.dictionary.to_pylist()], pa.string())
    return quoted.take(unique.indices)


def _times(column: Column) -> Column:
    """2026-01-01T00:00:00Z, with as many digits of a second as there are."""
    naive = column.view(pa.timestamp("us"))
    whole = floored(naive, "second")
    seconds = replace_space(whole.cast(pa.timestamp("s")).cast(pa.string()))
    exact = pc.equal(naive, whole)
    if pc.all(exact).as_py():
        return join(seconds, "Z")
    fraction = pc.utf8_rtrim(pc.utf8_slice_codeunits(naive.cast(pa.string()), 19), characters="0")
    return join(seconds, choose(exact, "", fraction), "Z")


def _json_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _type_name(kind: pa.DataType) -> str:
    return next((name for check, name in _JSON_TYPES if check(kind)), str(kind))
