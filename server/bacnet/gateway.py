"""The gateway: what it reads on the network goes through a buffer on disk to the server."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from server.bacnet import classes, memory
from server.bacnet.buffer import Buffer, Reading
from server.bacnet.config import Config
from server.bacnet.errors import BacnetError
from server.bacnet.link import Network, on_network
from server.bacnet.operating import Operator
from server.bacnet.planning import Plan, plans_of, without_effect
from server.bacnet.polling import Device, Recorder
from server.bacnet.reading import Reader, Throttles
from server.bacnet.scan import BadScan
from server.bacnet.scan import read as read_scan
from server.bacnet.sending import Away, Sender
from server.bacnet.subscribing import Subscriptions
from server.bacnet.trends import Trends

_LOG = logging.getLogger(__name__)
_FLUSH_SECONDS = 0.5
_END_SECONDS = 5.0
_STATUS_SECONDS = 60.0
_LOOK_SECONDS = 5.0
_LEARN_SECONDS, _AGAIN_SECONDS = 600.0, 60.0
_IN_MEMORY = 1_000_000  # readings


class NoState(BacnetError):
    """A folder for what must outlive the process that cannot be used, or that another gateway uses."""


class Gateway:
    """All that runs, from the network to the server. A newer scan is taken up while it runs."""

    def __init__(self, config: Config, network: Network, buffer: Buffer) -> None:
        self.config = config
        self.network = network
        self.buffer = buffer
        self._fresh: list[Reading] = []
        self._recorder = Recorder(self._fresh.extend)
        self._subscriptions = Subscriptions(config.cov_lifetime, confirmed=config.cov_confirmed)
        self._throttles = Throttles(config.near, config.far)
        self._running: dict[str, tuple[Device, list[asyncio.Task[None]]]] = {}
        self._planning = asyncio.Lock()
        self.sender = Sender(buffer, config.url, config.token_file)
        self.operator = Operator(config)
        network.listeners.append(self._subscriptions.heard)

    @property
    def devices(self) -> list[Device]:
        """The devices that are recorded."""
        return [device for device, _ in self._running.values()]

    @property
    def subscribed(self) -> int:
        """How many subscriptions are held."""
        return len(self._subscriptions.held)

    async def run(self, plans: Sequence[Plan], seen: object) -> None:
        """Run until cancelled; then end subscriptions, keep what was heard, and send what can be sent soon.

        `seen` is the stamp of the scan that the plans are of.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._take_up(plans, tasks)
                tasks.create_task(self._follow(seen, tasks))
                tasks.create_task(self._learn(tasks))
                tasks.create_task(self._flush())
                tasks.create_task(self.sender.run())
                tasks.create_task(self.operator.take_orders())
                tasks.create_task(self.operator.take_back())
                tasks.create_task(self._tell())
        finally:
            self.operator.close()
            self._keep()
            await self._subscriptions.end(self.devices)
            self._keep()
            await self.sender.send_all(_END_SECONDS)

    async def _follow(self, seen: object, tasks: asyncio.TaskGroup) -> None:
        """Take up each newer scan; one that cannot be read changes nothing."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            found = _stamp(self.config.scan)
            if found is None or found == seen:
                continue
            seen = found
            try:
                plans = await asyncio.to_thread(planned, self.config)
            except BacnetError as error:
                _LOG.error("the new scan is not taken up: %s", error)
                continue
            await self._take_up(plans, tasks)

    async def _learn(self, tasks: asyncio.TaskGroup) -> None:
        """Ask the server for the points' classes now and then, if rules name any, and plan anew where they differ."""
        while classes.are_wanted(self.config):
            before = classes.known(self.config)
            try:
                found = await classes.learn(self.config, read_scan(self.config.scan).name)
                if found != before:
                    await self._take_up(await asyncio.to_thread(planned, self.config), tasks)
                await asyncio.sleep(_LEARN_SECONDS)
            except (Away, BacnetError, OSError) as error:
                _LOG.warning("the classes of points are not known anew: %s", error)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _take_up(self, plans: Sequence[Plan], tasks: asyncio.TaskGroup) -> None:
        """Start what is new, and end what is gone; devices of which nothing has changed go on as they are."""
        async with self._planning:
            await self._replace(plans, tasks)

    async def _replace(self, plans: Sequence[Plan], tasks: asyncio.TaskGroup) -> None:
        wanted = {plan.key: plan for plan in plans}
        gone = [key for key, (device, _) in self._running.items() if wanted.get(key) != device.plan]
        ended = [self._running.pop(key) for key in gone]
        for _, own in ended:
            for task in own:
                task.cancel()
        await self._subscriptions.end([device for device, _ in ended])
        for key in wanted.keys() - self._running.keys():
            self._start(wanted[key], tasks)
        self.operator.know(self.devices)
        points = sum(len(plan.points) for plan in plans)
        _LOG.info("recording %d points of %d devices for %s", points, len(plans), self.config.url)
        for told in without_effect(self.config, plans):
            _LOG.warning("%s: %s", self.config.path, told)

    def _start(self, plan: Plan, tasks: asyncio.TaskGroup) -> None:
        reader = Reader(self.network, plan.station, plan.limits, self._throttles.of(plan.station))
        device = Device(plan, reader, self._recorder, self.config.cov_every, self.config.every)
        trends = Trends(device, self.buffer, self.config.timezone)
        work = (device.run(), self._subscriptions.keep(device), trends.run(self.config.trends_every))
        self._running[plan.key] = device, [tasks.create_task(each) for each in work]

    async def _flush(self) -> None:
        """Bring what was heard to the disk, every half second."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            if self._fresh:
                await self._write(self._take())

    async def _write(self, fresh: list[Reading]) -> None:
        """Keep readings; while the disk takes none, they wait in memory, the oldest of very many go."""
        try:
            await asyncio.to_thread(self.buffer.add, fresh)
        except sqlite3.OperationalError as error:
            _LOG.error("the buffer takes no readings: %s", error)
            self._fresh[:0] = fresh
            del self._fresh[: max(0, len(self._fresh) - _IN_MEMORY)]
            await asyncio.sleep(_FLUSH_SECONDS * 10)

    def _take(self) -> list[Reading]:
        fresh = self._fresh.copy()
        self._fresh.clear()
        return fresh

    def _keep(self) -> None:
        if self._fresh:
            self.buffer.add(self._take())

    async def _tell(self) -> None:
        """Log how it goes, every minute."""
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            away = sum(not device.alive for device in self.devices)
            _LOG.info(
                "%d devices (%d away), %d subscriptions, %d readings sent, %d waiting, %d dropped",
                *(len(self.devices), away, self.subscribed),
                *(self.sender.sent, len(self.buffer), self.buffer.dropped),
            )


def planned(config: Config) -> list[Plan]:
    """Return what the gateway would do. Raises BadScan."""
    try:
        return plans_of(config, read_scan(config.scan), memory.read(config.scan), classes.known(config))
    except ValueError as error:  # an address that is none
        raise BadScan(f"{config.scan}: {error}") from None


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


async def run(config: Config) -> None:
    """Run the gateway until cancelled. Raises BadScan, NoState, NoNetwork."""
    seen = _stamp(config.scan)
    plans = planned(config)
    with (
        _alone(config.state),
        contextlib.closing(Buffer(config.state / "buffer.sqlite", config.buffer_rows)) as buffer,
    ):
        async with on_network(config.interface) as network:
            await Gateway(config, network, buffer).run(plans, seen)


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold a gateway's state; the lock is the kernel's and ends with the process. Raises NoState."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        file = (state / "lock").open("w")
    except OSError as error:
        raise NoState(f"{error.filename}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NoState(
                f"another gateway runs with {state}; a second one needs a configuration of its own"
            ) from None
        yield
