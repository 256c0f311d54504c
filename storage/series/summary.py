"""What the catalog will say of a file, added up as it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_DAY = 86_400_000_000  # microseconds


class Summary:
    """The series and the days of sorted readings that come in pieces, each series whole in one of them."""

    def __init__(self) -> None:
        self._series = [_series_of(pa.array([], pa.string()), *(np.empty(0, np.int64) for _ in range(4)))]
        self._days: set[int] = set()

    def of(self, pieces: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
        """Yield what `sorting.in_order` gave in batches, and add it."""
        for piece in pieces:
            self._add(piece)
            yield from piece.to_batches()

    def _add(self, ordered: pa.Table) -> None:
        ids = cast("pa.DictionaryArray[Any, Any]", ordered.column("id").combine_chunks())
        codes, times = ids.indices.to_numpy(), ordered.column("time").to_numpy().view(np.int64)
        if not len(codes):
            return
        starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        ends = np.append(starts[1:], len(codes))
        texts = ids.dictionary.take(pa.array(codes[starts]))
        numbers = np.add.reduceat(ordered.column("value").is_valid().to_numpy(), starts, dtype=np.int64)
        self._series.append(_series_of(texts, ends - starts, numbers, times[starts], times[ends - 1]))
        self._days.update(np.unique(times // _DAY).tolist())

    @property
    def series(self) -> pa.Table:
        """`id, rows, numbers, first, last` of each series, by id."""
        return pa.concat_tables(self._series)

    @property
    def days(self) -> pa.Table:
        """The `day` of all readings, each once."""
        return pa.table({"day": pa.array(sorted(self._days), pa.int32()).cast(pa.date32())})


def _series_of(
    ids: pa.Array[Any],
    rows: npt.NDArray[Any],
    numbers: npt.NDArray[Any],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
) -> pa.Table:
    time = pa.timestamp("us")
    ends = {name: pa.array(times).cast(time) for name, times in (("first", first), ("last", last))}
    counts = {name: pa.array(counted, pa.int64()) for name, counted in (("rows", rows), ("numbers", numbers))}
    return pa.table({"id": ids, **counts, **ends})
