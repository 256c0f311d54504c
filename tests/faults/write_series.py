"""Works on a series store for ever: two threads append, a third does what a test is about, over and over.

Everything is told: what is about to be deleted or retired, and each change once it is acknowledged.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pyarrow as pa

from storage.series.sql import Window
from storage.series.store import Options, SeriesStore
from tests.support.series import START, minute, reading, series_id, table

OPTIONS = Options(
    memory=256 << 20,
    threads=2,
    seal_rows=200,
    seal_seconds=0.2,
    compact_runs=2,
    bulk_rows=300,
    delete_seconds=0.1,
    target_rows=5_000,
)
PLACES = 40  # batches lie at so many places in time
SPREAD = 977  # minutes between them: some lie days apart, so that compaction has several files to write
SERIES = [series_id(number) for number in range(400)]
WORK = ("append", "seal", "compact", "delete", "retire", "roll up")
Say = Callable[[tuple[str, int]], object]


def size(batch: int) -> int:
    """Return the rows of a batch: most go the small way, each fifth the bulk way."""
    return 400 if batch % 5 == 0 else 1 + batch % 60


def at(batch: int) -> datetime:
    """Return the time of all readings of a batch, which no other batch has."""
    return minute(batch % PLACES * SPREAD + batch / 1000)


def batch_table(batch: int) -> pa.Table:
    """Return a batch: one reading each of so many series at one time, its value the number of the batch."""
    minutes = (at(batch) - START) / timedelta(minutes=1)
    return table([reading(series, minutes, float(batch)) for series in range(size(batch))])


def day(number: int) -> datetime:
    """Return the start of a day, from START on."""
    return START + timedelta(days=number)


def main(directory: Path, first: int, work: str, retired: int, say: Say) -> None:
    """Work until killed. Batches from `first` on are free; days before the number `retired` have had their time."""
    store = SeriesStore(directory, OPTIONS)
    done: list[int] = []

    def write(lane: int) -> None:
        for batch in count(first + lane, 2):
            store.append(batch_table(batch))
            done.append(batch)
            say(("appended", batch))

    for lane in (0, 1):
        threading.Thread(target=write, args=(lane,), daemon=True).start()
    chance = random.Random(first)
    for step in count():
        match work:
            case "append":
                threading.Event().wait()
            case "seal":
                store.seal()
            case "compact":
                store.seal()
                store.compact()
            case "roll up":
                store.compact()
                store.roll_up()
            case "retire":
                retire(store, min(retired + 1 + step, 20), say)
            case _ if done:
                delete(store, chance.choice(done), say)


def delete(store: SeriesStore, batch: int, say: Say) -> None:
    """Delete a batch."""
    say(("deleting", batch))
    store.delete(SERIES, Window(at(batch), at(batch) + timedelta(microseconds=1)))
    say(("deleted", batch))


def retire(store: SeriesStore, number: int, say: Say) -> None:
    """Retire what lies before a day."""
    say(("retiring", number))
    store.retire(SERIES, day(number))
    say(("retired", number))
