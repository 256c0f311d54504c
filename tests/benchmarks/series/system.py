"""What is asked of every system, and what a system can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Literal, Protocol

from tests.benchmarks.exchange import PATIENCE, Answer, exchange_on
from tests.benchmarks.processes import PeakMemory
from tests.benchmarks.series.data import DataSet

Write = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask: `what` of which series (one, those of a box or a floor, or all), from `start` until before `end`.

    `mean` and `count` are of every `every` seconds. Times are in seconds since 1970.
    """

    what: Literal["raw", "mean", "count", "latest"]
    of: DataSet
    whose: Literal["series", "box", "floor", "all"]
    number: int
    start: int
    end: int
    every: int = 86_400

    def tag(self) -> tuple[str, str] | None:
        """Return the tag and its value that the series have in common, None for all."""
        point = self.number
        if self.whose == "series":
            return "uuid", self.of.uuid(point)
        named = {"box": self.of.box(point), "floor": self.of.floor(point)}
        return (self.whose, named[self.whose]) if self.whose in named else None


@dataclass(frozen=True, slots=True)
class Found:
    """By what answers are compared: how many values, and their sum."""

    rows: int
    total: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with the seconds that it took to its last byte; `read` looks into it."""

    seconds: float
    size: int
    read: Callable[[], Found]


@dataclass(frozen=True, slots=True)
class Request:
    """One of HTTP."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None = None

    def on(self, connection: HTTPConnection) -> Answer:
        """Send it. Raises Refused."""
        return exchange_on(connection, self.method, self.target, self.headers, self.body)


class System(Protocol):
    """A system that runs."""

    @property
    def memory(self) -> PeakMemory | None:
        """What it takes; None for one that is in this process."""

    @property
    def pid(self) -> int:
        """The process whose processor time counts."""

    def prepare(self, *sets: DataSet) -> None:
        """Do what comes before the first reading."""

    def writer(self, way: str) -> AbstractContextManager[Write]:
        """Give what stores a body, on a connection of its own."""

    def flush(self) -> None:
        """Write everything as it is to stay."""

    def ask(self, question: Question, form: str = "") -> Reply:
        """Ask, in a `form` of answers where there are several. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A system that can be started: on a folder, where it keeps its data."""

    name: str
    start: Callable[[Path], AbstractContextManager[System]]
    durable: str  # what its answer to a write means
    command: str = ""  # that must be there
    clients: int = 4  # that write at a time


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """Give a connection that stays open."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def posting(port: int, target: str, media_type: str, coding: str | None = None) -> Iterator[Write]:
    """Give what posts a body to one address."""
    headers = {"Content-Type": media_type, **({"Content-Encoding": coding} if coding else {})}
    with connected(port) as connection:
        yield lambda body: _post(connection, target, headers, body)


def _post(connection: HTTPConnection, target: str, headers: dict[str, str], body: bytes) -> None:
    Request("POST", target, headers, body).on(connection)
