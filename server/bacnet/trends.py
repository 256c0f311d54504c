"""Trend logs, read as they grow: by sequence number, each record once, also over our and the device's restarts.

A log's last record has the number `total-record-count`, its first that less `record-count`. How far it is read is
kept with the readings, in one transaction. Numbers run from 1 to 2^32-1, and then from 1 again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from server.bacnet import services
from server.bacnet.buffer import Buffer, Position, Reading
from server.bacnet.errors import Aborted, BacnetError, Malformed, NoAnswer
from server.bacnet.names import device_id
from server.bacnet.planning import Log
from server.bacnet.polling import Device
from server.bacnet.properties import LOG_BUFFER, RECORD_COUNT, TOTAL_COUNT
from server.bacnet.records import Clock, Record, local_time, read_records
from server.bacnet.services import READ_RANGE, Range, Read
from server.bacnet.tags import Date, Time
from server.bacnet.values import reading_of, status_of

_LOG = logging.getLogger(__name__)
_NUMBERS = 2**32 - 1
_CLOCK_CHANGE = 3_700_000_000  # microseconds: an hour, when clocks are changed, and some seconds
_MOST = 1000  # records a request; the device sends what fits
_LOCAL_DATE, _LOCAL_TIME = 56, 57


@dataclass(slots=True)
class Window:
    """What is still to be read of a log: the next record's number and position, from 1, and how many there are."""

    number: int
    position: int
    left: int

    def advance(self, records: int) -> None:
        """Go on behind so many records."""
        self.number = (self.number + records - 1) % _NUMBERS + 1
        self.position += records
        self.left -= records


def window_of(total: int, count: int, known: Position | None) -> Window:
    """Return what is new in a log of `count` records whose last has the number `total`.

    All of it where nothing is known, or where what is known is not in it any more: it rolled over, or began anew.
    Otherwise the last known record comes again: it shows whether the log is still the same.
    """
    if known is not None:
        ahead = (total - known.sequence) % _NUMBERS
        if ahead == 0:
            return Window(known.sequence, count, 0)
        if ahead < count:
            return Window(known.sequence, count - ahead, ahead + 1)
    return Window((total - count) % _NUMBERS + 1, 1, count)


class Trends:
    """Reads all trend logs of a device into the buffer."""

    def __init__(self, device: Device, buffer: Buffer, zone: ZoneInfo | None) -> None:
        self._device = device
        self._buffer = buffer
        self._zone = zone
        self._by_position: set[Log] = set()
        self._most = _MOST

    async def run(self, every: float) -> None:
        """Read what is new every so many seconds, and when the device is back; until cancelled."""
        while self._device.plan.logs:
            with contextlib.suppress(NoAnswer):  # polling notices it
                await self.read()
            await self._device.until_back(every)

    async def read(self) -> None:
        """Read what is new in all logs. Raises NoAnswer."""
        clock = await self._clock()
        for log in self._device.plan.logs:
            try:
                await self.read_log(log, clock)
            except NoAnswer:
                raise
            except (BacnetError, sqlite3.OperationalError) as error:  # what the disk does not take is read again
                _LOG.warning("trend log %s of %s: %s", log.key, self._device.plan.name, error)

    async def _clock(self) -> Clock:
        device = device_id(self._device.plan.instance)
        answers = await self._device.reader.read([Read(device, _LOCAL_DATE), Read(device, _LOCAL_TIME)])
        date, time = (answer.value for answer in answers)
        if self._zone is None and isinstance(date, Date) and isinstance(time, Time):
            local = local_time(date, time)
            if local is not None:
                return Clock.measured(local, datetime.now(UTC))
        return Clock(self._zone, timedelta(0))

    async def read_log(self, log: Log, clock: Clock) -> None:
        """Read what is new in a log. Durable, with its position, when it returns. Raises BacnetError."""
        reads = [Read(log.object, RECORD_COUNT), Read(log.object, TOTAL_COUNT)]
        count, total = (answer.value for answer in await self._device.reader.read(reads))
        if not isinstance(count, int) or not isinstance(total, int):
            raise Malformed("it does not say how many records it has")
        known = await asyncio.to_thread(self._buffer.position, log.key)
        window = window_of(total, count, known)
        if known is not None and window.number != known.sequence and window.left:
            _LOG.warning("trend log %s of %s rolled over since it was read", log.key, self._device.plan.name)
        while window.left > 0:
            records = list(read_records((await self._range(log, window)).items))[: window.left]
            if not records:
                return
            if known is not None and window.number == known.sequence:
                if not self._same(records[0], known, clock):
                    window, known = window_of(total, count, None), None
                    continue
                known = None
            await self._keep(log, window, records, clock)
            window.advance(len(records))

    @staticmethod
    def _same(record: Record, known: Position, clock: Clock) -> bool:
        return record.local is None or known.time == 0 or abs(clock.utc(record.local) - known.time) < _CLOCK_CHANGE

    async def _range(self, log: Log, window: Window) -> Range:
        """Read records from a window's beginning, as many as the device sends at once. Raises BacnetError."""
        while True:
            most = min(window.left, self._most)
            try:
                return await self._request(log, window, most)
            except Aborted:
                if most == 1:
                    raise
                self._most = most // 2
            except NoAnswer:
                raise
            except BacnetError:
                if log in self._by_position:
                    raise
                self._by_position.add(log)  # it knows no numbers

    async def _request(self, log: Log, window: Window, most: int) -> Range:
        read = Read(log.object, LOG_BUFFER)
        if log in self._by_position:
            request = services.read_range_by_position(read, window.position, most)
        else:
            request = services.read_range_by_sequence(read, window.number, most)
        return services.read_range_ack(await self._device.reader.request(READ_RANGE, request))

    async def _keep(self, log: Log, window: Window, records: Sequence[Record], clock: Clock) -> None:
        readings: list[Reading] = []
        last = 0
        for record in records:
            if record.local is None:
                continue
            last = clock.utc(record.local)
            reading = reading_of(log.id, last, log.logged, record.value, status_of(record.flags))
            readings += [reading] if reading is not None else []
        number = (window.number + len(records) - 2) % _NUMBERS + 1
        await asyncio.to_thread(self._buffer.add, readings, Position(log.key, number, last))
