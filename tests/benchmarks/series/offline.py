"""Fills the series of a data directory with compacted files, without its server: a billion readings in minutes.

The files are those that the server would make of the same readings in the end, written by the same code; only the way
there is shorter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from storage.series import catalog
from storage.series.options import Options
from storage.series.schema import SCHEMA
from storage.series.sorting import ends
from storage.series.store import SeriesStore
from tests.benchmarks.series.bodies import uuids
from tests.benchmarks.series.data import Block

_QUIET = Options(seal_seconds=1e9, compact_runs=1 << 30)


def fill(data: Path, blocks: Iterator[Block]) -> int:
    """Add blocks of whole days, each newer than all before, as a segment each; returns how many readings."""
    store, readings = SeriesStore(data / "series", _QUIET), 0
    with contextlib.closing(store):
        for block in blocks:
            number, seq, rows = store._hot.next_segment(), store._hot.reserve_seq(), ordered(block)
            written = store._files.write_ordered(number, [rows], level=1)
            newest = ends(rows)
            with store._hot.transaction() as transaction:
                catalog.enter(transaction, [written] if written else [], seq)
                numbers = pa.repeat(pa.scalar(seq), newest.num_rows)
                store._hot.latest.enter(transaction, newest.append_column("seq", numbers))
            readings += block.readings
    return readings


def ordered(block: Block) -> pa.Table:
    """Return readings as they are in a file: by id, then by time."""
    ids, steps = uuids(block.of), len(block.times)
    order = np.argsort(ids.to_numpy(zero_copy_only=False))
    codes = pa.array(np.repeat(order, steps), pa.int32())
    times = pa.array(np.tile(block.times * 1_000_000, len(order))).cast(pa.timestamp("us"))
    values = pa.array(block.values[:, order].ravel(order="F"))
    none = pa.nulls(len(times), pa.string())
    return pa.Table.from_arrays([pa.DictionaryArray.from_arrays(codes, ids), times, values, none, none], SCHEMA.names)
