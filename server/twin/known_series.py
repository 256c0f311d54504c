"""Remembers the UUID of each series that came lately, as it was sent: looking it up again takes no parsing."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.tables.line_protocol.grammar import RawSeries
from server.tables.line_protocol.occurring import Occurring
from server.twin.lookup import Lookup
from server.twin.resolve import PointIndex

_MOST_BYTES = 128 << 20  # of names that are remembered
_BYTES_EACH = 500  # besides the text: four strings, a tuple, a place in a dict, and one in a table
_LONGEST = 1_000


class Names:
    """What is remembered of one store: by field, and whether it is alone, the UUIDs of the keys."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, bool], Lookup] = {}

    def __len__(self) -> int:
        return sum(map(len, self._kinds.values()))

    def get(self, raw: RawSeries) -> str | None:
        """Return the UUID of a series, or None."""
        key, name, alone = raw
        kind = self._kinds.get((name, alone))
        return kind.get(key) if kind else None

    def add(self, raw: RawSeries, uuid: str) -> None:
        """Remember the UUID of a series."""
        key, name, alone = raw
        self._kinds.setdefault((name, alone), Lookup()).add(key, uuid)

    def find(self, series: Occurring) -> pa.Array[Any]:
        """Return the UUID of each series as text, null for those that are to be asked for one by one."""
        found = pa.nulls(len(series), pa.string())
        for name, alone, numbers in series.alike():
            if (kind := self._kinds.get((name, alone))) is None:
                continue
            part = kind.find(series.keys_of(numbers))
            if len(numbers) == len(series):
                return part
            found = pc.replace_with_mask(found, _mask(numbers, len(series)), part)
        return found


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
            return self._names.setdefault(store, Names())

    def remember(self, names: Names, raw: RawSeries, uuid: str) -> None:
        """Add one to what `of` returned, unless it is full: then that is empty the next time."""
        size = len(raw[0]) + len(raw[1])
        if size <= _LONGEST and self._bytes <= _MOST_BYTES:
            names.add(raw, uuid)
            self._bytes += size + _BYTES_EACH

    def grow(self, before: PointIndex, after: PointIndex) -> None:
        """Let what is remembered stand, when an index has become one with more points."""
        with self._lock:
            if self._index is before:
                self._index = after
