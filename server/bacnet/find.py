"""Finds devices: Who-Is to all, to ranges of instances, to networks behind routers and to addresses.

Devices are told apart by where they are, not by their number: two with the same number are two.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from server.bacnet.errors import BacnetError, Malformed
from server.bacnet.link import Network
from server.bacnet.names import device_id
from server.bacnet.reading import Limits, Reader, Throttles
from server.bacnet.services import I_AM, WHO_IS, IAm, Read, read_i_am, who_is
from server.bacnet.station import Station
from server.bacnet.tags import ObjectId

WILDCARD = 4194303  # stands for the instance of whoever is asked (135, 12.11)
_OBJECT_IDENTIFIER, _MAX_APDU, _SEGMENTATION, _VENDOR = 75, 62, 107, 120
_SMALLEST_APDU = 50
_SEGMENTED_NOT = 3


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom to ask.

    everyone: a broadcast to all networks
    ranges: of device instances, first and last; without them, all
    networks: broadcasts to these networks behind routers
    stations: these addresses, directly
    """

    everyone: bool = True
    ranges: tuple[tuple[int, int], ...] = ()
    networks: tuple[int, ...] = ()
    stations: tuple[Station, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A device that said who it is."""

    station: Station
    instance: int
    max_apdu: int
    segmentation: int
    vendor: int

    @property
    def limits(self) -> Limits:
        """What it says that it takes; an answer without segments must fit its APDU too."""
        size = max(_SMALLEST_APDU, min(self.max_apdu, Limits().request))
        return Limits(request=size, answer=size)


async def find(
    network: Network, targets: Targets, throttles: Throttles, wait: float = 3.0
) -> tuple[list[Found], list[tuple[str, str]]]:
    """Return the devices that answer, until none has for `wait` seconds (ten times that at most), and what failed.

    A failure is the target and the reason.
    """
    found: dict[tuple[Station, int], Found] = {}
    failures: list[tuple[str, str]] = []
    last = time.monotonic()

    def heard(station: Station, service: int, data: bytes) -> None:
        nonlocal last
        if service != I_AM:
            return
        try:
            said = read_i_am(data)
        except Malformed as error:
            failures.append((str(station), f"its I-Am cannot be read: {error}"))
            return
        if (station, said.instance) not in found and _meant(station, said, targets):
            found[station, said.instance] = Found(station, *said)
            last = time.monotonic()

    network.listeners.append(heard)
    try:
        failures += await _ask(network, targets)
        last = end = time.monotonic()
        while time.monotonic() - last < wait and time.monotonic() - end < 10 * wait:
            if not targets.everyone and not targets.networks and _all_heard(targets, found):
                break
            await asyncio.sleep(min(0.05, wait))
    finally:
        network.listeners.remove(heard)
    failures += await _probe_silent(network, targets, throttles, found)
    return sorted(found.values()), failures


def _all_heard(targets: Targets, found: dict[tuple[Station, int], Found]) -> bool:
    return {station for station, _ in found} >= set(targets.stations)


def _meant(station: Station, said: IAm, targets: Targets) -> bool:
    """Tell an answer to us from one to somebody else who asks at the same time."""
    ranges = targets.ranges or ((0, WILDCARD),)
    if not any(low <= said.instance <= high for low, high in ranges):
        return False
    return targets.everyone or station.network in (targets.networks or (-1,)) or station in targets.stations


async def _ask(network: Network, targets: Targets) -> list[tuple[str, str]]:
    failures = []
    to: list[Station | int | None] = [*targets.networks, *targets.stations]
    to += [None] if targets.everyone else []
    for request in [who_is(*each) for each in targets.ranges] or [who_is()]:
        for target in to:
            try:
                await network.send(WHO_IS, request, target)
            except BacnetError as error:
                failures.append((f"network {target}" if isinstance(target, int) else str(target), str(error)))
    return failures


async def _probe_silent(
    network: Network, targets: Targets, throttles: Throttles, found: dict[tuple[Station, int], Found]
) -> list[tuple[str, str]]:
    """Read from addresses that said nothing: an I-Am may go to a port or a subnet where we do not listen."""
    heard = {station for station, _ in found}
    failures = []
    for station in (each for each in targets.stations if each not in heard):
        reader = Reader(network, station, Limits(multiple=False), throttles.of(station))
        try:
            one = await _probe(reader)
        except BacnetError as error:
            failures.append((str(station), str(error)))
            continue
        found[station, one.instance] = one
    return failures


async def _probe(reader: Reader) -> Found:
    device = device_id(WILDCARD)
    identifier = await reader.one(Read(device, _OBJECT_IDENTIFIER))
    if not isinstance(identifier.value, ObjectId):
        raise identifier.error or Malformed("its device object has no identifier")
    device = identifier.value
    numbers = []
    for property_, default in ((_MAX_APDU, _SMALLEST_APDU), (_SEGMENTATION, _SEGMENTED_NOT), (_VENDOR, 0)):
        value = (await reader.one(Read(device, property_))).value
        numbers.append(value if isinstance(value, int) else default)
    return Found(reader.station, device.instance, *numbers)
