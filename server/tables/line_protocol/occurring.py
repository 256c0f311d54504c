"""The series that occur in a block, as columns: most of them are known, and found without a Python object of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast, overload

import numpy as np
import pyarrow as pa

from server.tables.line_protocol.columns import Rows
from server.tables.line_protocol.grammar import RawSeries
from server.tables.line_protocol.tokens import Mask, Offsets


@dataclass(frozen=True, slots=True)
class Occurring(Sequence[RawSeries]):
    """Each once. Of a series `key` and `name` say which of the `keys` and `names` are its measurement with tags and
    its field; `alone` whether that is the line's only one.
    """

    keys: pa.Array[Any]
    names: Sequence[str]
    key: Offsets
    name: Offsets
    alone: Mask

    def __len__(self) -> int:
        return len(self.key)

    @overload
    def __getitem__(self, number: int) -> RawSeries: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[RawSeries]: ...
    def __getitem__(self, number: int | slice) -> RawSeries | Sequence[RawSeries]:
        if isinstance(number, slice):
            return Occurring(self.keys, self.names, self.key[number], self.name[number], self.alone[number])
        return str(self.keys[int(self.key[number])]), self.names[self.name[number]], bool(self.alone[number])

    def alike(self) -> Iterator[tuple[str, bool, Offsets]]:
        """Yield each field, alone or not, with the numbers of its series."""
        kinds = self.name * 2 + self.alone
        for kind in np.unique(kinds).tolist():
            yield self.names[kind // 2], kind % 2 == 1, np.flatnonzero(kinds == kind)

    def keys_of(self, numbers: Offsets) -> pa.Array[Any]:
        """Return the keys of some series."""
        wanted = self.key[numbers]
        whole = len(wanted) == len(self.keys) and bool((wanted == np.arange(len(wanted))).all())
        return self.keys if whole else self.keys.take(pa.array(wanted, pa.int64()))


def occurring(rows: Rows) -> tuple[Occurring, Offsets]:
    """Return the series that occur, and the number of each row's."""
    width = max(len(rows.name.dictionary), 1)
    pairs = rows.key.indices.to_numpy().astype(np.int64) * width + rows.name.indices.to_numpy()
    encoded = pa.array(pairs * 2 + rows.alone).dictionary_encode()
    found = encoded.dictionary.to_numpy()
    key, name = np.divmod(found // 2, width)
    names = cast("list[str]", rows.name.dictionary.to_pylist())
    return Occurring(rows.key.dictionary, names, key, name, found % 2 == 1), encoded.indices.to_numpy()
