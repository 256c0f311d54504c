"""Reads what a device is and has, into the values of a scan. What cannot be read is told, and drops nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ontologies.bacnet_network import BacnetObject, Device, Failure
from server.bacnet import names
from server.bacnet.errors import Aborted, BacnetError, Malformed, NoAnswer, Refused
from server.bacnet.find import Found
from server.bacnet.objects import described
from server.bacnet.properties import (
    ARRAYS,
    DEVICE_PROPERTIES,
    OBJECT_LIST,
    OBJECT_NAME,
    PRIORITY_ARRAY,
    properties_of,
)
from server.bacnet.reading import Reader
from server.bacnet.services import DEVICE, Answer, Read
from server.bacnet.tags import Bits, ObjectId, Value

_CHUNK = 100  # objects that are read before anything of them is kept
_LONGEST_ARRAY = 100_000
_ABSENT = frozenset({32, 42, 50})  # unknown property, invalid array index, not an array: there is nothing to report


@dataclass
class Report:
    """What could not be read of a device, by its address."""

    device: str
    failures: list[Failure] = field(default_factory=list)

    def add(self, reason: str, object_: ObjectId | None = None, property_: int | None = None) -> None:
        """Note a failure."""
        self.failures.append(
            Failure(
                self.device,
                reason,
                None if object_ is None else names.object_name(object_),
                None if property_ is None else names.property_name(property_),
            )
        )


async def describe(found: Found, reader: Reader, report: Report) -> Device:
    """Return a device with its objects, as far as it could be read; the report has the rest. Raises nothing of it."""
    properties: dict[str, Any] = {}
    objects: list[BacnetObject] = []
    try:
        properties = await _device_properties(found, reader, report)
        listed = await _object_list(found, reader, report)
        for start in range(0, len(listed), _CHUNK):
            try:
                objects += await _objects(listed[start : start + _CHUNK], reader, report)
            except NoAnswer:
                unread = listed[start:]
                objects += [BacnetObject(names.object_type(each.type), each.instance) for each in unread]
                raise
    except BacnetError as error:
        report.add(f"{error} after {len(objects)} objects" if objects else str(error))
    return Device(found.station.address, found.instance, objects=tuple(objects), **_known(found, properties))


def _known(found: Found, properties: dict[str, Any]) -> dict[str, Any]:
    """Return what the device says of itself; of what it does not, its I-Am told some."""
    said = {
        "vendor_id": found.vendor,
        "max_apdu": found.max_apdu,
        "segmentation": names.segmentation(found.segmentation),
    }
    return said | properties


async def _device_properties(found: Found, reader: Reader, report: Report) -> dict[str, Any]:
    device = names.device_id(found.instance)
    properties: dict[str, Any] = {}
    for answer in await reader.read([Read(device, number) for number in DEVICE_PROPERTIES]):
        name = DEVICE_PROPERTIES[answer.read.property]
        if answer.error is None:
            value = _device_value(name, answer.value)
            if value is not None:
                properties[name] = value
        elif is_failure(answer):
            report.add(str(answer.error), device, answer.read.property)
    return properties


def _device_value(name: str, value: Value) -> object:
    if name == "services":
        return names.services(value) if isinstance(value, Bits) else None
    if name == "segmentation":
        return names.segmentation(value) if isinstance(value, int) else None
    if name in ("vendor_id", "protocol_version", "protocol_revision", "max_apdu", "database_revision"):
        return value if isinstance(value, int) else None
    return value if isinstance(value, str) else None


def is_failure(answer: Answer) -> bool:
    """Tell whether an answer without a value is to be reported: a property that is not there is no failure."""
    if isinstance(answer.error, Refused) and answer.error.code in _ABSENT:
        return answer.read.property == OBJECT_NAME
    return answer.error is not None


async def _object_list(found: Found, reader: Reader, report: Report) -> list[ObjectId]:
    """Return the objects of a device but itself, each once, in its order."""
    device = names.device_id(found.instance)
    answer = await array(reader, Read(device, OBJECT_LIST))
    if answer.error is not None:
        report.add(str(answer.error), device, OBJECT_LIST)
    listed: dict[ObjectId, None] = {}
    for value in answer.values:
        if not isinstance(value, ObjectId):
            report.add("the object list has something that is no object", device, OBJECT_LIST)
        elif value in listed:
            report.add(f"the object list has {names.object_name(value)} twice", device, OBJECT_LIST)
        elif value.type != DEVICE:
            listed[value] = None
    return list(listed)


async def array(reader: Reader, read: Read) -> Answer:
    """Read an array whole, or element by element where the device cannot send it so. Raises NoAnswer."""
    try:
        answer = await reader.one(read)
    except NoAnswer as error:
        answer = Answer(read, (), error)  # perhaps it was too long for the device, which does not say so
    if not isinstance(answer.error, Aborted | NoAnswer | Malformed):
        return answer
    length = (await reader.one(read._replace(array_index=0))).value
    if not isinstance(length, int) or length > _LONGEST_ARRAY:
        return answer
    elements = await reader.read([read._replace(array_index=index) for index in range(1, length + 1)])
    failed = next((each.error for each in elements if each.error is not None), None)
    return Answer(read, tuple(value for each in elements for value in each.values), failed)


async def _objects(listed: Sequence[ObjectId], reader: Reader, report: Report) -> list[BacnetObject]:
    answers = await reader.read(list(_reads(listed)))
    by_object: dict[ObjectId, dict[int, Answer]] = {each: {} for each in listed}
    for answer in answers:
        by_object[answer.read.object][answer.read.property] = await _whole(answer, reader)
    return [_described(each, by_object[each], report) for each in listed]


def _reads(listed: Iterable[ObjectId]) -> Iterator[Read]:
    for each in listed:
        for property_ in properties_of(each.type):
            # Whether there is a priority array shows in its length, which is shorter than it.
            yield Read(each, property_, 0 if property_ == PRIORITY_ARRAY else None)


async def _whole(answer: Answer, reader: Reader) -> Answer:
    if answer.read.property in ARRAYS and isinstance(answer.error, Aborted):
        return await array(reader, answer.read)
    return answer


def _described(each: ObjectId, answers: dict[int, Answer], report: Report) -> BacnetObject:
    for answer in answers.values():
        if is_failure(answer):
            report.add(str(answer.error), each, answer.read.property)
    return described(each, answers)
