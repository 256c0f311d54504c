"""What the gateway does with each device, from a scan and the configuration: nothing is asked of the network here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ontologies.bacnet import is_point, object_uuid
from ontologies.bacnet_network import BacnetObject, Device, Network
from server.bacnet.config import Config
from server.bacnet.names import object_name, object_type_number
from server.bacnet.properties import (
    ANALOG_INPUT,
    ANALOG_OUTPUT,
    ANALOG_VALUE,
    BINARY_INPUT,
    BINARY_OUTPUT,
    BINARY_VALUE,
    INTEGER_VALUE,
    LARGE_VALUE,
    LOOP,
    POSITIVE_VALUE,
    PRESENT_VALUE,
    PULSE_CONVERTER,
    STATE_INPUT,
    STATE_OUTPUT,
    STATE_VALUE,
    STATUS_FLAGS,
    TEXT_VALUE,
)
from server.bacnet.reading import Limits, cut
from server.bacnet.services import Read
from server.bacnet.station import Station
from server.bacnet.tags import ObjectId

# Types that tell changes of their value (135, table 13-1) to whoever subscribes.
_TELLING = frozenset(
    {
        *(ANALOG_INPUT, ANALOG_OUTPUT, ANALOG_VALUE, BINARY_INPUT, BINARY_OUTPUT, BINARY_VALUE),
        *(STATE_INPUT, STATE_OUTPUT, STATE_VALUE, LOOP, PULSE_CONVERTER, TEXT_VALUE),
        *(LARGE_VALUE, INTEGER_VALUE, POSITIVE_VALUE),
    }
)
_UNKNOWN_APDU = 206


@dataclass(frozen=True, slots=True)
class Point:
    """An object that is recorded: its series, how often it is read, and whether its changes are subscribed to."""

    id: str
    object: ObjectId
    every: float
    cov: bool = False
    name: str = field(default="", compare=False)
    classes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def reads(self) -> tuple[Read, Read]:
        """What is read of it each time."""
        return Read(self.object, PRESENT_VALUE), Read(self.object, STATUS_FLAGS)


@dataclass(frozen=True, slots=True)
class Log:
    """A trend log, and the series that its records belong to."""

    key: str
    id: str
    object: ObjectId
    logged: ObjectId


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with one device; `key` tells it from others, also from one of the same number."""

    station: Station
    instance: int
    name: str
    limits: Limits
    points: tuple[Point, ...]
    logs: tuple[Log, ...]
    key: str = ""

    @property
    def phase(self) -> float:
        """A share of an interval, from 0 to 1, that spreads devices over it."""
        return math.fmod(self.instance * 0.6180339887498949, 1.0)


@dataclass(frozen=True, slots=True)
class Load:
    """What a plan asks of a device: requests a second for polling and for renewing subscriptions."""

    points: int
    requests: float
    subscriptions: int
    logs: int


def plans_of(
    config: Config,
    network: Network,
    remembered: Mapping[Station, Limits],
    classes: Mapping[str, Sequence[str]] | None = None,
) -> list[Plan]:
    """Return a plan for each device that has something to record.

    `remembered` is what devices could take, `classes` what the twin calls the points, by the UUIDs of their series.
    """
    by_instance = {each.instance: each for each in network.devices}
    plans = []
    for device in network.devices:
        station = Station.of(device.address)
        limits = remembered.get(station) or _limits(device)
        points = tuple(_points(config, network.name, device, classes or {}))
        logs = tuple(_logs(network.name, device, by_instance)) if config.trends else ()
        if points or logs:
            name, key = device.name or str(device.instance), device.key or str(device.instance)
            plans.append(Plan(station, device.instance, name, limits, points, logs, key))
    return plans


def _limits(device: Device) -> Limits:
    size = min(device.max_apdu or _UNKNOWN_APDU, Limits().request)
    multiple = not device.services or "read-property-multiple" in device.services
    return Limits(multiple, size, size)


