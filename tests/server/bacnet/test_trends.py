"""Trend logs: each record once, whatever rolls over, wraps, is purged or begins anew."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.bacnet.buffer import Buffer, Position, Reading
from server.bacnet.link import Network as Link
from server.bacnet.planning import plans_of
from server.bacnet.polling import Device, Recorder
from server.bacnet.reading import Pace, Reader, Throttle
from server.bacnet.records import Clock
from server.bacnet.trends import Trends, window_of
from tests.server.bacnet.conftest import fresh_address, with_client
from tests.server.bacnet.test_gateway import configured, series_of
from tests.support.bacnet import raw

START = datetime(2026, 3, 1, 12, 0, 0)
LAST = 2**32 - 1


class Site:
    """A device with a trend log, and what a gateway has of it."""

    def __init__(self, folder: Path, zone: str | None = "UTC", **behaviour: Any) -> None:  # noqa: ANN401
        self.raw = raw.RawDevice(7, fresh_address(), **behaviour)
        self.raw.add(0, 1, "Zone Temp", raw.real(20.0))
        self.raw.add_log(1, 0, 1)
        self.zone = zone
        self.buffer = Buffer(folder / "buffer.sqlite")
        with raw.running(self.raw):
            config, network = configured(folder, [self.raw.address], "http://127.0.0.1:9")
        (self.plan,) = plans_of(config, network, {})
        self.series = series_of(network, "analog-input,1")

    def log(self, first: int, count: int, start: datetime = START) -> None:
        """Log one value a minute: the record's number."""
        for number in range(first, first + count):
            self.raw.log(1, (number - 1) % LAST + 1, start + timedelta(minutes=number - first), float(number))

    def read(self) -> None:
        """Read what is new, once."""

        async def what(link: Link) -> None:
            reader = Reader(link, self.plan.station, self.plan.limits, Throttle(Pace(5000, 2)))
            device = Device(self.plan, reader, Recorder(lambda _: None), 60)
            await Trends(device, self.buffer, ZoneInfo(self.zone) if self.zone else None).read()

        with raw.running(self.raw):
            with_client(what)

    @property
    def readings(self) -> list[Reading]:
        """What is in the buffer."""
        return self.buffer.first(100_000)[0]

    @property
    def values(self) -> list[float | None]:
        return [each.value for each in self.readings]


def numbers(first: int, count: int) -> list[float]:
    return [float(number) for number in range(first, first + count)]


def test_first_contact_fills_back_and_later_only_what_is_new(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.log(1, 50)
    site.read()
    assert site.values == numbers(1, 50)
    assert site.readings[0] == Reading(site.series, 1_772_366_400_000_000, 1.0, None, None)
    asked = len(site.raw.services)
    site.read()
    assert site.values == numbers(1, 50)
    assert site.raw.services[asked:].count(26) == 0
    site.log(51, 7, START + timedelta(minutes=50))
    site.read()
    assert site.values[:50] + site.values[-7:] == numbers(1, 57)
    assert len({each.time for each in site.readings}) == 57


@pytest.mark.parametrize("behaviour", [{"by_sequence": False}, {"records": 1}, {"longest": 300}, {"multiple": False}])
def test_devices_that_can_less(tmp_path: Path, behaviour: dict[str, Any]) -> None:
    site = Site(tmp_path, **behaviour)
    site.log(1, 30)
    site.read()
    site.log(31, 5, START + timedelta(minutes=30))
    site.read()
    assert sorted({each.value for each in site.readings if each.value}) == numbers(1, 35)


def test_a_log_that_rolled_over_gives_all_that_it_still_has(tmp_path: Path) -> None:
    site = Site(tmp_path, room=20)
    site.log(1, 20)
    site.read()
    site.log(21, 35, START + timedelta(minutes=20))
    site.read()
    assert site.values == numbers(1, 20) + numbers(36, 20)


def test_numbers_begin_again_after_the_last(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.log(LAST - 4, 3)
    site.read()
    site.log(LAST - 1, 5, START + timedelta(minutes=3))  # LAST-1, LAST, 1, 2, 3
    site.read()
    assert sorted({(each.time - site.readings[0].time) // 60_000_000 for each in site.readings}) == list(range(8))


def test_a_log_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.log(1, 10)
    site.read()
    site.raw.logs[1].clear()
    site.log(1, 14, START + timedelta(days=2))
    site.read()
    later = [each for each in site.readings if each.time >= 1_772_366_400_000_000 + 86_400_000_000]
    assert [each.value for each in later] == numbers(1, 14)


def test_a_purged_log_goes_on(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.log(1, 10)
    site.read()
    site.raw.logs[1].clear()
    site.log(11, 3, START + timedelta(minutes=10))
    site.read()
    assert site.values == numbers(1, 13)


def test_the_devices_own_clock_counts_without_a_zone(tmp_path: Path) -> None:
    site = Site(tmp_path, zone=None)
    ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=2, minutes=3)
    site.raw.objects[8, 7][56] = [b"\xa4" + bytes([ahead.year - 1900, ahead.month, ahead.day, 255])]
    site.raw.objects[8, 7][57] = [b"\xb4" + bytes([ahead.hour, ahead.minute, ahead.second, 0])]
    site.log(1, 1)
    site.read()
    assert site.readings[0].time == 1_772_366_400_000_000 - 2 * 3_600_000_000


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    clock = Clock(ZoneInfo("Europe/Berlin"), timedelta(0))
    first = datetime(2026, 10, 25, 1, 30)
    shown = [first, first + timedelta(hours=1), first + timedelta(hours=1, minutes=20)]
    shown += [datetime(2026, 10, 25, 2, 10), datetime(2026, 10, 25, 2, 50), datetime(2026, 10, 25, 3, 10)]
    at = [clock.utc(each) for each in shown]
    minutes = [(each - at[0]) // 60_000_000 for each in at]
    assert minutes == [0, 60, 80, 100, 140, 160]


def test_a_window_never_skips_what_is_there() -> None:
    chance = random.Random(7)
    for _ in range(20_000):
        total = chance.choice((chance.randrange(1, 2000), chance.randrange(LAST - 50, LAST + 1)))
        count = chance.randrange(0, min(total, 500) + 1)
        behind = chance.randrange(0, 600)
        known = Position("log", (total - behind - 1) % LAST + 1, 1)
        window = window_of(total, count, known)
        assert 0 <= window.left <= count
        if window.left:
            last = (window.number + window.left - 2) % LAST + 1
            assert last == total
            assert window.position + window.left - 1 == count
        if behind <= count and window.left:
            assert window.left >= behind


def test_records_and_position_are_kept_together(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "buffer.sqlite")
    reading = Reading("x", 1, 1.0)
    with pytest.raises(Exception, match="NOT NULL"):
        buffer.add([reading, reading._replace(id=None)], Position("log", 5, 1))  # type: ignore[arg-type]
    assert (len(buffer), buffer.position("log")) == (0, None)
    buffer.add([reading], Position("log", 5, 1))
    buffer.close()
    again = Buffer(tmp_path / "buffer.sqlite")
    assert (len(again), again.position("log")) == (1, Position("log", 5, 1))


def test_a_full_buffer_drops_the_oldest(tmp_path: Path) -> None:
    buffer = Buffer(tmp_path / "buffer.sqlite", most=10)
    for number in range(4):
        buffer.add([Reading("x", 4 * number + each, 0.0) for each in range(4)])
    assert [each.time for each in buffer.first(100)[0]] == list(range(6, 16))
    assert (len(buffer), buffer.dropped) == (10, 6)
