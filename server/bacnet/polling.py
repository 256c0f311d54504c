"""One device: its points are read in turn, spread over their intervals; its loss and return are noticed and told."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import time
from collections.abc import Callable, Sequence

from server.bacnet.buffer import Reading
from server.bacnet.errors import NoAnswer
from server.bacnet.names import device_id
from server.bacnet.planning import Plan, Point, asked_rarely, batches, by_interval
from server.bacnet.properties import PRESENT_VALUE, RELIABILITY, STATUS_FLAGS
from server.bacnet.reading import Reader
from server.bacnet.services import Answer, Read
from server.bacnet.values import LOST, UNREADABLE, has_fault, reading_of, status_of

_LOG = logging.getLogger(__name__)
_SYSTEM_STATUS = 112
_FIRST_PROBE, _LONGEST_PROBE = 2.0, 60.0

Emit = Callable[[Sequence[Reading]], None]


def now() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


class Recorder:
    """Makes readings of what a device says, and knows what each point last said."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._last: dict[str, Reading] = {}

    def record(self, points: Sequence[Point], answers: Sequence[Answer], at: int) -> list[Point]:
        """Record present values and flags of points; return the points with a fault."""
        found = {(answer.read.object, answer.read.property): answer for answer in answers}
        readings: list[Reading] = []
        faults: list[Point] = []
        for point in points:
            value = found.get((point.object, PRESENT_VALUE))
            flags = found.get((point.object, STATUS_FLAGS))
            if value is None or value.error is not None:
                readings += self._marked([point], UNREADABLE, at)
            elif has_fault(flags):
                faults.append(point)
            else:
                readings += self._known(point, value, status_of(flags.value if flags else None), at)
        self._emit(readings)
        return faults

    def record_fault(self, point: Point, answers: Sequence[Answer], at: int) -> None:
        """Record a point with a fault, whose value, flags and reliability were read."""
        value, flags, reliability = answers
        self._emit(self._known(point, value, status_of(flags.value, reliability.value), at))

    def changed(self, point: Point, answers: Sequence[Answer], at: int) -> None:
        """Record a change that the device told."""
        found = {answer.read.property: answer for answer in answers}
        if PRESENT_VALUE in found:
            flags = found.get(STATUS_FLAGS)
            self._emit(self._known(point, found[PRESENT_VALUE], status_of(flags.value if flags else None), at))

    def lost(self, points: Sequence[Point], at: int) -> None:
        """Tell that nothing is known of points any more: their last value comes again, with that as its quality."""
        self._emit(self._marked(points, LOST, at))

    def _known(self, point: Point, answer: Answer, status: str | None, at: int) -> list[Reading]:
        reading = reading_of(point.id, at, point.object, answer.value, status)
        if reading is None:
            return self._marked([point], UNREADABLE, at)
        self._last[point.id] = reading
        return [reading]

    def _marked(self, points: Sequence[Point], status: str, at: int) -> list[Reading]:
        """Return the last readings of points with another quality, once; of what was never read there is none."""
        marked = []
        for point in points:
            last = self._last.get(point.id)
            if last is not None and last.status != status:
                self._last[point.id] = last._replace(time=at, status=status)
                marked.append(self._last[point.id])
        return marked


class Device:
    """One device while the gateway runs."""

    def __init__(
        self, plan: Plan, reader: Reader, recorder: Recorder, slow: float, alive: float | None = None
    ) -> None:
        """`slow` is how often points with a subscription are read all the same, in seconds.

        `alive` is how often the device is asked whether it is there, where nothing else is asked of it so often.
        """
        self.plan = plan
        self.reader = reader
        self.recorder = recorder
        self.alive = True
        self._every_alive = alive or slow
        self._back = asyncio.Event()
        self._slow = slow
        self._due: list[tuple[float, int, Sequence[Point], float]] = []
        self._order = 0
        self._changed = asyncio.Event()
        self._probe = Read(device_id(plan.instance), _SYSTEM_STATUS)

    def schedule(self, points: Sequence[Point], every: float) -> None:
        """Read points every so many seconds from now on, in parts that are spread over the interval."""
        parts = list(batches(points, self.reader.limits))
        start = time.monotonic()
        for number, part in enumerate(parts):
            phase = (self.plan.phase + number / len(parts)) % 1.0
            self._push(start + phase * every, part, every)

    def _push(self, due: float, points: Sequence[Point], every: float) -> None:
        self._order += 1
        heapq.heappush(self._due, (due, self._order, points, every))
        self._changed.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        for interval, all_points in by_interval(self.plan.points, self._slow).items():
            self.schedule(all_points, interval)
        if asked_rarely(self.plan, self._slow, self._every_alive):
            self._push(time.monotonic() + self.plan.phase * self._every_alive, (), self._every_alive)
        while True:
            await self._until_due()
            due, _, points, every = heapq.heappop(self._due)
            try:
                await self.poll(points)
            except NoAnswer:
                await self._wait_for_return()
            missed = max(0.0, (time.monotonic() - due) // every)
            self._push(due + (missed + 1) * every, points, every)

    async def _until_due(self) -> None:
        """Wait until something is to be read; what is scheduled meanwhile may be earlier."""
        while not self._due or self._due[0][0] > time.monotonic():
            self._changed.clear()
            wait = self._due[0][0] - time.monotonic() if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def poll(self, points: Sequence[Point]) -> None:
        """Read points and record them; of no points, ask whether the device is there. Raises NoAnswer."""
        if not points:
            await self.reader.one(self._probe)
            return
        answers = await self.reader.read([read for point in points for read in point.reads])
        faults = self.recorder.record(points, answers, now())
        for point in faults:
            reads = [*point.reads, Read(point.object, RELIABILITY)]
            self.recorder.record_fault(point, await self.reader.read(reads), now())

    async def _wait_for_return(self) -> None:
        """Mark the points, and ask now and then until the device answers."""
        self.alive = False
        _LOG.warning("device %s at %s does not answer", self.plan.name, self.plan.station)
        self.recorder.lost(self.plan.points, now())
        pause = _FIRST_PROBE
        while not await self.answers():
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PROBE)
        self.alive = True
        self._back.set()
        self._back = asyncio.Event()
        _LOG.info("device %s at %s answers again", self.plan.name, self.plan.station)

    async def until_back(self, seconds: float) -> None:
        """Wait so long, or until the device has been away and is back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._back.wait()

    async def answers(self) -> bool:
        """Tell whether the device answers at all."""
        try:
            await self.reader.one(self._probe)
        except NoAnswer:
            return False
        return True
