"""Changes of value that devices tell (COV, ASHRAE 135 clause 13.1).

A subscription has a process identifier of its own, by which its notifications are known; it holds for a while and is
renewed at half of it. Few are made at a time. Notifications are unconfirmed, unless told otherwise: confirmed ones a
device sends again until we have them, but where many values change at once it may drop those that it has no room to
wait for. A device that refuses confirmed ones tells them unconfirmed. What it does not take at all is polled as if
there were no COV.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from server.bacnet.errors import BacnetError, Malformed, NoAnswer, Refused
from server.bacnet.planning import Point
from server.bacnet.polling import Device, now
from server.bacnet.services import CONFIRMED_COV, SUBSCRIBE_COV, UNCONFIRMED_COV, read_notification, subscribe_cov
from server.bacnet.station import Station

_LOG = logging.getLogger(__name__)
_RESOURCES = 3  # an error class: the device has no room for more subscriptions
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Subscription:
    process: int
    device: Device
    point: Point


class Subscriptions:
    """All subscriptions of the gateway."""

    def __init__(self, lifetime: int, *, confirmed: bool = False) -> None:
        """`lifetime` is in seconds; `confirmed` asks each device for confirmed notifications first."""
        self._lifetime = lifetime
        self._confirmed = confirmed
        self._unconfirmed_only: set[Device] = set()
        self._numbers = itertools.count(1)
        self._by_process: dict[int, _Subscription] = {}
        self.held: dict[int, None] = {}

    def heard(self, station: Station, service: int, data: bytes) -> None:
        """Record a notification; one that is of no subscription of ours, or cannot be read, is nothing."""
        if service not in (CONFIRMED_COV, UNCONFIRMED_COV):
            return
        try:
            told = read_notification(data)
        except Malformed as error:
            _LOG.warning("a notification of %s cannot be read: %s", station, error)
            return
        found = self._by_process.get(told.process)
        if found is not None and found.device.plan.station == station and found.point.object == told.object:
            found.device.recorder.changed(found.point, told.answers, now())

    async def keep(self, device: Device) -> None:
        """Subscribe to a device's points and renew that, until cancelled."""
        wanted = [self._new(device, point) for point in device.plan.points if point.cov]
        if not wanted:
            return
        while True:
            refused = await self._subscribe(wanted)
            if refused:
                _LOG.info("device %s tells no changes of %d points: they are polled", device.plan.name, len(refused))
                self._give_up(device, refused)
                wanted = [each for each in wanted if each not in refused]
            if not wanted:
                return
            await self._pause(device)

    def _new(self, device: Device, point: Point) -> _Subscription:
        made = _Subscription(next(self._numbers), device, point)
        self._by_process[made.process] = made
        return made

    async def _subscribe(self, wanted: Sequence[_Subscription]) -> list[_Subscription]:
        """Subscribe, one after the other; return what the device refuses."""
        refused: list[_Subscription] = []
        for at, each in enumerate(wanted):
            try:
                await self._request(each)
                self.held[each.process] = None
            except NoAnswer:
                return refused  # polling notices it, and the next round tries again
            except Refused as error:
                refused.append(each)
                if error.error_class == _RESOURCES:
                    return [*refused, *wanted[at + 1 :]]
            except BacnetError:
                refused.append(each)
        return refused

    async def _request(self, wanted: _Subscription) -> None:
        """Subscribe, unconfirmed where the device refuses the other. Raises BacnetError."""
        device = wanted.device
        confirmed = self._confirmed and device not in self._unconfirmed_only
        try:
            await device.reader.request(SUBSCRIBE_COV, self._wanted(wanted, confirmed=confirmed))
        except NoAnswer:
            raise
        except BacnetError as error:
            if not confirmed or (isinstance(error, Refused) and error.error_class == _RESOURCES):
                raise
            await device.reader.request(SUBSCRIBE_COV, self._wanted(wanted, confirmed=False))
            self._unconfirmed_only.add(device)

    def _wanted(self, wanted: _Subscription, *, confirmed: bool) -> bytes:
        return subscribe_cov(wanted.process, wanted.point.object, self._lifetime, confirmed=confirmed)

    def _give_up(self, device: Device, refused: Sequence[_Subscription]) -> None:
        intervals: dict[float, list[Point]] = {}
        for each in refused:
            self._by_process.pop(each.process, None)
            self.held.pop(each.process, None)
            intervals.setdefault(each.point.every, []).append(each.point)
        for every, points in intervals.items():
            device.schedule(points, every)

    async def _pause(self, device: Device) -> None:
        """Wait for half the lifetime, or until the device is back: it may have forgotten everything."""
        await device.until_back(self._lifetime / 2)

    async def end(self, devices: Sequence[Device]) -> None:
        """Cancel what is held of devices, within a few seconds; the rest ends by its lifetime."""
        by_device: dict[Device, list[_Subscription]] = {device: [] for device in devices}
        for each in tuple(self._by_process.values()):
            if each.device in by_device:
                del self._by_process[each.process]
                if each.process in self.held and each.device.alive:
                    by_device[each.device].append(each)
                self.held.pop(each.process, None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await asyncio.gather(*(self._cancel(*each) for each in by_device.items()))

    async def _cancel(self, device: Device, held: Sequence[_Subscription]) -> None:
        for each in held:
            try:
                await device.reader.request(SUBSCRIBE_COV, subscribe_cov(each.process, each.point.object, None))
            except BacnetError:
                return