def _points(config: Config, site: str, device: Device, classes: Mapping[str, Sequence[str]]) -> Iterator[Point]:
    subscribes = config.cov and "subscribe-cov" in device.services
    for each in device.objects:
        if not is_point(each):
            continue
        object_ = ObjectId(object_type_number(each.type), each.instance)
        id_, name = str(object_uuid(site, device, each)), each.name or ""
        known = tuple(classes.get(id_, ()))
        rule = next((r for r in config.rules if r.fits(device.instance, each.identifier, name, known)), None)
        wanted = config.cov if rule is None or rule.cov is None else rule.cov
        cov = subscribes and wanted and object_.type in _TELLING
        yield Point(id_, object_, rule.every if rule else config.every, cov, name, known)


def _logs(site: str, device: Device, devices: Mapping[int, Device]) -> Iterator[Log]:
    for each in device.objects:
        target = each.logged
        if each.type != "trend-log" or target is None or target.property not in (None, "present-value"):
            continue
        owner = device if target.device in (None, device.instance) else devices.get(target.device)
        logged = _object(owner, target.type, target.instance) if owner else None
        if owner is not None and logged is not None and is_point(logged):
            object_ = ObjectId(object_type_number(each.type), each.instance)
            of = ObjectId(object_type_number(logged.type), logged.instance)
            yield Log(
                f"{device.key or device.instance}/{each.identifier}",
                str(object_uuid(site, owner, logged)),
                object_,
                of,
            )


def _object(device: Device, kind: str, instance: int) -> BacnetObject | None:
    return next((each for each in device.objects if each.type == kind and each.instance == instance), None)


def batches(points: Sequence[Point], limits: Limits) -> Iterator[Sequence[Point]]:
    """Cut points into parts that are read by one request each."""
    if not limits.multiple:
        yield from (points[at : at + 1] for at in range(len(points)))
        return
    start = 0
    for part in cut([read for point in points for read in point.reads], lambda: limits):
        count = max(1, len(part) // 2)
        if start < len(points):
            yield points[start : start + count]
        start += count
    if start < len(points):
        yield points[start:]


def by_interval(points: Sequence[Point], slow: float) -> dict[float, list[Point]]:
    """Return points by how often they are read; those with a subscription as slowly as `slow` says."""
    found: dict[float, list[Point]] = {}
    for point in points:
        found.setdefault(max(slow, point.every) if point.cov else point.every, []).append(point)
    return found


def asked_rarely(plan: Plan, slow: float, every: float) -> bool:
    """Tell whether nothing is read of a device as often as `every` says: its loss would be noticed late."""
    return all(interval > every for interval in by_interval(plan.points, slow))


def load_of(plan: Plan, slow: float, lifetime: float, every: float) -> Load:
    """Return what a plan asks of its device, when all subscriptions hold: they are renewed at half their lifetime."""
    each = 1 if plan.limits.multiple else 2
    requests = sum(
        each * sum(1 for _ in batches(points, plan.limits)) / every
        for every, points in by_interval(plan.points, slow).items()
    )
    requests += 1 / every if asked_rarely(plan, slow, every) else 0.0
    subscriptions = sum(point.cov for point in plan.points)
    return Load(len(plan.points), requests + subscriptions / (lifetime / 2), subscriptions, len(plan.logs))


def without_effect(config: Config, plans: Sequence[Plan]) -> list[str]:
    """Return what the configuration says of no object: most likely a slip of the pen."""
    objects = [
        (plan.instance, object_name(point.object), point.name, point.classes)
        for plan in plans
        for point in plan.points
    ]
    told = [
        f"poll.rules[{number}] fits no point"
        for number, rule in enumerate(config.rules)
        if not any(rule.fits(*each) for each in objects)
    ]
    devices = {plan.instance for plan in plans}
    for number, allowed in enumerate(config.commands):
        if allowed.device not in devices:
            told.append(f"commands[{number}]: the scan has no device {allowed.device}")
            continue
        names = [name for device, name, *_ in objects if device == allowed.device]
        told += [
            f'commands[{number}]: device {allowed.device} has no object "{pattern}"'
            for pattern in allowed.objects
            if not any(fnmatchcase(name, pattern) for name in names)
        ]
    return told
