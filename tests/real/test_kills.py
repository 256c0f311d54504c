"""kill -9 while a large history comes in: what was acknowledged is there, whole, and nothing in part."""

from __future__ import annotations

import io
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx2
import numpy as np
import pyarrow as pa
import pytest

from tests.support.service import Service, serving

KILLS = 20
SIZES = (20, 2_000, 20_000, 260_000)  # from the last on, a request becomes a Parquet file of its own
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}


def part(number: int) -> tuple[str, int, bytes]:
    """Return one part of the history: the series that it has for itself, its readings, and the body."""
    series, rows = str(UUID(int=number)), SIZES[number % 10 if number % 10 < len(SIZES) else 1]
    times = pa.array(np.arange(rows, dtype="int64") * 60_000_000).cast(pa.timestamp("us", "UTC"))
    table = pa.table(
        {"id": pa.repeat(pa.scalar(series), rows), "time": times, "value": pa.array(np.full(rows, float(number)))}
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return series, rows, sink.getvalue()


@dataclass
class Upload:
    """Sends part after part until the server dies, noting what was sent and what was acknowledged."""

    numbers: count[int] = field(default_factory=lambda: count(1))
    sent: dict[str, int] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    def run(self, service: Service, first: threading.Event) -> None:
        with httpx2.Client(timeout=60) as client:
            while True:
                series, rows, body = part(next(self.numbers))
                self.sent[series] = rows
                try:
                    answer = client.post(f"{service.url}/readings", content=body, headers=ARROW)
                except httpx2.TransportError:
                    return
                assert answer.json()["readings"] == rows
                self.acknowledged.add(series)
                first.set()


def stored(service: Service, series: list[str]) -> dict[str, int]:
    wanted = {"point": series, "aggregate": "count", "format": "json"}
    rows = httpx2.post(f"{service.url}/readings/query", json=wanted, timeout=60).json()["data"]
    return {row["point"].removeprefix("urn:uuid:"): int(row["value"]) for row in rows}


@pytest.mark.timeout(240)
def test_acknowledged_requests_survive_twenty_kills_whole(tmp_path: Path) -> None:
    upload, chance = Upload(), random.Random(20)
    for kill in range(KILLS):
        with serving(tmp_path / "data", readers=1) as service:
            if upload.sent:
                check(upload, stored(service, list(upload.sent)))
            first = threading.Event()
            with ThreadPoolExecutor(3) as clients:
                running = [clients.submit(upload.run, service, first) for _ in range(3)]
                assert first.wait(30), f"nothing was acknowledged before kill {kill}"
                threading.Event().wait(chance.uniform(0, 0.4))
                service.kill()
            for done in running:
                done.result()
    with serving(tmp_path / "data", readers=1) as service:
        check(upload, stored(service, list(upload.sent)))
        assert httpx2.post(f"{service.url}/check", timeout=60).json()["ok"] is True
    assert len(upload.acknowledged) > KILLS


def check(upload: Upload, found: dict[str, int]) -> None:
    assert {series for series in upload.acknowledged if found.get(series) != upload.sent[series]} == set()
    assert {series: rows for series, rows in found.items() if rows != upload.sent[series]} == {}
