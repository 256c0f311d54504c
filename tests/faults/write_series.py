"""Appends batches of known rows for ever and prints the number of each once it is acknowledged."""

from __future__ import annotations

import sys
import threading
from itertools import count
from pathlib import Path

import pyarrow as pa

from storage.series.store import Options, SeriesStore
from tests.support.series import reading, table

OPTIONS = Options(memory=256 << 20, threads=2, seal_rows=200, seal_seconds=0.2, compact_runs=2, bulk_rows=300)
SPREAD = 977  # minutes between a batch's readings: some lie days apart, so that compaction has several files to write


def size(batch: int) -> int:
    """Return the rows of a batch: most go the small way, each fifth the bulk way."""
    return 400 if batch % 5 == 0 else 1 + batch % 60


def batch_table(batch: int) -> pa.Table:
    """Return a batch: one reading each of so many series at one time, its value the number of the batch."""
    return table([reading(series, batch % 40 * SPREAD + batch / 1000, float(batch)) for series in range(size(batch))])


def main(directory: Path, first: int) -> None:
    store = SeriesStore(directory, OPTIONS)
    said = threading.Lock()

    def write(lane: int) -> None:
        for batch in count(first + lane, 2):
            store.append(batch_table(batch))
            with said:
                print(batch, flush=True)

    threading.Thread(target=write, args=(1,), daemon=True).start()
    write(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
