"""Texts and what they mean: looked up one by one, or many at once without a Python object of each."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

WORTH = 4  # times as many as are looked up: of a larger table to make the index costs more than it saves
_GROWTH = 1.25  # the table is made anew when there is so much more


class Lookup:
    """Grows as it is used, by any thread."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._table: tuple[pa.Array[Any], pa.Array[Any]] = _table({})

    def __len__(self) -> int:
        return len(self._known)

    def get(self, text: str) -> str | None:
        """Return what a text means, or None."""
        return self._known.get(text)

    def add(self, text: str, meaning: str) -> None:
        """Remember what a text means; what it meant first counts."""
        self._known.setdefault(text, meaning)

    def find(self, texts: pa.Array[Any]) -> pa.Array[Any]:
        """Return what each of the texts means; null where that is not known, and where `get` finds it sooner."""
        if len(self._known) > WORTH * len(texts):
            return pa.nulls(len(texts), pa.string())
        if len(self._known) > _GROWTH * len(self._table[0]):
            self._table = _table(self._known.copy())  # in one step, as others add to it
        keys, meanings = self._table
        return meanings.take(pc.index_in(texts, value_set=keys))


def _table(known: dict[str, str]) -> tuple[pa.Array[Any], pa.Array[Any]]:
    return pa.array(list(known), pa.string()), pa.array(list(known.values()), pa.string())
