"""Records of trend logs (BACnetLogRecord, ASHRAE 135 clause 21), and the times of a device's clock."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.bacnet import tags
from server.bacnet.errors import Malformed
from server.bacnet.tags import Bits, Context, Date, Time, Value

_BOOLEAN, _REAL, _ENUMERATED, _UNSIGNED, _SIGNED, _ANY = 1, 2, 3, 4, 5, 10
_KINDS = {_REAL: tags.REAL, _ENUMERATED: tags.ENUMERATED, _UNSIGNED: tags.UNSIGNED, _SIGNED: tags.INTEGER}
_QUARTER = timedelta(minutes=15)


class Record(NamedTuple):
    """A record: when by the device's clock, the value (None: an event of the log itself, or a failure), its flags."""

    local: datetime | None
    value: Value
    flags: Bits | None


def read_records(items: Iterable[Value]) -> Iterator[Record]:
    """Yield the records of a ReadRange's items. Raises Malformed."""
    parts: list[Context] = []
    for item in items:
        if not isinstance(item, Context):
            raise Malformed("a trend log with something that is no record")
        if item.number == 0 and parts:
            yield _record(parts)
            parts = []
        parts.append(item)
    if parts:
        yield _record(parts)


def _record(parts: Sequence[Context]) -> Record:
    found = {part.number: part.content for part in parts}
    stamp, datum, flags = found.get(0), found.get(1), found.get(2)
    if not isinstance(stamp, tuple) or not isinstance(datum, tuple) or len(datum) != 1:
        raise Malformed("a record without its time or datum")
    bits = tags.primitive(tags.BITS, flags) if isinstance(flags, bytes) else None
    return Record(_local(stamp), _datum(datum[0]), bits if isinstance(bits, Bits) else None)


def _local(stamp: Sequence[Value]) -> datetime | None:
    if len(stamp) != 2 or not isinstance(stamp[0], Date) or not isinstance(stamp[1], Time):
        raise Malformed("a record whose time is none")
    return local_time(stamp[0], stamp[1])


def local_time(date: Date, time: Time) -> datetime | None:
    """Return a time of a device's clock; None where a part of it is left open."""
    try:
        return datetime(
            date.year, date.month, date.day, time.hour, time.minute, time.second, 10_000 * time.hundredth
        )  # fmt: skip
    except ValueError:
        return None


def _datum(datum: Value) -> Value:
    if not isinstance(datum, Context):
        return None
    if datum.number == _ANY and isinstance(datum.content, tuple) and datum.content:
        return datum.content[0]
    if not isinstance(datum.content, bytes):
        return None
    if datum.number == _BOOLEAN:
        return bool(datum.content and datum.content[0])
    try:
        return tags.primitive(_KINDS[datum.number], datum.content) if datum.number in _KINDS else None
    except (Malformed, struct.error):
        return None


class Clock:
    """A device's clock, as microseconds since 1970 (UTC)."""

    def __init__(self, zone: ZoneInfo | None, ahead: timedelta) -> None:
        """Of a zone; without one the clock is `ahead` of UTC at all times."""
        self._zone = zone
        self._ahead = ahead
        self._last: datetime | None = None

    @classmethod
    def measured(cls, local: datetime, at: datetime) -> Clock:
        """Return the clock of a device that says `local` at a time: so many whole quarters of an hour ahead."""
        difference = local - at.astimezone(UTC).replace(tzinfo=None)
        return cls(None, round(difference / _QUARTER) * _QUARTER)

    def utc(self, local: datetime) -> int:
        """Return a time of the clock; asked in order, the hour that it shows twice in autumn is told apart."""
        if self._zone is None:
            return _microseconds((local - self._ahead).replace(tzinfo=UTC))
        first = local.replace(tzinfo=self._zone).astimezone(UTC)
        second = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        found = second if self._last is not None and first < self._last <= second else first
        self._last = found
        return _microseconds(found)


def _microseconds(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
