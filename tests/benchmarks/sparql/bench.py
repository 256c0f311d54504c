"""What all parts of the benchmark share: the folder, the sizes, the campus, and the two stores with it."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.benchmarks.processes import settle
from tests.benchmarks.servers import Server, twinhouse
from tests.benchmarks.sparql import exchange
from tests.benchmarks.sparql.native import Native
from tests.benchmarks.sparql.servers import oxigraph
from tests.support import campus

QUADS = "application/n-quads"
UNTRANSACTED = "/store?no_transaction"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one way of loading took; sizes in bytes, time in seconds."""

    seconds: float
    memory: int
    disk: int


@dataclass(slots=True)
class Peaks:
    """The most memory that each server took in each part, in bytes."""

    by_part: dict[str, tuple[int, int]] = field(default_factory=dict)

    def note(self, part: str, ours: Server, theirs: Server) -> None:
        """Take the peaks since the last time."""
        self.by_part[part] = ours.memory.take(), theirs.memory.take()


@dataclass(frozen=True)
class Bench:
    """One run."""

    folder: Path
    native: Native
    triples: int
    seconds: float
    peaks: Peaks = field(default_factory=Peaks)

    def campus(self, triples: int | None = None) -> campus.Campus:
        """Return the campus of the given or of the full size."""
        return campus.Campus.of(triples or self.triples)

    def campus_file(self, triples: int | None = None) -> Path:
        """Return the campus and Brick as N-Quads, written once."""
        wanted = self.campus(triples)
        path = self.folder / f"campus-{wanted.buildings}.nq"
        if not path.exists():
            say(f"writing a campus of {wanted.triples:,} triples")
            campus.write(path, wanted)
        return path

    @cached_property
    def points(self) -> list[str]:
        """The IRIs of some points of the campus, in no order, the same in each run."""
        whole = self.campus()
        numbers = random.Random(1).sample(range(whole.points), min(whole.points, 100_000))
        return [point(whole, number) for number in numbers]

    @property
    def ours(self) -> Path:
        return self.folder / "twinhouse"

    @property
    def theirs(self) -> Path:
        return self.folder / "oxigraph"

    @contextmanager
    def both(self) -> Iterator[tuple[Server, Server]]:
        """Serve the campus by both, each with nothing left to do for itself."""
        self.fill()
        with twinhouse(self.ours) as ours, oxigraph(self.native, self.theirs) as theirs:
            for server in (ours, theirs):
                settle(server.pid)
            yield ours, theirs

    def fill(self) -> None:
        """Load the campus into both stores, unless a part that measures this has done so."""
        if not self.ours.exists():
            say("loading Twinhouse")
            with twinhouse(self.ours) as server:
                exchange.send(server.port, "PUT", "/store", self.campus_file(), QUADS)
        if not self.theirs.exists():
            say("loading Oxigraph")
            with oxigraph(self.native, self.theirs) as server:
                exchange.send(server.port, "POST", UNTRANSACTED, self.campus_file(), QUADS)


def point(whole: campus.Campus, number: int) -> str:
    """Return the IRI of a point by its number, from 0 on."""
    boxes = len(campus.AHU_POINTS)
    floor, place = divmod(number, boxes + whole.zones * len(campus.ZONE_POINTS))
    building, storey = divmod(floor, whole.floors)
    above = f"{whole.graph(building)}/{storey}"
    if place < boxes:
        return f"{above}/ahu/{campus.AHU_POINTS[place][0]}"
    zone, kind = divmod(place - boxes, len(campus.ZONE_POINTS))
    return f"{above}/{zone}/box/{campus.ZONE_POINTS[kind][0]}"


def forget(folder: Path) -> None:
    """Delete what is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    """Tell on stderr what goes on."""
    print(text, file=sys.stderr, flush=True)
