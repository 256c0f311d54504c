"""Reading from devices that can do little, or do it oddly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from server.bacnet.errors import NoAnswer, NoNetwork, Refused
from server.bacnet.link import Network, on_network
from server.bacnet.reading import Limits, Pace, Reader, Throttle
from server.bacnet.services import READ_MULTIPLE, READ_PROPERTY, Answer, Read
from server.bacnet.station import Station
from server.bacnet.tags import ObjectId
from tests.server.bacnet.conftest import fresh_address, interface, with_client
from tests.support.bacnet import raw, rusty

QUICK = Pace(1000.0, 2)
PROPERTIES = (77, 85, 111, 117, 28)


def filled(**behaviour: Any) -> raw.RawDevice:  # noqa: ANN401 - as RawDevice has it
    """Return a device with 60 analog inputs."""
    device = raw.RawDevice(7, fresh_address(), **behaviour)
    for number in range(60):
        device.add(0, number, f"Input {number}", raw.real(number), unit=raw.enumerated(62))
    return device


READS = [Read(ObjectId(0, number), each) for number in range(60) for each in PROPERTIES]


def read(address: str, reads: list[Read] = READS, **limits: Any) -> tuple[list[Answer], Reader]:  # noqa: ANN401
    async def what(network: Network) -> tuple[list[Answer], Reader]:
        reader = Reader(network, Station(address), Limits(**limits), Throttle(QUICK))
        return await reader.read(reads), reader

    return with_client(what)


def require_all(answers: list[Answer]) -> None:
    """Everything is there, in order, and what the device does not have says so."""
    assert [answer.read for answer in answers] == READS
    for answer in answers:
        number = answer.read.object.instance
        expected = {77: f"Input {number}", 85: float(number), 117: 62}
        if answer.read.property == 28:
            assert isinstance(answer.error, Refused)
            assert answer.error.code == 32
        elif answer.read.property in expected:
            assert answer.values == (expected[answer.read.property],)


DIFFICULT: dict[str, tuple[dict[str, Any], Callable[[Limits], bool]]] = {
    "plain": ({}, lambda limits: limits == Limits()),
    "without ReadPropertyMultiple": ({"multiple": False}, lambda limits: not limits.multiple),
    "aborts what is long": ({"longest": 200}, lambda limits: limits.answer < 500),
    "drops what is long": ({"longest": 300, "silent": True}, lambda limits: limits.answer < 800),
}


@pytest.mark.parametrize("kind", DIFFICULT)
def test_every_answer_comes_and_the_limit_is_remembered(kind: str) -> None:
    behaviour, remembered = DIFFICULT[kind]
    device = filled(**behaviour)
    with raw.running(device):
        answers, reader = read(device.address)
        require_all(answers)
        assert remembered(reader.limits)
        device.services.clear()
        again, _ = read(
            device.address,
            multiple=reader.limits.multiple,
            request=reader.limits.request,
            answer=reader.limits.answer,
        )
    require_all(again)
    assert len(device.services) <= (len(READS) if not reader.limits.multiple else 60)


def test_requests_fit_a_small_device() -> None:
    device = filled(max_apdu=480, longest=480)
    with raw.running(device):
        answers, reader = read(device.address, request=480, answer=480)
    require_all(answers)
    assert reader.limits.answer == 480
    assert set(device.services) == {READ_MULTIPLE}


def test_one_unreadable_property_drops_nothing_else() -> None:
    device = filled(denied=frozenset({((0, 5), 77)}))
    with raw.running(device):
        answers, _ = read(device.address)
    failed = [answer.read for answer in answers if answer.error and answer.read.property != 28]
    assert failed == [Read(ObjectId(0, 5), 77)]


def test_a_device_that_vanishes_is_told_in_bounded_time() -> None:
    device = filled(vanishes_after=2)
    with raw.running(device), pytest.raises(NoAnswer):
        read(device.address, answer=300)


def test_the_pace_is_kept() -> None:
    device = filled()

    async def what(network: Network) -> float:
        reader = Reader(network, Station(device.address), Limits(multiple=False), Throttle(Pace(50.0, 4)))
        start = asyncio.get_running_loop().time()
        await reader.read(READS[:11])
        return asyncio.get_running_loop().time() - start

    with raw.running(device):
        assert with_client(what) >= 0.199  # ten pauses of 20 ms, whatever the machine does
    assert device.services == [READ_PROPERTY] * 11


def test_answers_in_segments_of_another_stack() -> None:
    def fill(device: Any) -> None:  # noqa: ANN401
        for number in range(500):
            device.add_analog_input(number, f"Input {number}", 62, float(number))

    address = fresh_address()
    with rusty.running(rusty.device(7, address, fill)):
        answers, _ = read(address, [Read(ObjectId(8, 7), 76)])
        everything, reader = read(address, [Read(ObjectId(0, number), 77) for number in range(500)])
    assert len(answers[0].values) == 501
    assert [answer.value for answer in everything] == [f"Input {number}" for number in range(500)]
    assert reader.limits == Limits()


def test_a_taken_port_is_an_error_not_a_wait() -> None:
    at = interface()

    async def twice() -> None:
        async with on_network(at), on_network(at):
            pass

    with pytest.raises(NoNetwork, match="taken"):
        asyncio.run(twice())
