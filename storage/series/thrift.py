"""The compact protocol of Thrift, as far as Parquet's page headers and footers need it.

A struct is read into a dictionary by the numbers of its fields. To be written, it is its fields in the order of their
numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

TRUE, FALSE, _, I16, I32, I64, _, BINARY, LIST, _, _, STRUCT = range(1, 13)
_NUMBERS = frozenset({I16, I32, I64})
_MOST_DEEP = 8  # structs in one another: a page header has three
Field = tuple[int, int, Any]  # its number, its type, its value


def read_struct(data: bytes, at: int, deep: int = 0) -> tuple[dict[int, Any], int]:
    """Return the struct that begins `at` a place, and where it ends. Raises ValueError for what is none."""
    if deep > _MOST_DEEP:
        raise ValueError("too many structs in one another")
    fields: dict[int, Any] = {}
    number = 0
    try:
        while head := data[at]:
            at += 1
            if step := head >> 4:
                number += step
            else:
                number, at = _number(data, at)
            fields[number], at = _read(data, at, head & 15, deep)
    except IndexError:
        raise ValueError("a struct ends too early") from None
    return fields, at + 1


def _read(data: bytes, at: int, kind: int, deep: int) -> tuple[Any, int]:
    if kind in _NUMBERS:
        return _number(data, at)
    if kind in (TRUE, FALSE):
        return kind == TRUE, at
    if kind == BINARY:
        size, at = _varint(data, at)
        return data[at : at + size], at + size
    if kind == STRUCT:
        return read_struct(data, at, deep + 1)
    raise ValueError(f"a struct has a field of type {kind}, which Parquet's page headers do not have")


def _number(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = data[at] & 127
    shift = 7
    while data[at] & 128:
        at += 1
        value |= (data[at] & 127) << shift
        shift += 7
    return value, at + 1


def struct(*fields: Field) -> bytes:
    """Return a struct as bytes; a field whose value is None is left out.

    The value of a STRUCT is its bytes, that of a LIST the type of its items and these.
    """
    parts = bytearray()
    last = 0
    for number, kind, value in fields:
        if value is not None:
            parts.append((number - last) << 4 | kind)
            parts += _written(kind, value)
            last = number
    parts.append(0)
    return bytes(parts)


def _written(kind: int, value: Any) -> bytes:  # noqa: ANN401 - what the type says
    if kind in _NUMBERS:
        return _unsigned(value << 1 ^ value >> 63)
    if kind == BINARY:
        return _unsigned(len(value)) + bytes(value)
    if kind == LIST:
        return _list(*value)
    return bytes(value)  # of a truth value there are none, as the type says it all


def _list(kind: int, items: Sequence[Any]) -> bytes:
    size = len(items)
    head = bytes((size << 4 | kind,)) if size < 15 else bytes((0xF0 | kind,)) + _unsigned(size)
    return head + b"".join(_each(kind, items))


def _each(kind: int, items: Iterable[Any]) -> Iterable[bytes]:
    return (_written(kind, item) for item in items)


def _unsigned(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    parts = bytearray()
    while value >= 128:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
