"""The members of JSON objects -> Arrow columns, each cell checked for its type."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from server.tables.compute import Column
from server.tables.errors import BadCell, shown
from server.tables.options import Roles


def columns_of(objects: list[dict[str, Any]], roles: Roles, missing: frozenset[str]) -> dict[str, Column]:
    """The objects as a column for each role: numbers as doubles, other values as text. Raises BadCell."""
    found = {name: [row.get(name) for row in objects] for name in roles.named}
    columns: dict[str, Column] = {}
    if roles.value is not None:
        values, texts = _split(found.pop(roles.value), roles.value, missing)
        columns[roles.value] = values
        if roles.text is not None:
            columns[roles.text] = _merged(texts, found.pop(roles.text), roles.text)
    for name, cells in found.items():
        columns[name] = _times(cells, name) if name == roles.time else _strings(cells, name)
    return columns


def _split(cells: list[Any], name: str, missing: frozenset[str]) -> tuple[Column, list[str | None]]:
    """Values and texts, of which one at most is there in a row. Raises BadCell for an array or object."""
    texts = [cell if isinstance(cell, str) and cell not in missing else None for cell in cells]
    plain = [None if isinstance(cell, str) else cell for cell in cells]
    for offset, cell in enumerate(plain):
        if isinstance(cell, (list, dict)):
            raise BadCell(offset, f"{name} is neither a number, a boolean nor text", column=name)
    return _doubles(plain), texts


def _doubles(cells: list[Any]) -> Column:
    try:
        return pa.array(cells, pa.float64())
    except (pa.ArrowInvalid, OverflowError):  # integers past 64 bits
        return pa.array([_double(cell) for cell in cells], pa.float64())


def _double(cell: float | None) -> float | None:
    try:
        return None if cell is None else float(cell)
    except OverflowError:
        return float("inf")


def _merged(texts: list[str | None], others: list[Any], name: str) -> Column:
    explicit = _strings(others, name).to_pylist()
    for offset, (text, other) in enumerate(zip(texts, explicit, strict=True)):
        if text is not None and other is not None:
            raise BadCell(offset, "has both a value and a text", column=name)
    return pa.array(
        [other if text is None else text for text, other in zip(texts, explicit, strict=True)], pa.string()
    )


def _strings(cells: list[Any], name: str) -> Column:
    """Text, or integers in decimal. Raises BadCell for anything else."""
    for offset, cell in enumerate(cells):
        if not (cell is None or isinstance(cell, str)):
            if isinstance(cell, bool) or not isinstance(cell, int):
                raise BadCell(offset, f"{name} {shown(json.dumps(cell))} is not text", column=name)
            cells[offset] = str(cell)
    return _utf8(cells, name)


def _times(cells: list[Any], name: str) -> Column:
    """Text, or numbers where every time is one. Raises BadCell for anything else."""
    is_count = [isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in cells]
    if all(is_count):
        return _doubles(cells) if any(isinstance(c, float) for c in cells) else _integers(cells, name)
    for offset, cell in enumerate(cells):
        if not (cell is None or isinstance(cell, str)):
            raise BadCell(
                offset, f"{name} {shown(json.dumps(cell))} is not a time in text like the others", column=name
            )
    return _utf8(cells, name)


def _integers(cells: list[Any], name: str) -> Column:
    try:
        return pa.array(cells, pa.int64())
    except (pa.ArrowInvalid, OverflowError):
        offset = next(i for i, cell in enumerate(cells) if not -(2**63) <= cell < 2**63)
        raise BadCell(offset, f"{name} is outside the years 1 to 9999", column=name) from None


def _utf8(cells: list[str | None], name: str) -> Column:
    try:
        return pa.array(cells, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid):  # half of a surrogate pair, which JSON can escape
        offset = next(i for i, cell in enumerate(cells) if cell and not _encodes(cell))
        raise BadCell(offset, f"{name} is not Unicode text", column=name) from None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
