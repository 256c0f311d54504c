"""How fast line protocol comes in: read alone, and over HTTP until it is durable.

    python -m tests.benchmarks.line_protocol

Prints readings a second, by the clock and by the CPU of the reading process or the server.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from server.tables.line_protocol.read import Precision, read_lines
from tests.support.service import serving

START = 1_767_225_600_000_000_000
BATCH, BATCHES = 5_000, 100
SERIES = 5_000
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Shape:
    """A kind of line, with how many readings it has."""

    name: str
    readings: int
    line: Callable[[int], str]


SHAPES = (
    Shape(
        "one field",
        1,
        lambda n: f"zone_temperature,building=north,floor=3,room=n3-{n % SERIES:04d} value={20 + n % 997 / 100}",
    ),
    Shape("uuid", 1, lambda n: f"reading,uuid=00000000-0000-4000-8000-{n % SERIES:012d} value={20 + n % 997 / 100}"),
    Shape(
        "telegraf cpu",
        10,
        lambda n: (
            f"cpu,cpu=cpu{n % 8},host=gateway-{n // 8 % 60:03d} usage_guest=0,usage_guest_nice=0,"
            f"usage_idle={90 + n % 97 / 10},usage_iowait={n % 7 / 10},usage_irq=0,usage_nice=0,usage_softirq=0.1,"
            f"usage_steal=0,usage_system={n % 31 / 10},usage_user={n % 53 / 10}"
        ),
    ),
    Shape(
        "text and escapes",
        3,
        lambda n: (
            f"°C,domain=sensor,entity_id=room\\ {n % 1500} value={20 + n % 97 / 10},"
            f'friendly_name_str="Room {n % 1500}, north",on=t'
        ),
    ),
)


def body(shape: Shape, first: int, count: int) -> bytes:
    """Return so many lines."""
    return "".join(f"{shape.line(n)} {START + n * 1_000_000}\n" for n in range(first, first + count)).encode()


def read(shape: Shape) -> str:
    """Read about 32 MB of it, as often as gives a steady figure."""
    text = body(shape, 0, (32 << 20) // len(body(shape, 0, 1)))
    wall, cpu, rows = time.perf_counter(), time.process_time(), 0
    for _ in range(3):
        rows += sum(len(batch.codes) for batch in read_lines(io.BytesIO(text), Precision("ns")))
    return _figures(rows, time.perf_counter() - wall, time.process_time() - cpu)


def send(url: str, pid: int, bodies: list[bytes], readings: int, clients: int, headers: dict[str, str]) -> str:
    """Send the bodies by so many clients."""
    waiting, lock = iter(bodies), threading.Lock()

    def client() -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=120)
        while True:
            with lock:
                one = next(waiting, None)
            if one is None:
                return connection.close()
            connection.request("POST", "/api/v2/write?bucket=bench", one, headers)
            answer = connection.getresponse()
            assert answer.status == 204, answer.read()
            answer.read()

    wall, cpu = time.perf_counter(), _cpu(pid)
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(client) for _ in range(clients)]:
            done.result()
    return _figures(readings, time.perf_counter() - wall, _cpu(pid) - cpu)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _figures(readings: int, wall: float, cpu: float) -> str:
    return f"{readings / wall / 1e6:6.2f} M/s   {readings / max(cpu, 0.01) / 1e6:6.2f} M per CPU second"


def rows() -> Iterator[tuple[str, str]]:
    """Yield each thing measured, with its figures."""
    for shape in SHAPES:
        yield f"read alone, {shape.name}", read(shape)
    for shape in SHAPES:
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data") as service:
            known = body(shape, 0, SERIES)
            send(service.url, service.process.pid, [known], 0, 1, {})
            batches = [body(shape, n * BATCH, BATCH) for n in range(1, BATCHES + 1)]
            count = BATCHES * BATCH * shape.readings
            pid = service.process.pid
            yield f"5,000 lines a request, {shape.name}", send(service.url, pid, batches, count, 4, {})
            if shape.readings == 10:
                packed = [gzip.compress(batch, 1) for batch in batches]
                gzipped = {"Content-Encoding": "gzip"}
                yield f"5,000 lines, gzip, {shape.name}", send(service.url, pid, packed, count, 4, gzipped)
            large = body(shape, 0, (100 << 20) // len(body(shape, 0, 1)))
            lines = large.count(b"\n") * shape.readings
            yield f"{len(large) >> 20} MiB at once, {shape.name}", send(service.url, pid, [large], lines, 1, {})


def main() -> None:
    """Print a table."""
    for name, figures in rows():
        print(f"{name:44} {figures}", flush=True)


if __name__ == "__main__":
    main()
