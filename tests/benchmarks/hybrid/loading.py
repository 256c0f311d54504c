"""Fills a data directory with a campus, once, and says how far it is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from server.settings import Settings
from server.tables.read import open_readings
from server.twin.models import Model
from server.twin.service import Twin
from tests.benchmarks.hybrid.campus import Campus

_OFTEN = 10.0  # seconds between two lines of progress


def prepare(folder: Path, campus: Campus) -> None:
    """Write the readings and fill a data directory, where they are not there yet."""
    readings, done = folder / "readings.parquet", folder / "data"
    if done.exists():
        return
    with told(f"{campus.readings:,} readings to {readings.name}", lambda: _size(readings)):
        campus.write(readings)
    making = folder / "data.making"  # so that one that was left in the middle is not taken for a whole one
    load(making, readings, campus)
    making.rename(done)


def load(data: Path, readings: Path, campus: Campus) -> None:
    """Fill a data directory, until nothing is left to be done in the background."""
    twin = Twin(Settings(data=data, readers=1))
    try:
        with told("the model"):
            twin.load(Model(campus.model().encode(), "campus.ttl"))
        with told("taking the readings in", lambda: _state(twin)), open_readings(readings) as source:
            twin.ingest(source.batches())
        with told("sealing and compacting", lambda: _state(twin)):
            twin.seal()
        with told("rolling up", lambda: _state(twin)):
            twin.series.roll_up()
    finally:
        with told("closing"):
            twin.close()


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:,.0f} MB" if path.exists() else ""


def _state(twin: Twin) -> str:
    found = twin.series.status()
    sealed = f"{found.sealed_rows:,} readings in {found.runs:,} runs and {found.segments:,} segments"
    return f"{sealed}, {found.rollups:,} rolled up ({found.task})"


@contextmanager
def told(what: str, state: Callable[[], str] = str) -> Iterator[None]:
    """Say on stderr what the block does, every few seconds how far it is, and how long it took."""
    began, ended = time.monotonic(), threading.Event()

    def tell() -> None:
        while not ended.wait(_OFTEN):
            print(f"  {what}: {time.monotonic() - began:.0f} s {state()}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        print(f"{what}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
