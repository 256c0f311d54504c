"""Remembers the UUID of each series that came lately, as it was sent: looking it up again takes no parsing.

Most batches bring many series that have come before. These are found all at once in tables, by field; what the tables
lack, one by one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.tables.line_protocol.grammar import RawSeries
from server.tables.line_protocol.occurring import Occurring
from server.twin.resolve import PointIndex

_MOST_BYTES = 128 << 20  # of names that are remembered
_BYTES_EACH = 500  # besides the text: four strings, a tuple, a place in a dict, and one in a table
_LONGEST = 1_000
_WORTH = 4  # times as many as are looked up: of larger tables to make the index costs more than it saves
_GROWTH = 1.25  # tables are made anew when there is so much more


@dataclass(slots=True)
class _Table:
    """Keys of series with one field, and their UUIDs."""

    keys: pa.Array[Any]
    uuids: pa.Array[Any]


@dataclass(slots=True)
class Names:
    """What is remembered of one store."""

    uuids: dict[RawSeries, str] = field(default_factory=dict)
    _tables: dict[tuple[str, bool], _Table] = field(default_factory=dict)
    _size: int = 0

    def find(self, series: Occurring) -> pa.Array[Any]:
        """Return the UUID of each series as text, null for those that the tables lack."""
        found = pa.nulls(len(series), pa.string())
        for name, alone, numbers in series.alike():
            table = self._tables.get((name, alone))
            if table is None or len(table.keys) > _WORTH * len(numbers):
                continue
            part = table.uuids.take(pc.index_in(series.keys_of(numbers), value_set=table.keys))
            if len(numbers) == len(series):
                return part
            found = pc.replace_with_mask(found, _mask(numbers, len(series)), part)
        return found

    def tabulate(self) -> None:
        """Have the tables hold what is remembered, if that has become much more."""
        if len(self.uuids) <= self._size * _GROWTH:
            return
        known = list(self.uuids.items())  # in one step, as others add to it
        rows: dict[tuple[str, bool], list[tuple[str, str]]] = {}
        for (key, name, alone), uuid in known:
            rows.setdefault((name, alone), []).append((key, uuid))
        self._tables = {
            kind: _Table(*(pa.array(each) for each in zip(*of, strict=True))) for kind, of in rows.items()
        }
        self._size = len(known)


def _mask(numbers: np.ndarray[Any, np.dtype[np.signedinteger[Any]]], length: int) -> pa.Array[Any]:
    mask = np.zeros(length, bool)
    mask[numbers] = True
    return pa.array(mask)


class Known:
    """What is remembered of all stores, for one index of points."""

    def __init__(self) -> None:
        self._index: PointIndex | None = None
        self._names: dict[str | None, Names] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, index: PointIndex, store: str | None) -> Names:
        """Return what is remembered of a store, to look up and to add to; nothing of what another index says is."""
        with self._lock:
            if index is not self._index or self._bytes > _MOST_BYTES:
                self._index, self._names, self._bytes = index, {}, 0
            if store not in self._names:
                self._bytes += _BYTES_EACH + len(store or "")
            names = self._names.setdefault(store, Names())
            names.tabulate()
            return names

    def remember(self, names: Names, raw: RawSeries, uuid: str) -> None:
        """Add one to what `of` returned, unless it is full: then that is empty the next time."""
        size = len(raw[0]) + len(raw[1])
        if size <= _LONGEST and self._bytes <= _MOST_BYTES:
            names.uuids[raw] = uuid
            self._bytes += size + _BYTES_EACH

    def grow(self, before: PointIndex, after: PointIndex) -> None:
        """Let what is remembered stand, when an index has become one with more points."""
        with self._lock:
            if self._index is before:
                self._index = after
