"""The bodies of requests: the same readings in each form that one of the systems takes."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.benchmarks.series.data import Block, DataSet

Encode = Callable[[Block], Iterator[bytes]]
ARROW_READINGS, LINES = 100_000, 10_000  # readings in a body


def table(block: Block) -> pa.Table:
    """Return readings in the order of time: `id` (a dictionary of UUIDs), `time`, `value`."""
    points, steps = block.of.points, len(block.times)
    codes = _numbers(np.tile(np.arange(points), steps))
    ids = pa.DictionaryArray.from_arrays(codes, uuids(block.of))
    times = pa.array(np.repeat(block.times * 1_000_000, points)).cast(pa.timestamp("us"))
    return pa.table({"id": ids, "time": times, "value": pa.array(block.values.ravel())})


def arrow(block: Block, readings: int = ARROW_READINGS) -> Iterator[bytes]:
    """Yield Arrow streams."""
    for part in block.parts(readings):
        rows, sink = table(part), BytesIO()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        yield sink.getvalue()


def parquet(block: Block) -> Iterator[bytes]:
    """Yield one Parquet file, packed as pyarrow does by itself."""
    sink = BytesIO()
    pq.write_table(table(block), sink)
    yield sink.getvalue()


def lines(block: Block, readings: int = LINES) -> Iterator[bytes]:
    """Yield line protocol: the UUID, the box and the floor as tags, one field, nanoseconds."""
    return _text(block, readings, _line_heads(block.of), " ", "000000000")


def gzipped(block: Block, readings: int = LINES) -> Iterator[bytes]:
    """Yield the same, packed as quickly as gzip can."""
    return (gzip.compress(body, 1) for body in lines(block, readings))


def csv(block: Block) -> Iterator[bytes]:
    """Yield CSV: box, floor, UUID, value, and seconds since 1970."""
    return _text(block, LINES, _csv_heads(block.of), ",", "")


def _text(block: Block, readings: int, heads: pa.StringArray, between: str, after: str) -> Iterator[bytes]:
    for part in block.parts(readings):
        found, codes = np.unique(part.values, return_inverse=True)
        values = pa.array([f"{value:g}{between}" for value in found]).take(_numbers(codes.ravel()))
        times = pa.array([f"{time}{after}\n" for time in part.times])
        steps, points = len(part.times), part.of.points
        whole = pc.binary_join_element_wise(
            heads.take(_numbers(np.tile(np.arange(points), steps))),
            values,
            times.take(_numbers(np.repeat(np.arange(steps), points))),
            "",  # type: ignore[call-overload] # the stubs know no text between columns
        )
        buffer = whole.buffers()[2]
        assert buffer is not None
        yield buffer.to_pybytes()[: _length(whole)]


def _numbers(values: npt.NDArray[np.int64]) -> pa.Array[pa.Int32Scalar]:
    return pa.array(values.astype(np.int32), pa.int32())


def _length(texts: Any) -> int:  # noqa: ANN401 - an array of strings, whose offsets say where its text ends
    return int(np.frombuffer(texts.buffers()[1], np.int32)[len(texts)])


@lru_cache(maxsize=4)
def uuids(of: DataSet) -> pa.StringArray:
    """Return the UUID of each point's series."""
    return pa.array([of.uuid(point) for point in range(of.points)])


@lru_cache(maxsize=4)
def _line_heads(of: DataSet) -> pa.StringArray:
    tags = (f"box={of.box(n)},floor={of.floor(n)},uuid={of.uuid(n)}" for n in range(of.points))
    return pa.array([f"{of.name},{each} value=" for each in tags])


@lru_cache(maxsize=4)
def _csv_heads(of: DataSet) -> pa.StringArray:
    return pa.array([f"{of.box(n)},{of.floor(n)},{of.uuid(n)}," for n in range(of.points)])
