"""What is new, changed and gone between two scans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from ontologies.bacnet_network import BacnetObject, Device, Network

_PASSING = frozenset({"value", "status_flags", "reliability", "out_of_service"})
_APART = frozenset({"objects", "key", "database_revision"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A device, or an object by its identifier, that is new, changed or gone; a change has both values."""

    kind: str
    device: str
    identifier: str | None = None
    name: str | None = None
    fields: tuple[tuple[str, object, object], ...] = ()


def differences(earlier: Network, now: Network) -> list[Difference]:
    """Return how a scan differs from one before; values and flags, which always change, do not count.

    What could not be read this time is neither changed nor gone.
    """
    before = {each.key: each for each in earlier.devices}
    after = {each.key: each for each in now.devices}
    unread = {failure.device for failure in now.failures if failure.object is None or failure.property}
    found = [Difference("new", str(each.address), name=each.name) for key, each in after.items() if key not in before]
    for key, device in before.items():
        if key in after:
            found += _in_device(device, after[key], partly=str(after[key].address) in unread)
        else:
            found.append(Difference("gone", str(device.address), name=device.name))
    return found


def _in_device(before: Device, after: Device, *, partly: bool) -> Iterator[Difference]:
    where = str(after.address)
    if changed := _changed(before, after, _APART, partly=partly):
        yield Difference("changed", where, name=after.name, fields=changed)
    old = {each.identifier: each for each in before.objects}
    new = {each.identifier: each for each in after.objects}
    for identifier, each in new.items():
        if identifier not in old:
            yield Difference("new", where, identifier, each.name)
        elif changed := _changed(old[identifier], each, _PASSING, partly=partly):
            yield Difference("changed", where, identifier, each.name, changed)
    for identifier, each in old.items():
        if identifier not in new and not (partly and not new):
            yield Difference("gone", where, identifier, each.name)


def _changed(
    before: Device | BacnetObject, after: Device | BacnetObject, but: frozenset[str], *, partly: bool
) -> tuple[tuple[str, object, object], ...]:
    pairs = ((each.name, getattr(before, each.name), getattr(after, each.name)) for each in fields(before))
    return tuple(
        (name, old, new)
        for name, old, new in pairs
        if name not in but and old != new and not (partly and new in (None, ()))
    )
