"""Commands to devices: allowed by the configuration, at a priority, verified by reading back, and taken back in time.

What is to be taken back is on disk before anything is written (`holdings`). It is only taken back where the priority
still commands what we wrote: whoever has written there since keeps it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from server.bacnet import names, tags
from server.bacnet.config import LIFE_SAFETY, Permission
from server.bacnet.errors import BacnetError, Refused
from server.bacnet.holdings import Held, Holdings
from server.bacnet.polling import Device
from server.bacnet.properties import (
    ANALOG_INPUT,
    ANALOG_OUTPUT,
    ANALOG_VALUE,
    BINARY_TYPES,
    INTEGER_VALUE,
    LARGE_VALUE,
    LIGHTING_OUTPUT,
    POSITIVE_VALUE,
    PRESENT_VALUE,
    PRIORITY_ARRAY,
    STATE_TYPES,
    TEXT_VALUE,
)
from server.bacnet.services import WRITE_PROPERTY, Read, write_property
from server.bacnet.tags import ObjectId, Value

_LOG = logging.getLogger(__name__)
_AGAIN_SECONDS = 10.0
_TYPES: dict[int, int] = {
    **dict.fromkeys((ANALOG_INPUT, ANALOG_OUTPUT, ANALOG_VALUE, LIGHTING_OUTPUT), tags.REAL),
    **dict.fromkeys(BINARY_TYPES, tags.ENUMERATED),
    **dict.fromkeys(STATE_TYPES, tags.UNSIGNED),
    INTEGER_VALUE: tags.INTEGER,
    POSITIVE_VALUE: tags.UNSIGNED,
    LARGE_VALUE: tags.DOUBLE,
    TEXT_VALUE: tags.TEXT,
}


class NotDone(Exception):
    """A command that was not carried out; `kind` is refused, unknown, invalid, unverified or failed."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Order:
    """A command for an object: None takes back. `seconds` is how long it holds."""

    value: float | bool | str | None
    priority: int
    seconds: float | None = None
    life_safety: bool = False


def require_allowed(permissions: Sequence[Permission], device: int, object_: ObjectId, order: Order) -> float | None:
    """Return how long a command may hold at most (None: for ever). Raises NotDone where it is not allowed."""
    name = names.object_name(object_)
    fitting = [
        each
        for each in permissions
        if each.device == device and any(fnmatchcase(name, pattern) for pattern in each.objects)
    ]
    if not fitting:
        detail = f"the gateway's configuration does not allow commands to {name} of device {device}: see [[commands]]"
        raise NotDone("refused", detail)
    found = [each for each in fitting if each.highest <= order.priority]
    if not found:
        highest = min(each.highest for each in fitting)
        raise NotDone(
            "refused", f"the gateway's configuration allows priorities from {highest} to 16: highest-priority"
        )
    if order.priority <= LIFE_SAFETY and not order.life_safety:
        raise NotDone("refused", f"priority {order.priority} is of life safety, and the command does not say so")
    return None if any(each.longest is None for each in found) else max(each.longest or 0 for each in found)


def encoded(object_: ObjectId, value: float | bool | str | None) -> bytes:
    """Return a value as the object's present value takes it. Raises NotDone."""
    if value is None:
        return tags.application(tags.NULL, None)
    kind = _TYPES.get(object_.type)
    if kind is None:
        raise NotDone("invalid", f"a {names.object_type(object_.type)} cannot be commanded")
    if kind != tags.TEXT and (isinstance(value, str) or not math.isfinite(value)):
        raise NotDone("invalid", f"{value!r} is no value of the object: {names.object_type(object_.type)}")
    if object_.type in BINARY_TYPES and value not in (0, 1):
        raise NotDone("invalid", f"{value!r} is neither active nor inactive")
    if object_.type in STATE_TYPES and value == 0:
        raise NotDone("invalid", "states are counted from 1")
    try:
        return tags.application(kind, value)
    except OverflowError:
        raise NotDone(
            "invalid", f"{value!r} is too large for the object: {names.object_type(object_.type)}"
        ) from None
    except ValueError as error:
        raise NotDone("invalid", str(error)) from None


