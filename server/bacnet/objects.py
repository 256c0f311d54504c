"""From answers about one object to what a scan says of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from ontologies.bacnet_network import BacnetObject, ObjectReference
from server.bacnet import names
from server.bacnet.errors import Refused
from server.bacnet.properties import (
    ACTIVE_TEXT,
    ANNOTATIONS,
    BINARY_TYPES,
    COV_INCREMENT,
    DESCRIPTION,
    DEVICE_TYPE,
    HIGH_LIMIT,
    INACTIVE_TEXT,
    LOGGED,
    LOW_LIMIT,
    MAXIMUM,
    MINIMUM,
    NODE_SUBTYPE,
    NODE_TYPE,
    OBJECT_NAME,
    OUT_OF_SERVICE,
    PRESENT_VALUE,
    PRIORITY_ARRAY,
    PROFILE_NAME,
    RELIABILITY,
    RESOLUTION,
    STATE_TEXT,
    STATUS_FLAGS,
    SUBORDINATES,
    UNITS,
)
from server.bacnet.services import Answer
from server.bacnet.tags import Bits, Context, ObjectId, Value

_WILDCARD = 4194303  # the instance of a reference that is not set


def described(each: ObjectId, answers: Mapping[int, Answer]) -> BacnetObject:
    """Return what is known of an object; what came with another data type than it should counts as unknown."""

    def value(number: int) -> Value:
        return answers[number].value if number in answers else None

    def text(number: int) -> str | None:
        found = value(number)
        return found if isinstance(found, str) else None

    def number(which: int) -> float | None:
        found = value(which)
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None

    units, reliability, node_type = value(UNITS), value(RELIABILITY), value(NODE_TYPE)
    flags, out_of_service = value(STATUS_FLAGS), value(OUT_OF_SERVICE)
    return BacnetObject(
        names.object_type(each.type),
        each.instance,
        name=text(OBJECT_NAME),
        description=text(DESCRIPTION) or None,
        units=names.units(units) if isinstance(units, int) else None,
        states=_states(answers),
        minimum=number(MINIMUM),
        maximum=number(MAXIMUM),
        low_limit=number(LOW_LIMIT),
        high_limit=number(HIGH_LIMIT),
        resolution=number(RESOLUTION),
        cov_increment=number(COV_INCREMENT),
        commandable=_commandable(answers),
        out_of_service=out_of_service if isinstance(out_of_service, bool) else None,
        reliability=names.reliability(reliability) if isinstance(reliability, int) else None,
        status_flags=names.flags(flags) if isinstance(flags, Bits) else (),
        value=present(each, value(PRESENT_VALUE)),
        device_type=text(DEVICE_TYPE),
        profile_name=text(PROFILE_NAME),
        node_type=names.node_type(node_type) if isinstance(node_type, int) else None,
        node_subtype=text(NODE_SUBTYPE),
        children=_children(answers),
        logged=_logged(answers),
    )


def present(each: ObjectId, value: Value) -> float | int | bool | str | None:
    """Return a present value: a truth for binary objects, else a number or text; None for what is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value if isinstance(value, bool) else None
    if each.type in BINARY_TYPES and isinstance(value, int):
        return bool(value)
    return value


def _states(answers: Mapping[int, Answer]) -> tuple[str, ...]:
    if STATE_TEXT in answers:
        return tuple(value if isinstance(value, str) else "" for value in answers[STATE_TEXT].values)
    if INACTIVE_TEXT not in answers or (answers[INACTIVE_TEXT].error and answers[ACTIVE_TEXT].error):
        return ()
    texts = (answers[number].value for number in (INACTIVE_TEXT, ACTIVE_TEXT))
    return tuple(value if isinstance(value, str) else "" for value in texts)


def _commandable(answers: Mapping[int, Answer]) -> bool | None:
    if PRIORITY_ARRAY not in answers:
        return False
    answer = answers[PRIORITY_ARRAY]
    if answer.error is None:
        return True
    return False if isinstance(answer.error, Refused) and answer.error.code == 32 else None


def references(values: tuple[Value, ...]) -> list[ObjectReference]:
    """Read a list of BACnetDeviceObjectReference: an object [1], behind a device [0] where it is another's."""
    found: list[ObjectReference] = []
    device: int | None = None
    for value in values:
        if not isinstance(value, Context) or not isinstance(value.content, bytes) or len(value.content) != 4:
            continue
        word = int.from_bytes(value.content, "big")
        if value.number == 0:
            device = word & _WILDCARD
        elif value.number == 1:
            found.append(ObjectReference(names.object_type(word >> 22), word & _WILDCARD, device))
            device = None
    return found


def _children(answers: Mapping[int, Answer]) -> tuple[ObjectReference, ...]:
    if SUBORDINATES not in answers:
        return ()
    notes = answers[ANNOTATIONS].values if ANNOTATIONS in answers else ()
    pairs = zip_longest(references(answers[SUBORDINATES].values), notes)
    return tuple(
        ObjectReference(
            child.type, child.instance, child.device, None, note if isinstance(note, str) and note else None
        )
        for child, note in pairs
        if child is not None and child.instance != _WILDCARD
    )


def _logged(answers: Mapping[int, Answer]) -> ObjectReference | None:
    """Read a BACnetDeviceObjectPropertyReference: object [0], property [1], index [2], device [3]."""
    if LOGGED not in answers or answers[LOGGED].error:
        return None
    parts = {
        value.number: int.from_bytes(value.content, "big")
        for value in answers[LOGGED].values
        if isinstance(value, Context) and isinstance(value.content, bytes)
    }
    if 0 not in parts or parts[0] & _WILDCARD == _WILDCARD:
        return None
    device = parts[3] & _WILDCARD if 3 in parts else None
    property_ = names.property_name(parts.get(1, PRESENT_VALUE))
    return ObjectReference(names.object_type(parts[0] >> 22), parts[0] & _WILDCARD, device, property_)
