"""What becomes of the scan before: nothing is lost because a device is off for an hour, or only a part was asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ontologies.bacnet_network import Device, Failure, Network, identify
from server.bacnet.compare import Difference, differences
from server.bacnet.find import Targets
from server.bacnet.station import Station

GONE = "no answer: it is kept as the scan before found it"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is now, and how it differs from the scan before (None: there was none)."""

    network: Network
    differences: tuple[Difference, ...] | None


def merged(now: Network, earlier: Network | None, targets: Targets, *, forget: bool) -> Outcome:
    """Return a scan with what stays of the one before.

    Devices that were not asked stay as they were; those that did not answer too, unless `forget`, and are told. A
    device that fell silent in the middle keeps what was known of the objects that it did not tell any more.
    """
    if earlier is None:
        return Outcome(identify(now), None)
    known = {(each.instance, each.address): each for each in earlier.devices}
    broken = {failure.device for failure in now.failures if failure.object is None}
    devices = [_filled(each, known.get((each.instance, each.address)), broken) for each in now.devices]
    found = {(each.instance, each.address) for each in now.devices}
    instances = {each.instance for each in now.devices}
    unasked = [each for at, each in known.items() if at not in found and not _asked(each, targets)]
    silent = [
        each
        for at, each in known.items()
        if at not in found and _asked(each, targets) and each.instance not in instances  # else it has moved
    ]
    seen = identify(replace(now, devices=tuple(devices + unasked)), earlier)
    if forget or not silent:
        return Outcome(seen, tuple(differences(earlier, seen)))
    failures = (*now.failures, *(Failure(str(each.address), GONE) for each in silent))
    whole = identify(replace(now, devices=tuple(devices + unasked + silent), failures=failures), earlier)
    return Outcome(whole, tuple(differences(earlier, seen)))


def _asked(device: Device, targets: Targets) -> bool:
    station = Station.of(device.address)
    if station in targets.stations:
        return True
    in_range = not targets.ranges or any(low <= device.instance <= high for low, high in targets.ranges)
    return in_range and (targets.everyone or device.address.network in targets.networks)


def _filled(device: Device, known: Device | None, broken: set[str]) -> Device:
    if known is None or str(device.address) not in broken:
        return device
    if not device.objects:
        return replace(device, objects=known.objects)
    before = {each.identifier: each for each in known.objects}
    objects = tuple(each if each.name else before.get(each.identifier, each) for each in device.objects)
    return replace(device, objects=objects)
