"""The services that the client uses (ASHRAE 135, clauses 13 to 16): requests to bytes, answers to values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from server.bacnet import tags
from server.bacnet.errors import BacnetError, Malformed, Refused
from server.bacnet.tags import Bits, Context, ObjectId, Value, context_tag, primitive

# Confirmed services
CONFIRMED_COV, SUBSCRIBE_COV, READ_PROPERTY, READ_MULTIPLE, WRITE_PROPERTY, READ_RANGE = 1, 5, 12, 14, 15, 26
# Unconfirmed services
I_AM, UNCONFIRMED_COV, WHO_IS = 0, 2, 8

DEVICE = 8
_WIDE = 0x3FFFFF


class Read(NamedTuple):
    """What is asked of an object; `array_index` is of an array."""

    object: ObjectId
    property: int
    array_index: int | None = None


class Answer(NamedTuple):
    """What came: all values of the property (most have one), or why there is none."""

    read: Read
    values: tuple[Value, ...]
    error: BacnetError | None = None

    @property
    def value(self) -> Value:
        """The first value; None where there is none."""
        return self.values[0] if self.values else None


class IAm(NamedTuple):
    """A device that says who it is."""

    instance: int
    max_apdu: int
    segmentation: int
    vendor: int


class Range(NamedTuple):
    """A part of a list: its items' bytes as values, and whether they are the first, the last, or not all."""

    first: bool
    last: bool
    more: bool
    sequence: int | None
    items: tuple[Value, ...]


class Notification(NamedTuple):
    """A change of value that a device tells."""

    process: int
    device: int
    object: ObjectId
    remaining: int
    answers: tuple[Answer, ...]


def who_is(low: int | None = None, high: int | None = None) -> bytes:
    """Return a Who-Is, of all or of a range of device instances."""
    if low is None or high is None:
        return b""
    return context_tag(0, low) + context_tag(1, high)


def read_i_am(data: bytes) -> IAm:
    """Read an I-Am. Raises Malformed."""
    values, at = [], 0
    for _ in range(4):
        value, at = tags.read_value(data, at)
        values.append(value)
    device, apdu, segmentation, vendor = values
    if not isinstance(device, ObjectId) or device.type != DEVICE:
        raise Malformed("an I-Am of no device")
    return IAm(device.instance, _number(apdu), _number(segmentation), _number(vendor))


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise Malformed(f"{value!r} where a number is expected")
    return value


def read_property(read: Read) -> bytes:
    """Return a ReadProperty request."""
    index = b"" if read.array_index is None else context_tag(2, read.array_index)
    return context_tag(0, read.object) + context_tag(1, read.property) + index


def read_property_ack(data: bytes, read: Read) -> Answer:
    """Read the answer. Raises Malformed."""
    at = 0
    while True:
        tag = tags.read_tag(data, at)
        if tag.opens:
            values, _ = tags.read_until_closing(data, tag.at, tag.number)
            return Answer(read, tuple(values))
        at = tag.at + tag.length


def read_multiple(reads: Iterable[Read]) -> bytes:
    """Return a ReadPropertyMultiple request; reads of one object that follow one another share its head."""
    parts: list[bytes] = []
    last: ObjectId | None = None
    for read in reads:
        if read.object != last:
            parts += [tags.closing(1)] if last is not None else []
            parts += [context_tag(0, read.object), tags.opening(1)]
            last = read.object
        parts.append(context_tag(0, read.property))
        parts += [] if read.array_index is None else [context_tag(1, read.array_index)]
    return b"".join([*parts, tags.closing(1)])


def read_multiple_ack(data: bytes) -> list[Answer]:
    """Read the answer: a flat list in the device's order. Raises Malformed."""
    answers: list[Answer] = []
    at, end = 0, len(data)
    try:
        while at < end:
            if data[at] != 0x0C:
                raise Malformed(f"byte {at}: {data[at]:#x} where an object identifier is expected")
            word = int.from_bytes(data[at + 1 : at + 5], "big")
            at = _results(data, at + 6, ObjectId(word >> 22, word & _WIDE), answers)
    except IndexError:
        raise Malformed(f"the answer ends at byte {end}, within an object's results") from None
    return answers


def _results(data: bytes, at: int, object_: ObjectId, answers: list[Answer]) -> int:
    """Read the results of one object, behind their opening tag; return the offset behind the closing one."""
    while data[at] != 0x1F:
        size = data[at] & 7
        property_ = int.from_bytes(data[at + 1 : at + 1 + size], "big")
        at += 1 + size
        index = None
        if data[at] & 0xF8 == 0x38:
            size = data[at] & 7
            index = int.from_bytes(data[at + 1 : at + 1 + size], "big")
            at += 1 + size
        read = Read(object_, property_, index)
        if data[at] == 0x4E:
            values, at = _values(data, at + 1)
            answers.append(Answer(read, values))
        elif data[at] == 0x5E:
            found, at = tags.read_until_closing(data, at + 1, 5)
            answers.append(Answer(read, (), _refused(found)))
        else:
            raise Malformed(f"byte {at}: {data[at]:#x} where a value or an error is expected")
    return at + 1


