"""Fills a small disk with readings, works on while it is full, and again once there is room.

It runs in a mount namespace of its own, with the directory an empty tmpfs.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from storage.errors import DiskFailed
from storage.series.schema import SCHEMA
from storage.series.selection import Selection
from storage.series.sql import Window
from storage.series.store import Options, SeriesStore
from tests.support.series import START, series_id

ROWS = 5_000
QUIET = Options(memory=256 << 20, threads=2, seal_rows=1 << 40, seal_seconds=3600.0, compact_runs=1 << 30)


def batch(number: int) -> pa.Table:
    """Return readings of one series that nothing can compress well."""
    values = np.random.default_rng(number).random(ROWS)
    times = np.datetime64(START, "us") + np.arange(ROWS) * np.timedelta64(1, "m") + np.timedelta64(number, "us")
    none = pa.nulls(ROWS, pa.string())
    ids = pa.repeat(pa.scalar(series_id(1)), ROWS)
    return pa.table([ids, pa.array(times), pa.array(values), none, none], schema=SCHEMA)


@contextlib.contextmanager
def full(ballast: Path) -> Iterator[None]:
    """Leave no byte free on the disk meanwhile."""
    with ballast.open("ab") as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(file.fileno(), b"\0" * size)
    yield
    ballast.unlink()


def refused(call: Callable[[], object]) -> None:
    """Raise unless `call` says that the disk is full."""
    try:
        call()
    except DiskFailed:
        return
    raise AssertionError("a full disk took it")


def count(store: SeriesStore) -> int:
    return store.select(Selection()).read_all().num_rows


def append_until_full(store: SeriesStore) -> int:
    """Return how many readings were acknowledged."""
    number = 0
    with contextlib.suppress(DiskFailed):
        while True:
            store.append(batch(number))
            number += 1
    return number * ROWS


def fill_store(root: Path) -> None:
    ballast = root / "ballast"
    ballast.write_bytes(b"\0" * (40 << 20))
    store = SeriesStore(root / "series", QUIET)
    store.append_stream(batch(1 << 20).to_reader())
    store.compact()
    acknowledged = append_until_full(store) + ROWS
    assert acknowledged > ROWS
    with full(ballast):
        for _ in range(3):
            refused(lambda: store.append(batch(1 << 21)))
            refused(lambda: store.append_stream(batch(1 << 21).to_reader()))
            refused(store.seal)
            refused(store.compact)
            for call in (store.roll_up, lambda: store.delete([series_id(2)], Window())):
                with contextlib.suppress(DiskFailed):  # it needs little: there may be as much left
                    call()
            assert count(store) == acknowledged
            assert store.latest().num_rows == 1
            assert store.status().hot_rows == acknowledged - ROWS
        assert {path.suffix for path in (root / "series" / "segments").iterdir()} == {".parquet"}
        assert len(list((root / "series" / "segments").iterdir())) == store.status().segments
    store.append(batch(1 << 22))
    acknowledged += ROWS
    store.close()
    ballast.write_bytes(b"")
    with full(ballast):
        reopened(root)
    store = SeriesStore(root / "series", QUIET)
    assert count(store) == acknowledged
    store.seal()
    store.compact()
    assert store.roll_up() > 0
    assert (count(store), store.check()) == (acknowledged, [])
    store.close()


def reopened(root: Path) -> None:
    """Open a store on a full disk: it serves, or says what is the matter."""
    with contextlib.suppress(DiskFailed):
        store = SeriesStore(root / "series", QUIET)
        assert count(store) > 0
        store.close()


def fill_server(root: Path) -> None:
    ballast = root / "ballast"
    ballast.write_bytes(b"\0" * (30 << 20))
    settings = Settings(data=root / "data", readers=1, allowed_hosts="testserver")
    with TestClient(create_app(settings)) as client:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SCHEMA) as writer:
            writer.write_table(batch(0))
        arrow = {"content-type": "application/vnd.apache.arrow.stream"}

        def send() -> int:
            return client.post("/readings", content=sink.getvalue().to_pybytes(), headers=arrow).status_code

        while (status := send()) == 200:
            pass
        assert status == 507
        with full(ballast):
            answer = client.post("/seal")
            assert (answer.status_code, answer.json()["type"]) == (507, "urn:twinhouse:problem:disk-failed")
            assert "make room" in answer.json()["hint"]
            assert client.get("/latest", params={"point": series_id(1)}).status_code == 200
        assert send() == 200
        assert client.post("/seal").status_code == 200


if __name__ == "__main__":
    {"store": fill_store, "server": fill_server}[sys.argv[2]](Path(sys.argv[1]))
