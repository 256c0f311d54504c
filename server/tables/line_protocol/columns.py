"""Readings of a block as columns, and how plain lines become them: slices of the block, converted by Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.tables.compute import Column
from server.tables.line_protocol.exact import ExactRows
from server.tables.line_protocol.tokens import Lines, Mask, Offsets

_TRUE, _FALSE = (
    pa.array(words) for words in (("t", "T", "true", "True", "TRUE"), ("f", "F", "false", "False", "FALSE"))
)
_DIGITS = np.zeros(256, bool)
_DIGITS[list(b"-0123456789")] = True
_NUMERIC = _DIGITS.copy()
_NUMERIC[ord(".")] = True


class Unfit(ValueError):
    """Some plain line is none: whoever says which, and why, reads the block by `exact`."""


@dataclass(slots=True)
class Rows:
    """Readings in any order. `at`: the offset of the line; `key`, `name`: dictionary-encoded, as they were sent;
    `alone`: the line has no other field; `time`: a count, or null; of `value` and `text` one is null.
    """

    at: Offsets
    key: pa.DictionaryArray[Any, Any]
    name: pa.DictionaryArray[Any, Any]
    alone: Mask
    time: Column
    value: Column
    text: Column


def exact_rows(rows: ExactRows) -> Rows:
    """Return the same readings as columns."""
    return Rows(
        np.array(rows.at, np.int64),
        pa.array(rows.key, pa.string()).dictionary_encode(),
        pa.array(rows.name, pa.string()).dictionary_encode(),
        np.array(rows.alone, bool),
        pa.array(rows.time, pa.int64()),
        pa.array(rows.value, pa.float64()),
        pa.array(rows.text, pa.string()),
    )


def plain_rows(block: bytes, lines: Lines) -> Rows:
    """Convert the plain lines of a block in UTF-8. Raises Unfit where a number is none."""
    fields, tokens = lines.fields, lines.tokens
    plain = np.flatnonzero(lines.plain)
    rank = np.cumsum(lines.plain) - 1
    row_line = rank[tokens.line[fields]]
    counts = np.bincount(row_line, minlength=len(plain))
    buffer = pa.py_buffer(block)
    keys = _slices(buffer, lines.start[plain], tokens.at[lines.spaces(1)]).dictionary_encode()
    names = _slices(buffer, tokens.at[fields - 1] + 1, tokens.at[fields])
    try:
        value, text = _values(buffer, lines, tokens.at[fields] + 1, tokens.at[fields + 1])
        time = _times(buffer, lines, lines.spaces(2), plain)
    except pa.ArrowInvalid as error:
        raise Unfit(str(error)) from None
    return Rows(
        lines.start[plain][row_line],
        _repeated(keys, row_line),
        names.dictionary_encode(),
        counts[row_line] == 1,
        time.take(row_line),
        value,
        text,
    )


def _repeated(keys: pa.DictionaryArray[Any, Any], rows: Offsets) -> pa.DictionaryArray[Any, Any]:
    return pa.DictionaryArray.from_arrays(keys.indices.take(rows), keys.dictionary)


def _slices(buffer: pa.Buffer, start: Offsets, end: Offsets) -> Column:
    """Return parts of the block, in order and apart from one another, as strings.

    Offsets into the block make one array of what is wanted and what is between, of which Arrow copies every other.
    """
    if not len(start):
        return pa.array([], pa.string())
    offsets = np.empty(2 * len(start), np.int32)
    offsets[0::2], offsets[1::2] = start, end
    whole = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets.data), buffer)
    return whole.take(np.arange(0, len(offsets) - 1, 2, dtype=np.int32))


def _times(buffer: pa.Buffer, lines: Lines, spaces: Offsets, plain: Offsets) -> Column:
    """Return the time of each plain line, null where it has none; `spaces` are those before a time."""
    tokens = lines.tokens
    start, end = tokens.at[spaces] + 1, tokens.at[spaces + 1]
    times = _integers(buffer, lines, start, end, pa.int64())
    if len(spaces) == len(plain):
        return times
    return _scattered(times, np.searchsorted(plain, tokens.line[spaces]), len(plain))


def _values(buffer: pa.Buffer, lines: Lines, start: Offsets, end: Offsets) -> tuple[Column, Column]:
    """Return the numbers and the texts of fields, each null where the other is not."""
    first, last = lines.data[start], lines.data[end - 1]
    is_text = first == ord('"')
    is_integer, is_unsigned = (~is_text & (last == ord(suffix)) for suffix in "iu")
    is_float = ~(is_text | is_integer | is_unsigned) & _NUMERIC[first]
    if is_float.all():
        return _floats(buffer, start, end), pa.nulls(len(start), pa.string())
    is_truth = ~(is_text | is_integer | is_unsigned | is_float)
    values = np.zeros(len(start))
    values[is_float] = _floats(buffer, start[is_float], end[is_float])
    values[is_truth] = _truths(buffer, start[is_truth], end[is_truth])
    for mask, kind in ((is_integer, pa.int64()), (is_unsigned, pa.uint64())):
        values[mask] = _integers(buffer, lines, start[mask], end[mask] - 1, kind).cast(pa.float64(), safe=False)
    texts = _slices(buffer, start[is_text] + 1, end[is_text] - 1)
    return pa.array(values, mask=is_text), _scattered(texts, np.flatnonzero(is_text), len(start))


def _floats(buffer: pa.Buffer, start: Offsets, end: Offsets) -> Column:
    """Arrow reads what the grammar allows, and words for what is no finite number."""
    values = _slices(buffer, start, end).cast(pa.float64())
    if pc.any(pc.invert(pc.is_finite(values))).as_py():
        raise Unfit("a number is not finite")
    return values


def _integers(buffer: pa.Buffer, lines: Lines, start: Offsets, end: Offsets, kind: pa.DataType) -> Column:
    """Arrow reads what the grammar allows, and hexadecimal digits after 0x."""
    second = lines.data[np.minimum(start + 1, end - 1)]
    if not _DIGITS[second].all():
        raise Unfit("an integer has something else than digits")
    return _slices(buffer, start, end).cast(kind)


def _truths(buffer: pa.Buffer, start: Offsets, end: Offsets) -> Column:
    words = _slices(buffer, start, end)
    is_true = pc.is_in(words, value_set=_TRUE)
    if pc.any(pc.invert(pc.or_(is_true, pc.is_in(words, value_set=_FALSE)))).as_py():
        raise Unfit("a value is neither true nor false")
    truths: Column = is_true.cast(pa.float64())
    return truths


def _scattered(column: Column, places: Offsets, length: int) -> Column:
    """Return a column of this length with the cells at their places, null elsewhere."""
    indices = np.full(length, len(column))
    indices[places] = np.arange(len(places))
    scattered: Column = pa.concat_arrays([column, pa.nulls(1, column.type)]).take(indices)
    return scattered


def merged(plain: Rows, odd: Rows) -> Rows:
    """Return the readings of both in the order of their lines."""
    at = np.concatenate((plain.at, odd.at))
    order = np.argsort(at, kind="stable")

    def both(one: Column, other: Column) -> Column:
        return pa.concat_arrays([one, other]).take(order)

    def both_names(one: pa.DictionaryArray[Any, Any], other: pa.DictionaryArray[Any, Any]) -> Any:  # noqa: ANN401
        return pa.chunked_array([one, other]).unify_dictionaries().combine_chunks().take(order)

    return Rows(
        at[order],
        both_names(plain.key, odd.key),
        both_names(plain.name, odd.name),
        np.concatenate((plain.alone, odd.alone))[order],
        both(plain.time, odd.time),
        both(plain.value, odd.value),
        both(plain.text, odd.text),
    )
