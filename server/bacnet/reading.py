"""Reads many properties of one device in as few requests as it can take, and remembers what it could.

Devices differ: some have no ReadPropertyMultiple, some cannot send answers in segments, some abort on long ones, some
drop them without a word. What one refuses is asked again in halves, down to single reads; one property that cannot be
read never drops the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from server.bacnet.errors import UNRECOGNIZED_SERVICE, Aborted, BacnetError, Malformed, NoAnswer, Refused, Rejected
from server.bacnet.link import Network
from server.bacnet.services import (
    READ_MULTIPLE,
    READ_PROPERTY,
    Answer,
    Read,
    read_multiple,
    read_multiple_ack,
    read_property,
    read_property_ack,
)
from server.bacnet.station import Station
from server.bacnet.transactions import MAX_APDU

_HEAD = 12  # of an APDU with its service, and some room
_OBJECT = 7  # an object identifier with opening and closing tag
_PROPERTY = 4  # a property identifier, opening and closing tag
_SMALLEST = 50
_SIZES = {77: 32, 28: 48, 85: 6, 111: 3, 117: 3, 103: 3, 110: 120, 87: 6, 81: 1, 75: 6, 22: 6, 211: 200}
_TYPICAL = 8
_ARGUMENTS = (0, 1, 7)  # Rejects that fewer arguments mend: other, buffer overflow, too many arguments


@dataclass(frozen=True, slots=True)
class Limits:
    """What a device can take.

    multiple: whether it has ReadPropertyMultiple
    request, answer: the most bytes of a request and of an answer
    """

    multiple: bool = True
    request: int = MAX_APDU
    answer: int = MAX_APDU


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard a device may be asked: requests a second, and how many at a time."""

    per_second: float
    in_flight: int


NEAR = Pace(200.0, 2)
BEHIND_ROUTER = Pace(10.0, 1)  # MS/TP and the like


class Throttle:
    """Lets requests through in turn, at a pace."""

    def __init__(self, pace: Pace) -> None:
        self.in_flight = pace.in_flight
        self._interval = 1 / pace.per_second
        self._slots = asyncio.Semaphore(pace.in_flight)
        self._free = 0.0

    async def __aenter__(self) -> None:
        """Wait for a turn."""
        await self._slots.acquire()
        now = time.monotonic()
        self._free = max(self._free, now) + self._interval
        try:
            await asyncio.sleep(self._free - self._interval - now)
        except BaseException:
            self._slots.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Let the next one in."""
        self._slots.release()


class Throttles:
    """The throttle of each device; those behind a router share one for their network."""

    def __init__(self, near: Pace = NEAR, far: Pace = BEHIND_ROUTER) -> None:
        """`near` is the pace of a device on our network, `far` that of all devices of a network behind a router."""
        self._near, self._far = near, far
        self._throttles: dict[Station, Throttle] = {}

    def of(self, station: Station) -> Throttle:
        """Return the throttle of a device."""
        key = station.trunk
        if key not in self._throttles:
            self._throttles[key] = Throttle(self._near if station.network is None else self._far)
        return self._throttles[key]


class Reader:
    """Reads from one device."""

    def __init__(self, network: Network, station: Station, limits: Limits, throttle: Throttle) -> None:
        self.network = network
        self.station = station
        self.limits = limits
        self.requests = 0
        self._throttle = throttle

    async def request(self, service: int, data: bytes) -> bytes:
        """Send a request in its turn. Raises BacnetError."""
        async with self._throttle:
            self.requests += 1
            return await self.network.request(self.station, service, data)

    async def read(self, reads: Sequence[Read]) -> list[Answer]:
        """Return an answer for each, in their order, or why there is none. Raises NoAnswer when it is gone."""
        batches = enumerate(cut(reads, lambda: self.limits))  # as they are sent, by what is known by then
        found: dict[int, list[Answer]] = {}

        async def work() -> None:
            for number, batch in batches:
                found[number] = await self._batch(batch)

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._throttle.in_flight):
                    tasks.create_task(work())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return [answer for number in sorted(found) for answer in found[number]]

    async def one(self, read: Read) -> Answer:
        """Return the answer of a single read, or why there is none. Raises NoAnswer."""
        try:
            return read_property_ack(await self.request(READ_PROPERTY, read_property(read)), read)
        except NoAnswer:
            raise
        except BacnetError as error:
            return Answer(read, (), error)

    async def _batch(self, batch: Sequence[Read]) -> list[Answer]:
        if not self.limits.multiple or len(batch) == 1:
            return [await self.one(read) for read in batch]
        try:
            data = await self.request(READ_MULTIPLE, read_multiple(batch))
            return _in_order(batch, read_multiple_ack(data))
        except NoAnswer:
            await self._require_alive(batch[0])
            self._shrink(batch)
        except (Aborted, Rejected) as error:
            self._learn(error, batch)
        except (Refused, Malformed):
            pass  # of one of them, it does not say which
        return await self._halves(batch)

    async def _halves(self, batch: Sequence[Read]) -> list[Answer]:
        middle = len(batch) // 2
        return [*await self._batch(batch[:middle]), *await self._batch(batch[middle:])]

    async def _require_alive(self, read: Read) -> None:
        """Tell a device that drops what is too long from one that is gone: that raises NoAnswer."""
        await self.one(read)

    def _learn(self, error: Aborted | Rejected, batch: Sequence[Read]) -> None:
        if isinstance(error, Rejected) and error.reason == UNRECOGNIZED_SERVICE:
            self.limits = replace(self.limits, multiple=False)
        elif isinstance(error, Aborted) or error.reason in _ARGUMENTS:
            self._shrink(batch)

    def _shrink(self, batch: Sequence[Read]) -> None:
        """Remember that so much was too much; requests that were under way at the same time count once."""
        expected = _HEAD + sum(
            _sizes(read, at == 0 or batch[at - 1].object != read.object)[1] for at, read in enumerate(batch)
        )
        self.limits = replace(self.limits, answer=max(_SMALLEST, min(self.limits.answer, expected // 2)))


def cut(reads: Sequence[Read], limits: Callable[[], Limits]) -> Iterator[Sequence[Read]]:
    """Cut reads into parts that should fit what a device can take by then."""
    start, request, answer = 0, _HEAD, _HEAD
    for at, read in enumerate(reads):
        asks, brings = _sizes(read, at == start or reads[at - 1].object != read.object)
        full = request + asks > limits().request or answer + brings > limits().answer
        if at > start and (full or not limits().multiple):
            yield reads[start:at]
            start, request, answer = at, _HEAD, _HEAD
            asks, brings = _sizes(read, True)
        request, answer = request + asks, answer + brings
    if start < len(reads):
        yield reads[start:]


def _sizes(read: Read, fresh: bool) -> tuple[int, int]:
    """Return the bytes that a read takes in the request, and that its answer probably takes."""
    head = _OBJECT if fresh else 0
    index = 0 if read.array_index is None else 3
    return head + 3 + index, head + _PROPERTY + index + _SIZES.get(read.property, _TYPICAL)


def _in_order(batch: Sequence[Read], answers: list[Answer]) -> list[Answer]:
    """Return the answers in the order of the reads: devices may change it, or leave some out."""
    if len(answers) == len(batch) and all(answer.read == read for answer, read in zip(answers, batch, strict=True)):
        return answers
    found = {answer.read: answer for answer in answers}
    return [found.get(read) or Answer(read, (), Malformed("it is missing in the answer")) for read in batch]
