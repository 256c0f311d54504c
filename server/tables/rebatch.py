"""Batches of any size -> batches of about one size."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


def rebatched(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at most `most`, small ones joined up to half of that; none is empty."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if rows and rows + batch.num_rows > most:
            yield _joined(waiting)
            waiting, rows = [], 0
        for part in _cut(batch, most):
            waiting.append(part)
            rows += part.num_rows
            if rows * 2 >= most:
                yield _joined(waiting)
                waiting, rows = [], 0
    if rows:
        yield _joined(waiting)


def _cut(batch: pa.RecordBatch, most: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, most):
        yield batch.slice(start, most)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    joined: pa.RecordBatch = pa.concat_batches(batches)  # type: ignore[attr-defined]  # the stubs lack it
    return joined
