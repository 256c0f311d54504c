"""The standard's names of its numbers (ASHRAE 135, clause 21), with hyphens; what has none is its number as text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bacpypes3 import basetypes
from bacpypes3.primitivedata import ObjectType

from server.bacnet.services import DEVICE
from server.bacnet.tags import Bits, ObjectId

FLAGS = ("in-alarm", "fault", "overridden", "out-of-service")


@lru_cache(4096)
def _name(kind: Any, number: int) -> str:  # noqa: ANN401 - an enumeration of bacpypes3, which has no types
    try:
        return str(kind(number))
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return str(number)


def object_type(number: int) -> str:
    """Return such as `analog-input`."""
    return _name(ObjectType, number)


@lru_cache(1024)
def object_type_number(name: str) -> int:
    """Return the number of an object type. Raises ValueError."""
    if name.isdigit():
        return int(name)
    for number in range(128):
        if object_type(number) == name:
            return number
    raise ValueError(f'there is no object type "{name}"')


def object_name(object_id: ObjectId) -> str:
    """Return such as `analog-input,1`."""
    return f"{object_type(object_id.type)},{object_id.instance}"


def read_object_name(text: str) -> ObjectId:
    """Read such as `analog-input,1` or `analog-input:1`. Raises ValueError."""
    kind, _, instance = text.replace(":", ",").partition(",")
    if not instance.strip().isdigit() or int(instance) > 0x3FFFFF:
        raise ValueError(f'"{text}" is no object such as analog-input,1')
    return ObjectId(object_type_number(kind.strip().lower()), int(instance))


def property_name(number: int) -> str:
    """Return such as `present-value`."""
    return _name(basetypes.PropertyIdentifier, number)


def units(number: int) -> str:
    """Return such as `degrees-celsius`."""
    return _name(basetypes.EngineeringUnits, number)


def reliability(number: int) -> str:
    """Return such as `no-fault-detected`."""
    return _name(basetypes.Reliability, number)


def segmentation(number: int) -> str:
    """Return such as `segmented-both`."""
    return _name(basetypes.Segmentation, number)


def node_type(number: int) -> str:
    """Return a structured view's kind, such as `area`."""
    return _name(basetypes.NodeType, number)


def flags(bits: Bits) -> tuple[str, ...]:
    """Return the status flags that are set."""
    return tuple(name for name, bit in zip(FLAGS, bits.bits, strict=False) if bit)


def services(bits: Bits) -> tuple[str, ...]:
    """Return the services that a device supports."""
    return tuple(name for name, bit in zip(_service_names(), bits.bits, strict=False) if bit)


@lru_cache(1)
def _service_names() -> tuple[str, ...]:
    names = {number: name for name, number in basetypes.ServicesSupported._bitstring_names.items()}
    return tuple(names.get(number, str(number)) for number in range(max(names) + 1))


def device_id(instance: int) -> ObjectId:
    """Return the identifier of a device object."""
    return ObjectId(DEVICE, instance)
