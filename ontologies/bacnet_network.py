"""What a scan found on a BACnet network (ASHRAE 135), as plain frozen values with exact JSON in and out.

Names of object types, units, services, reliabilities and flags are the standard's, with hyphens, as in
``analog-input`` and ``degrees-celsius``; a proprietary one is its number as text. What a device did not
tell is None or empty, and why is among the failures.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ontologies.errors import ValueShapeError
from ontologies.json_values import from_json, to_json

FORMAT = "twinhouse-bacnet-network/1"
_NUMBERS = ("minimum", "maximum", "low_limit", "high_limit", "resolution", "cov_increment", "value")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device answers: its MAC, and for one behind a router the network's number and the router's address.

    ``mac`` is ``10.0.0.5:47808`` on BACnet/IP, else hexadecimal octets as in ``0x0a``. ``network`` is None on the
    scanner's own network. Two networks of one number are told apart by ``router``.
    """

    mac: str
    network: int | None = None
    router: str | None = None

    def __str__(self) -> str:
        place = self.mac if self.network is None else f"{self.network}:{self.mac}"
        return place if self.router is None else f"{place}@{self.router}"


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """An object of this or another device, as structured views and trend logs name it.

    ``device`` is the other device's instance, None for the same one; ``annotation`` is the structured view's.
    """

    type: str
    instance: int
    device: int | None = None
    property: str | None = None
    annotation: str | None = None


@dataclass(frozen=True, slots=True)
class BacnetObject:
    """One object of a device, with the properties that tell what it is.

    ``states`` are the texts of a multi-state object from state 1 on, or of a binary one inactive first. ``value``
    is the present value at the scan; ``commandable`` tells that the object has a priority array (None: unknown).
    ``children`` are a structured view's subordinates, ``node_type`` its kind, ``logged`` what a trend log records.
    """

    type: str
    instance: int
    name: str | None = None
    description: str | None = None
    units: str | None = None
    states: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    low_limit: float | None = None
    high_limit: float | None = None
    resolution: float | None = None
    cov_increment: float | None = None
    commandable: bool | None = None
    out_of_service: bool | None = None
    reliability: str | None = None
    status_flags: tuple[str, ...] = ()
    value: float | int | bool | str | None = None
    device_type: str | None = None
    profile_name: str | None = None
    tags: tuple[str, ...] = ()
    node_type: str | None = None
    node_subtype: str | None = None
    children: tuple[ObjectReference, ...] = ()
    logged: ObjectReference | None = None

    def __post_init__(self) -> None:
        # A limit of infinity is none, and JSON has neither infinities nor NaN.
        for name in _NUMBERS:
            number = getattr(self, name)
            if isinstance(number, float) and not math.isfinite(number):
                object.__setattr__(self, name, None)

    @property
    def identifier(self) -> str:
        """The object identifier as Brick and BACnet URIs write it: ``analog-input,1``."""
        return f"{self.type},{self.instance}"


@dataclass(frozen=True, slots=True)
class Device:
    """One device and its objects, without its device object itself, whose properties are here.

    ``segmentation`` is ``segmented-both``, ``segmented-transmit``, ``segmented-receive`` or ``no-segmentation``;
    ``max_apdu`` is in octets. ``key`` is what its UUIDs are derived from: ``identify`` sets it.
    """

    address: Address
    instance: int
    name: str | None = None
    description: str | None = None
    location: str | None = None
    vendor_id: int | None = None
    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None
    software: str | None = None
    serial: str | None = None
    protocol_version: int | None = None
    protocol_revision: int | None = None
    services: tuple[str, ...] = ()
    segmentation: str | None = None
    max_apdu: int | None = None
    database_revision: int | None = None
    objects: tuple[BacnetObject, ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be read: from which device (its address), object and property, and why."""

    device: str
    reason: str
    object: str | None = None
    property: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """All that a scan found. ``name`` is given by the configuration and keeps two buildings' UUIDs apart."""

    name: str
    devices: tuple[Device, ...] = ()
    failures: tuple[Failure, ...] = ()
    scanned_at: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueShapeError for an empty name: two buildings without one would have the same UUIDs."""
        if not self.name.strip():
            raise ValueShapeError("name", "the network's name is empty, and all UUIDs are derived from it")

    def objects(self) -> Iterator[tuple[Device, BacnetObject]]:
        """Yield every object with its device."""
        return ((device, found) for device in self.devices for found in device.objects)


def identify(network: Network, earlier: Network | None = None) -> Network:
    """Give each device its key, and put devices and objects in an order that does not depend on discovery.

    A device instance is unique in a BACnet internetwork (135, 12.11.1): it is the key, whatever the address.
    Devices that share one all the same have the address in it. What an earlier scan called a device at the same
    address, or the only one of that instance, it stays, whatever has come or gone since.
    """
    count = Counter(device.instance for device in network.devices)
    known = {} if earlier is None else {(d.instance, d.address): d.key for d in earlier.devices}
    keys: dict[int, set[str | None]] = {}
    for (instance, _), key in known.items():
        keys.setdefault(instance, set()).add(key)

    def key_of(device: Device) -> str:
        recorded = known.get((device.instance, device.address))
        if recorded is None and count[device.instance] == 1 and len(keys.get(device.instance, ())) == 1:
            (recorded,) = keys[device.instance]
        if recorded is not None:
            return recorded
        shared = count[device.instance] > 1 or device.instance in keys
        return f"{device.instance}@{device.address}" if shared else str(device.instance)

    devices = (
        replace(d, key=key_of(d), objects=tuple(sorted(d.objects, key=_object_order))) for d in network.devices
    )
    return replace(network, devices=tuple(sorted(devices, key=lambda d: (d.instance, str(d.address)))))


def _object_order(found: BacnetObject) -> tuple[str, int]:
    return found.type, found.instance


def network_json(network: Network) -> str:
    """Return a network as JSON text; ``read_network`` gives back an equal one."""
    return json.dumps({"format": FORMAT, **to_json(network)}, ensure_ascii=False, indent=1) + "\n"


def read_network(text: str | bytes) -> Network:
    """Read what ``network_json`` wrote; ``ValueShapeError`` names the member or the line that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueShapeError("", f"not JSON: {error}") from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise ValueShapeError("format", f"a network begins with {FORMAT!r}")
    return from_json(Network, document)
