"""The gateway: what it reads on the network goes through a buffer on disk to the server."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence

from server.bacnet import memory
from server.bacnet.buffer import Buffer, Reading
from server.bacnet.config import Config
from server.bacnet.link import Network, on_network
from server.bacnet.operating import Operator
from server.bacnet.planning import Plan, plans_of
from server.bacnet.polling import Device, Recorder
from server.bacnet.reading import Reader, Throttles
from server.bacnet.scan import read as read_scan
from server.bacnet.sending import Sender
from server.bacnet.subscribing import Subscriptions
from server.bacnet.trends import Trends

_LOG = logging.getLogger(__name__)
_FLUSH_SECONDS = 0.5
_END_SECONDS = 5.0
_STATUS_SECONDS = 60.0
_IN_MEMORY = 1_000_000  # readings


class Gateway:
    """All that runs, from the network to the server."""

    def __init__(self, config: Config, network: Network, buffer: Buffer, plans: Sequence[Plan]) -> None:
        self.config = config
        self.network = network
        self.buffer = buffer
        self._fresh: list[Reading] = []
        self._recorder = Recorder(self._fresh.extend)
        self._subscriptions = Subscriptions(config.cov_lifetime)
        throttles = Throttles(config.near, config.far)
        self.devices = [
            Device(
                plan,
                Reader(network, plan.station, plan.limits, throttles.of(plan.station)),
                self._recorder,
                config.cov_every,
            )
            for plan in plans
        ]
        self.sender = Sender(buffer, config.url, config.token_file)
        self.operator = Operator(config, self.devices)
        network.listeners.append(self._subscriptions.heard)

    @property
    def subscribed(self) -> int:
        """How many subscriptions are held."""
        return len(self._subscriptions.held)

    async def run(self) -> None:
        """Run until cancelled; then end subscriptions, keep what was heard, and send what can be sent soon."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for device in self.devices:
                    tasks.create_task(device.run())
                    tasks.create_task(self._subscriptions.keep(device))
                    trends = Trends(device, self.buffer, self.config.timezone)
                    tasks.create_task(trends.run(self.config.trends_every))
                tasks.create_task(self._flush())
                tasks.create_task(self.sender.run())
                tasks.create_task(self.operator.take_orders())
                tasks.create_task(self.operator.take_back())
                tasks.create_task(self._tell())
        finally:
            self.operator.close()
            self._keep()
            await self._subscriptions.end()
            self._keep()
            await self.sender.send_all(_END_SECONDS)

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
    return plans_of(config, read_scan(config.scan), memory.read(config.scan))


async def run(config: Config) -> None:
    """Run the gateway until cancelled. Raises BadScan, NoNetwork."""
    plans = planned(config)
    buffer = Buffer(config.state / "buffer.sqlite", config.buffer_rows)
    try:
        async with on_network(config.interface) as network:
            _LOG.info("%d devices, %d points", len(plans), sum(len(plan.points) for plan in plans))
            await Gateway(config, network, buffer, plans).run()
    finally:
        buffer.close()
