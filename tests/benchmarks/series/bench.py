"""What all parts share: the folder, the sizes, the systems that are there, and their stores with all readings."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.processes import busy_seconds, settle
from tests.benchmarks.series import bodies, duck, influx, ours, victoria
from tests.benchmarks.series.data import Block, DataSet, midnight
from tests.benchmarks.series.system import Kind, System, Write

KINDS = (ours.KIND, influx.KIND, victoria.KIND, duck.KIND)
POINTS, DAYS = 10_000, 30
YEAR_POINTS, YEAR_DAYS = 100, 365


@dataclass(frozen=True, slots=True)
class Way:
    """One way to bring readings in."""

    kind: Kind
    name: str
    encode: bodies.Encode
    title: str = ""


WAYS = (
    Way(ours.KIND, ours.ARROW, bodies.arrow, "Arrow streams"),
    Way(ours.KIND, ours.PARQUET, bodies.parquet, "Parquet files"),
    Way(ours.KIND, ours.LINES, bodies.lines, "line protocol"),
    Way(influx.KIND, ours.LINES, bodies.lines, "line protocol"),
    Way(victoria.KIND, ours.LINES, bodies.lines, "line protocol"),
    Way(victoria.KIND, victoria.CSV, bodies.csv, "CSV"),
    Way(duck.KIND, ours.ARROW, bodies.arrow, "INSERT from Arrow"),
)


def usual_way(kind: Kind) -> Way:
    """Return the way by which the store is filled that the questions ask."""
    return next(way for way in WAYS if way.kind is kind)


@dataclass(frozen=True, slots=True)
class Written:
    """What writing took, in seconds: of the clock, and of the processors by the system."""

    readings: int
    seconds: float
    busy: float


@dataclass(frozen=True)
class Bench:
    """One run."""

    folder: Path
    kinds: Sequence[Kind]
    scale: float = 1.0
    runs: int = 20
    long: bool = False
    peaks: dict[tuple[str, str], int] = field(default_factory=dict)  # bytes, by part and system

    @property
    def points(self) -> int:
        return max(1, round(POINTS * self.scale))

    @property
    def month(self) -> DataSet:
        return DataSet("reading", self.points, DAYS, midnight(2025))

    @property
    def year(self) -> DataSet:
        return DataSet("year", max(1, round(YEAR_POINTS * self.scale)), YEAR_DAYS, midnight(2023))

    def store(self, kind: Kind) -> Path:
        """Return the folder of the store that the questions ask."""
        return self.folder / kind.name.partition(",")[0].lower()

    @contextmanager
    def all(self) -> Iterator[dict[Kind, System]]:
        """Run all systems with all readings, each with nothing left to do for itself."""
        for kind in self.kinds:
            self.fill(kind)
        with ExitStack() as stack:
            systems = {kind: stack.enter_context(kind.start(self.store(kind))) for kind in self.kinds}
            for kind, system in systems.items():
                if kind.command or kind is ours.KIND:
                    settle(system.pid)
            yield systems

    def fill(self, kind: Kind) -> None:
        """Make the store, unless the part that measures this has done so."""
        if self._whole(kind).exists():
            return
        with kind.start(self.begin(kind)) as system:
            system.prepare(self.month, self.year)
            say(f"filling {kind.name}")
            write(system, usual_way(kind), self.month.blocks())
            self.complete(kind, system)

    def complete(self, kind: Kind, system: System) -> None:
        """Add the year to a store that has the month."""
        write(system, usual_way(kind), self.year.blocks())
        system.flush()
        self._whole(kind).touch()

    def _whole(self, kind: Kind) -> Path:
        """Return the file that says that a store has everything."""
        return self.store(kind).with_suffix(".whole")

    def begin(self, kind: Kind) -> Path:
        """Return the folder of an empty store."""
        self._whole(kind).unlink(missing_ok=True)
        forget(self.store(kind))
        return self.store(kind)

    def note(self, part: str, kind: Kind, system: System) -> None:
        """Take the peak of memory since the last time."""
        if system.memory is not None:
            self.peaks[part, kind.name] = max(system.memory.take(), self.peaks.get((part, kind.name), 0))


def write(system: System, way: Way, blocks: Iterable[Block]) -> Written:
    """Write readings by so many clients as is usual. Making the bodies does not count. Raises Refused."""
    readings, seconds, busy = 0, 0.0, 0.0
    clients = way.kind.clients
    with ExitStack() as stack, ThreadPoolExecutor(clients) as pool:
        writers = [stack.enter_context(system.writer(way.name)) for _ in range(clients)]
        for block in blocks:
            waiting = list(way.encode(block))
            began, used = time.perf_counter(), busy_seconds(system.pid)
            send(pool, writers, waiting)
            seconds += time.perf_counter() - began
            busy += busy_seconds(system.pid) - used
            readings += block.readings
    return Written(readings, seconds, busy)


def send(pool: Executor, writers: Sequence[Write], waiting: list[bytes]) -> None:
    """Send what waits, each body by the writer that is free next."""
    for done in [pool.submit(_client, writer, waiting) for writer in writers]:
        done.result()


def _client(writer: Write, waiting: list[bytes]) -> None:
    while True:
        try:
            body = waiting.pop(0)  # one after the other, in the order of time
        except IndexError:
            return
        writer(body)


def forget(folder: Path) -> None:
    """Delete what is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    """Tell on stderr what goes on."""
    print(text, file=sys.stderr, flush=True)