class Commander:
    """Carries out commands."""

    def __init__(
        self,
        permissions: Sequence[Permission],
        holdings: Holdings,
        audit: Callable[[dict[str, Any]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`audit` keeps an entry of everything that is done or refused."""
        self._permissions = permissions
        self._holdings = holdings
        self._audit = audit
        self._clock = clock
        self._again: dict[tuple[str, str, int], float] = {}
        self._failures: dict[tuple[str, str, int], str] = {}

    async def carry_out(self, device: Device, object_: ObjectId, order: Order, who: str) -> dict[str, Any]:
        """Command an object; return what was read back. Raises NotDone."""
        entry = {"who": who, "device": device.plan.instance, "object": names.object_name(object_)}
        entry |= {"value": order.value, "priority": order.priority, "seconds": order.seconds}
        try:
            outcome = await self._carry_out(device, object_, order)
        except NotDone as error:
            self._audit(entry | {"outcome": error.kind, "detail": str(error)})
            raise
        self._audit(entry | {"outcome": "done", **outcome})
        return outcome

    async def _carry_out(self, device: Device, object_: ObjectId, order: Order) -> dict[str, Any]:
        longest = require_allowed(self._permissions, device.plan.instance, object_, order)
        value = encoded(object_, order.value)
        seconds = order.seconds
        if longest is not None and order.value is not None:
            seconds = min(longest, seconds or longest)
        at = (device.plan.key, names.object_name(object_), order.priority)
        known = self._holdings.get(*at)
        held = None
        if order.value is not None and seconds is not None:
            plain = order.value if isinstance(order.value, str) else float(order.value)
            held = Held(*at, plain, self._clock() + seconds, known.value if known else None)
            self._holdings.put(held)  # before it is written: a crash must not leave it standing
        try:
            await self._write(device, object_, value, order.priority)
            found = await self._read_back(device, object_, order)
        except NotDone as error:
            if error.kind == "invalid":  # the device said no: what was there still is
                self._restore(at, known)
            raise
        if held is None:
            self._holdings.drop(*at)
        else:
            self._holdings.put(replace(held, before=None))
        return found | {"until": held.until if held else None}

    def _restore(self, at: tuple[str, str, int], known: Held | None) -> None:
        if known is None:
            self._holdings.drop(*at)
        else:
            self._holdings.put(known)

    async def _write(self, device: Device, object_: ObjectId, value: bytes, priority: int) -> None:
        request = write_property(Read(object_, PRESENT_VALUE), value, priority)
        try:
            await device.reader.request(WRITE_PROPERTY, request)
        except Refused as error:
            raise NotDone("invalid", f"the device refuses: {error}") from None
        except BacnetError as error:
            raise NotDone("failed", str(error)) from None

    async def _read_back(self, device: Device, object_: ObjectId, order: Order) -> dict[str, Any]:
        """Return the present value, and whether it is the command that is in effect. Raises NotDone."""
        try:
            slot = await device.reader.one(Read(object_, PRIORITY_ARRAY, order.priority))
            present = await device.reader.one(Read(object_, PRESENT_VALUE))
        except BacnetError as error:
            raise NotDone("unverified", f"it was written, and could not be read back: {error}") from None
        wanted = order.value
        commanded = present if slot.error is not None else slot
        if slot.error is not None and wanted is None:
            raise NotDone("unverified", "the object has no priorities: nothing can be taken back")
        if not _same(commanded.value, wanted):
            detail = f"the device says that it wrote, and has {_plain(commanded.value)!r}"
            raise NotDone("unverified", detail)
        effective = wanted is not None and _same(present.value, wanted)
        return {"present": _plain(present.value), "effective": effective, "verified": True}

    async def take_back_due(self, devices: Mapping[str, Device]) -> None:
        """Take back what has held long enough, of each device apart.

        One that is away is asked again when it is back; what else fails is tried again some seconds later.
        """
        now = self._clock()
        due = [each for each in self._holdings.all() if each.until <= now and self._again.get(each.at, 0.0) <= now]
        by_device: dict[str, list[Held]] = {}
        for each in due:
            by_device.setdefault(each.device, []).append(each)
        await asyncio.gather(*(self._take_back_of(devices.get(key), own) for key, own in by_device.items()))

    async def _take_back_of(self, device: Device | None, due: Sequence[Held]) -> None:
        for held in due:
            if device is None:
                self._not_taken_back(held, "the scan has no such device any more")
            elif device.alive:
                await self._take_back(device, held)

    def _not_taken_back(self, held: Held, why: str) -> None:
        """Try again later; noted once for each reason."""
        self._again[held.at] = self._clock() + _AGAIN_SECONDS
        if self._failures.get(held.at) != why:
            self._failures[held.at] = why
            _LOG.warning("%s of device %s is not taken back: %s", held.object, held.device, why)
            self._audit(held.entry | {"outcome": "failed", "detail": why})

    async def _take_back(self, device: Device, held: Held) -> None:
        object_ = names.read_object_name(held.object)
        try:
            slot = await device.reader.one(Read(object_, PRIORITY_ARRAY, held.priority))
            ours = [each for each in (held.value, held.before) if each is not None]
            if slot.error is None and any(_same(slot.value, each) for each in ours):
                await self._write(device, object_, encoded(object_, None), held.priority)
                outcome = await self._require_empty(device, object_, held.priority)
            elif slot.error is not None and not _is_absent(slot.error):
                raise slot.error
            else:
                outcome = "taken over by somebody else" if slot.value is not None else "nothing left"
        except (BacnetError, NotDone) as error:
            self._not_taken_back(held, str(error))
            return
        self._holdings.drop(*held.at)
        self._again.pop(held.at, None)
        self._failures.pop(held.at, None)
        self._audit(held.entry | {"outcome": outcome})

    async def _require_empty(self, device: Device, object_: ObjectId, priority: int) -> str:
        slot = await device.reader.one(Read(object_, PRIORITY_ARRAY, priority))
        if slot.error is not None or slot.value is not None:
            raise NotDone("unverified", "the device still has the command")
        return "taken back"


def _is_absent(error: BacnetError) -> bool:
    """Tell an object, or its priorities, that is not there any more."""
    return isinstance(error, Refused) and error.code in (31, 32, 42, 50)


def _same(found: Value, wanted: float | bool | str | None) -> bool:
    if wanted is None or found is None or isinstance(wanted, str):
        return found == wanted
    if not isinstance(found, (int, float)):
        return False
    return math.isclose(float(found), float(wanted), rel_tol=1e-6, abs_tol=1e-9)  # of what a Real can hold


def _plain(value: Value) -> float | bool | str | None:
    return value if isinstance(value, (bool, int, float, str)) else None
