"""Columns of cells -> columns of numbers and of text; the search for the cell that would not convert."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from server.tables.compute import Column, blanked, choose, equals
from server.tables.errors import BadCell, shown


def first_bad(column: Column, convert: Callable[[Column], object]) -> int:
    """The offset of a cell that `convert` fails on, by bisection, given that it fails on the whole column."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        if _fails(convert, column.slice(low, middle - low)):
            high = middle
        else:
            low = middle
    return low


def _fails(convert: Callable[[Column], object], column: Column) -> bool:
    try:
        convert(column)
    except pa.ArrowInvalid:
        return True
    return False


def first_true(mask: Column) -> int | None:
    """The offset of the first true cell of a boolean column, or None."""
    index = pc.index(mask, True).as_py()
    return None if index < 0 else index


def decoded(column: Column) -> Column:
    """The column without dictionary and extension types, and its strings as `string`.

    Raises pa.ArrowInvalid for text that is not UTF-8.
    """
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    return column.cast(pa.string()) if _is_text(column.type) else column


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers or booleans."""
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return is_plain or pa.types.is_decimal(kind)


def _is_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(kind) for check in checks)


def numbers(column: Column, name: str) -> Column:
    """Numbers and booleans as doubles; NaN becomes null. Integers past 2**53 lose their last digits.

    Raises BadCell for an infinite number.
    """
    return _finite(column.cast(pa.float64(), safe=False), name)


def numbers_in_text(cells: Column, name: str, missing: Column, decimal_comma: bool = False) -> Column:
    """Cells of text as doubles: numbers, true and false; a cell in `missing` or NaN becomes null.

    Raises BadCell for any other cell and for an infinite number.
    """
    present = _without(cells, missing)
    try:
        return _finite(_parsed(present, decimal_comma), name)
    except pa.ArrowInvalid:
        pass
    lenient = _lenient(cells, missing)
    try:
        return _finite(_parsed(lenient, decimal_comma), name)
    except pa.ArrowInvalid:
        offset = first_bad(lenient, lambda part: _parsed(part, decimal_comma))
    reason = f"{name} {shown(cells[offset])} is neither a number nor true or false"
    raise BadCell(offset, reason, column=name, hint="put text readings in a column named text")


def is_numeric(cells: Column, missing: Column, decimal_comma: bool = False) -> bool:
    """Whether all cells of text are numbers, true, false or missing."""
    return not _fails(lambda part: _parsed(_lenient(part, missing), decimal_comma), cells)


def _without(cells: Column, missing: Column) -> Column:
    return blanked(pc.is_in(cells, value_set=missing), cells)


def _parsed(cells: Column, decimal_comma: bool) -> Column:
    if decimal_comma:
        cells = pc.replace_substring(cells, ",", ".", max_replacements=1)
    return cells.cast(pa.float64())


def _lenient(cells: Column, missing: Column) -> Column:
    """Spaces trimmed, true and false as 1 and 0, and what is missing then as null."""
    trimmed = pc.utf8_trim_whitespace(cells)
    lower = pc.ascii_lower(trimmed)
    for word, digit in (("true", "1"), ("false", "0")):
        trimmed = choose(equals(lower, word), digit, trimmed)
    return _without(trimmed, missing)


def _finite(values: Column, name: str) -> Column:
    """The numbers with NaN as null. Raises BadCell for an infinite one."""
    if not pc.any(pc.invert(pc.is_finite(values))).as_py():
        return values
    offset = first_true(pc.is_inf(values))
    if offset is not None:
        raise BadCell(offset, f"{name} is infinite or too large for a number", column=name)
    return blanked(pc.is_nan(values), values)


def text_of(column: Column, name: str) -> Column:
    """Ids, texts and states as strings: text as it is, 16 bytes as a UUID, integers in decimal.

    Raises BadCell when the column is of another type or its text is not UTF-8.
    """
    try:
        plain = decoded(column)
        if pa.types.is_fixed_size_binary(plain.type) and plain.type.byte_width == 16:
            return uuid_text(plain)
        if pa.types.is_string(plain.type):
            return plain
        if pa.types.is_integer(plain.type) or pa.types.is_null(plain.type) or pa.types.is_binary(plain.type):
            return plain.cast(pa.string())
    except pa.ArrowInvalid:
        raise BadCell(first_bad(column, decoded), f"{name} is not UTF-8 text", column=name) from None
    raise BadCell(0, f"{name} is of type {plain.type}, not text", column=name)


def uuid_text(column: Column) -> Column:
    """A fixed_size_binary(16) column as UUID text in lower case with dashes."""
    unique = column.dictionary_encode()
    dashed = [None if raw is None else _dashed(raw) for raw in unique.dictionary.to_pylist()]
    return pa.array(dashed, pa.string()).take(unique.indices)


def _dashed(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
