"""How fast readings come in by requests of several sizes and numbers of clients, and what is left to do then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.processes import busy_seconds, settle
from tests.benchmarks.report import Part, milliseconds
from tests.benchmarks.series import bodies, ours
from tests.benchmarks.series.bench import Bench, forget, say, send
from tests.benchmarks.series.data import Block, DataSet, midnight
from tests.benchmarks.series.system import System, Write

_HEAD = (
    "form",
    "readings a request",
    "clients",
    "readings a second",
    "CPU a million",
    "the clients' CPU",
    "median",
    "99th percentile",
    "CPU afterwards",
)
_TEXT = """Twinhouse alone: how requests of other sizes and other numbers of clients do, each a connection that stays
open. {points:,} points report every five minutes, 100 of them for the smallest requests. Readings are on disk and
visible when a request is answered; median and percentile are of its time, until the answer is read. The clients are
threads of one process, on the same cores. "Afterwards" is what it takes then until all is sealed, compacted and
rolled up (`POST /seal`, and until the server is idle), beyond what of that went on meanwhile; all CPU times are
those of a million readings."""
_DAYS = 400


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of one form and size, sent by so many clients."""

    way: str
    encode: Callable[[Block, int], Iterator[bytes]]
    size: int
    clients: int
    least: int = 3_000_000  # readings

    def sent(self, system: System, scale: float, blocks: Iterator[Block]) -> tuple[str, ...]:
        """Send them, and return the cells of the table."""
        least, waiting, readings = round(self.least * scale), list[bytes](), 0
        while readings < least:
            block = next(blocks)
            readings += block.readings
            waiting += self.encode(block, self.size)
        times: list[float] = []
        with ExitStack() as stack, ThreadPoolExecutor(self.clients) as pool:
            writers = [_timed(stack.enter_context(system.writer(self.way)), times) for _ in range(self.clients)]
            busy, own, began = busy_seconds(system.pid), time.process_time(), time.perf_counter()
            send(pool, writers, waiting)
            seconds, own, until = time.perf_counter() - began, time.process_time() - own, busy_seconds(system.pid)
        system.flush()
        settle(system.pid)
        cpu = (until - busy, own, busy_seconds(system.pid) - until)
        server, client, after = (f"{each / readings * 1e6:,.2f} s" for each in cpu)
        median, late = (milliseconds(float(each)) for each in np.quantile(times, (0.5, 0.99)))
        return f"{readings / seconds:,.0f}", server, client, median, late, after


def _timed(write: Write, times: list[float]) -> Write:
    def timed(body: bytes) -> None:
        began = time.perf_counter()
        write(body)
        times.append(time.perf_counter() - began)

    return timed


_FEW = Load(ours.ARROW, bodies.arrow, 100, 1, 25_000)
LOADS = (
    _FEW,
    *(Load(ours.ARROW, bodies.arrow, 10_000, clients) for clients in (1, 4)),
    *(Load(ours.ARROW, bodies.arrow, 100_000, clients) for clients in (1, 2, 4)),
    *(Load(ours.ARROW, bodies.arrow, 1_000_000, clients) for clients in (1, 4)),
    *(Load(ours.LINES, bodies.lines, 10_000, clients, 1_500_000) for clients in (1, 2, 4)),
    Load(ours.GZIPPED, bodies.gzipped, 10_000, 4, 1_500_000),
    Load(ours.LINES, bodies.lines, 100_000, 4, 1_500_000),
)


def writes(bench: Bench) -> Part:
    """Send all loads to one server, one after the other."""
    many = DataSet("reading", bench.points, _DAYS, midnight(2025))
    few = DataSet("few", min(100, bench.points), _DAYS, midnight(2025))
    part, data = Part("Writes", _HEAD, _TEXT.format(points=many.points)), bench.folder / "writes"
    forget(data)
    with ours.KIND.start(data) as system:
        system.prepare(many, few)
        blocks, small = many.blocks(1), few.blocks(1)
        for load in LOADS:
            say(f"writes: {load.way}, {load.size:,} readings, {load.clients} clients")
            cells = load.sent(system, bench.scale, small if load is _FEW else blocks)
            part.add(load.way, f"{load.size:,}", str(load.clients), *cells)
            say(" | ".join(part.rows[-1]))
        bench.note("writes", ours.KIND, system)
    forget(data)
    return part