def _values(data: bytes, at: int) -> tuple[tuple[Value, ...], int]:
    """Read property values up to the closing tag 4. The common case, one short primitive, takes the short way."""
    first = data[at]
    length = first & 7
    if not first & 8 and length < 5 and 0x20 <= first < 0xF0:
        end = at + 1 + length
        if data[end] == 0x4F:
            return (primitive(first >> 4, data[at + 1 : end]),), end + 1
    values, at = tags.read_until_closing(data, at, 4)
    return tuple(values), at


def _refused(found: Sequence[Value]) -> Refused:
    numbers = [value for value in found if isinstance(value, int)]
    return Refused(*numbers[:2]) if len(numbers) >= 2 else Refused(0, 0)


def read_error(data: bytes) -> Refused:
    """Read an Error's class and code, however the service wraps them."""
    numbers: list[int] = []
    at = 0
    try:
        while at < len(data) and len(numbers) < 2:
            tag = tags.read_tag(data, at)
            if tag.number == tags.ENUMERATED and not tag.context:
                numbers.append(int.from_bytes(data[tag.at : tag.at + tag.length], "big"))
            at = tag.at + tag.length
    except Malformed:
        pass
    return Refused(*numbers) if len(numbers) == 2 else Refused(0, 0)


def write_property(read: Read, value: bytes, priority: int | None) -> bytes:
    """Return a WriteProperty request; `value` is encoded already."""
    behind = b"" if priority is None else context_tag(4, priority)
    return read_property(read) + tags.opening(3) + value + tags.closing(3) + behind


def subscribe_cov(process: int, object_: ObjectId, lifetime: int | None, *, confirmed: bool = False) -> bytes:
    """Return a SubscribeCOV request; without a lifetime it cancels."""
    request = context_tag(0, process) + context_tag(1, object_)
    if lifetime is None:
        return request
    return request + tags.write_tag(2, bytes([confirmed]), context=True) + context_tag(3, lifetime)


def read_notification(data: bytes) -> Notification:
    """Read a COV notification of either kind. Raises Malformed."""
    heads: list[bytes] = []
    at = 0
    while not (tag := tags.read_tag(data, at)).opens:
        heads.append(data[tag.at : tag.at + tag.length])
        at = tag.at + tag.length
    if len(heads) != 4 or tag.number != 4:
        raise Malformed("a notification without its four heads")
    process, device, object_, remaining = (int.from_bytes(head, "big") for head in heads)
    watched = ObjectId(object_ >> 22, object_ & _WIDE)
    values, _ = tags.read_until_closing(data, tag.at, 4)
    return Notification(process, device & _WIDE, watched, remaining, tuple(_changes(watched, values)))


def _changes(watched: ObjectId, values: Iterable[Value]) -> Iterable[Answer]:
    property_, index = 0, None
    for value in values:
        if not isinstance(value, Context):
            raise Malformed("a notification with something between its properties")
        if value.number == 0 and isinstance(value.content, bytes):
            property_, index = int.from_bytes(value.content, "big"), None
        elif value.number == 1 and isinstance(value.content, bytes):
            index = int.from_bytes(value.content, "big")
        elif value.number == 2 and isinstance(value.content, tuple):
            yield Answer(Read(watched, property_, index), value.content)


def read_range_by_position(read: Read, first: int, count: int) -> bytes:
    """Return a ReadRange by position, from 1."""
    return _read_range(read, 3, tags.application(tags.UNSIGNED, first), count)


def read_range_by_sequence(read: Read, first: int, count: int) -> bytes:
    """Return a ReadRange by sequence number."""
    return _read_range(read, 6, tags.application(tags.UNSIGNED, first), count)


def _read_range(read: Read, number: int, reference: bytes, count: int) -> bytes:
    signed = tags.application(tags.INTEGER, count)
    return read_property(read) + tags.opening(number) + reference + signed + tags.closing(number)


def read_range_ack(data: bytes) -> Range:
    """Read the answer to a ReadRange. Raises Malformed."""
    at, flags, sequence = 0, Bits(()), None
    items: tuple[Value, ...] = ()
    while at < len(data):
        tag = tags.read_tag(data, at)
        if tag.opens:
            found, at = tags.read_until_closing(data, tag.at, tag.number)
            items = tuple(found)
            continue
        octets, at = data[tag.at : tag.at + tag.length], tag.at + tag.length
        if tag.number == 3:
            flags = primitive(tags.BITS, octets)  # type: ignore[assignment] # the reader of bit strings
        elif tag.number == 6:
            sequence = int.from_bytes(octets, "big")
    bits = (*flags.bits, False, False, False)
    return Range(bits[0], bits[1], bits[2], sequence, items)
