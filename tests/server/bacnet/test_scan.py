"""Scans of devices as they are on real sites, by two stacks that are not the client's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import rusty_bacnet

from ontologies.bacnet_network import Device, Network, ObjectReference, read_network
from server.bacnet.find import Targets, find
from server.bacnet.link import Network as Link
from server.bacnet.link import on_network
from server.bacnet.merging import Outcome
from server.bacnet.reading import Pace, Throttles
from server.bacnet.scan import BadScan, Plan, scan
from server.bacnet.station import Station
from tests.server.bacnet.conftest import fresh_address, interface, with_client
from tests.support.bacnet import raw, rusty

REFERENCE = (
    rusty_bacnet.ObjectIdentifier(rusty_bacnet.ObjectType.ANALOG_INPUT, 1),
    rusty_bacnet.PropertyIdentifier.PRESENT_VALUE,
)


def run(file: Path, *stations: str, resume: bool = False, **plan: Any) -> Outcome:  # noqa: ANN401
    targets = Targets(everyone=False, stations=tuple(Station.parse(each) for each in stations))
    throttles = Throttles(Pace(5000.0, 4), Pace(5000.0, 1))

    async def what(link: Link) -> Outcome:
        return await scan(link, Plan("site", targets, wait=0.2, **plan), file, throttles, resume=resume)

    return with_client(what)


def the_device(network: Network) -> Device:
    (device,) = network.devices
    return device


def kinds(outcome: Outcome) -> list[tuple[str, str | None]]:
    return [(each.kind, each.identifier) for each in outcome.differences or ()]


def office(device: Any) -> None:  # noqa: ANN401
    device.add_analog_input(1, "AHU1 Supply Temp", 62, 21.5)
    device.add_analog_output(2, "AHU1 Valve", 98)
    device.add_binary_value(3, "AHU1 Run")
    device.add_multistate_value(4, "AHU1 Mode", 3)
    device.add_trend_log(5, "AHU1 Trend", 100, reference=REFERENCE)
    device.add_structured_view(6, "AHU1")


def test_everything_of_another_stacks_device(tmp_path: Path) -> None:
    address = fresh_address()
    with rusty.running(rusty.device(1234, address, office, name="AHU controller")):
        outcome = run(tmp_path / "site.json", address)
    device = the_device(outcome.network)
    assert (device.instance, device.name, device.vendor_id, device.segmentation, device.max_apdu, device.key) == (
        *(1234, "AHU controller", 555, "segmented-both", 1476, "1234"),
    )
    assert {"read-property-multiple", "subscribe-cov", "read-range"} <= set(device.services)
    objects = {each.identifier: each for each in device.objects}
    assert list(objects) == sorted(objects)
    supply = objects["analog-input,1"]
    assert (supply.name, supply.units, supply.value, supply.commandable, supply.reliability) == (
        *("AHU1 Supply Temp", "degrees-celsius", 21.5, False, "no-fault-detected"),
    )
    assert objects["analog-output,2"].commandable is True
    assert objects["binary-value,3"].value is False
    assert objects["multi-state-value,4"].states == ("State 1", "State 2", "State 3")
    assert objects["trend-log,5"].logged == ObjectReference("analog-input", 1, None, "present-value")
    assert objects["structured-view,6"].node_type == "unknown"
    assert outcome.network.failures == ()
    assert read_network((tmp_path / "site.json").read_text()) == outcome.network


def filled(instance: int = 7, count: int = 40, address: str = "", **behaviour: Any) -> raw.RawDevice:  # noqa: ANN401
    device = raw.RawDevice(instance, address or fresh_address(), **behaviour)
    for number in range(count):
        device.add(0, number, f"Input {number}", raw.real(number), unit=raw.enumerated(62))
    return device


@pytest.mark.parametrize(
    "behaviour",
    [{}, {"multiple": False}, {"max_apdu": 480, "longest": 480}, {"longest": 200}, {"longest": 300, "silent": True}],
    ids=["plain", "without RPM", "APDU 480, no segmentation", "aborts", "drops"],
)
def test_difficult_devices_are_read_whole(tmp_path: Path, behaviour: dict[str, Any]) -> None:
    device = filled(count=120, **behaviour)
    with raw.running(device):
        network = run(tmp_path / "site.json", device.address).network
    found = the_device(network).objects
    assert {(each.name, each.units, each.value) for each in found} == {
        (f"Input {number}", "degrees-celsius", float(number)) for number in range(120)
    }
    assert [failure for failure in network.failures if failure.property != "object-list"] == []


def test_3500_objects_without_segmentation(tmp_path: Path) -> None:
    device = filled(count=3500)
    with raw.running(device):
        network = run(tmp_path / "site.json", device.address).network
    assert len(the_device(network).objects) == 3500
    assert network.failures == ()


def test_names_in_odd_encodings_and_what_cannot_be_read(tmp_path: Path) -> None:
    device = filled(count=3, denied=frozenset({((0, 1), 77), ((0, 2), 117)}))
    device.add(0, 9, b"K\xfcche", raw.real(1.0))
    device.add(0, 10, "Küche".encode("utf-16-be"), raw.real(1.0), charset=4)
    device.objects[0, 0][77] = [b"\x21\x07"]  # a number as a name
    device.objects[8, 7][76] += [raw.object_id(0, 9), raw.object_id(0, 77)]
    with raw.running(device):
        network = run(tmp_path / "site.json", device.address).network
    names = {each.instance: each.name for each in the_device(network).objects}
    assert names == {0: None, 1: None, 2: "Input 2", 9: "Küche", 10: "Küche", 77: None}
    told = {(each.object, each.property) for each in network.failures}
    assert told >= {
        ("analog-input,1", "object-name"),
        ("analog-input,2", "units"),
        ("analog-input,77", "object-name"),
    }
    assert any("twice" in each.reason for each in network.failures)


def test_equal_device_numbers_are_both_kept(tmp_path: Path) -> None:
    first, second = filled(7, 1), filled(7, 2)
    with raw.running(first, second):
        network = run(tmp_path / "site.json", first.address, second.address).network
    assert sorted(len(device.objects) for device in network.devices) == [1, 2]
    assert len({device.key for device in network.devices}) == 2
    assert sorted(each.reason for each in network.failures) == sorted(
        f"device 7 is also at {each.address}:47808" for each in (first, second)
    )


def test_networks_of_one_number_behind_two_routers(tmp_path: Path) -> None:
    behind = [raw.RawDevice(number, "") for number in (11, 12, 13)]
    for device in behind:
        device.add(0, 1, f"Input of {device.instance}", raw.real(device.instance))
    one = raw.RawRouter(fresh_address(), {2001: {b"\x05": behind[0], b"\x06": behind[1]}})
    other = raw.RawRouter(fresh_address(), {2001: {b"\x05": behind[2]}})
    stations = [f"2001:0x05@{one.address}", f"2001:0x06@{one.address}", f"2001:0x05@{other.address}"]
    with raw.running(one, other):
        network = run(tmp_path / "site.json", *stations).network
    assert [(device.instance, str(device.address)) for device in network.devices] == [
        (11, f"2001:0x05@{one.address}:47808"),
        (12, f"2001:0x06@{one.address}:47808"),
        (13, f"2001:0x05@{other.address}:47808"),
    ]
    assert [device.objects[0].name for device in network.devices] == ["Input of 11", "Input of 12", "Input of 13"]
    assert network.failures == ()


def test_answers_to_everyone_are_heard_from_another_port_beside_a_gateway() -> None:
    device = raw.RawDevice(7, fresh_address(), broadcasts=True)
    beside = interface()

    async def what(link: Link) -> None:
        async with on_network(beside) as other:
            for each in (link, other):
                stations = (Station(device.address),)
                found, failures = await find(each, Targets(everyone=False, stations=stations), Throttles(), 2.0)
                assert ([one.instance for one in found], failures) == ([7], [])

    with raw.running(device):
        with_client(what)
    assert 12 not in device.services  # nobody had to ask it by its address


def test_the_next_scan_tells_what_is_new_changed_and_gone(tmp_path: Path) -> None:
    file = tmp_path / "site.json"
    device, other = filled(7, 3), filled(8, 1)
    with raw.running(device, other):
        assert run(file, device.address, other.address).differences is None
        device.objects[0, 1][85] = [raw.real(99.0)]
        assert run(file, device.address, other.address).differences == ()
        device.objects[0, 1][77] = [raw.text("Renamed")]
        del device.objects[0, 2]
        device.objects[8, 7][76].remove(raw.object_id(0, 2))
        device.add(2, 5, "Setpoint", raw.real(21.0))
        outcome = run(file, device.address, other.address)
    assert kinds(outcome) == [
        ("changed", "analog-input,1"),
        ("new", "analog-value,5"),
        ("gone", "analog-input,2"),
    ]
    assert (outcome.differences or ())[0].fields == (("name", "Input 1", "Renamed"),)


def test_a_silent_device_stays_in_the_scan_until_it_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "site.json"
    device, other = filled(7, 3), filled(8, 1)
    with raw.running(device, other):
        run(file, device.address, other.address)
    with raw.running(other):
        outcome = run(file, device.address, other.address)
        assert kinds(outcome) == [("gone", None)]
        assert [len(each.objects) for each in outcome.network.devices] == [3, 1]
        assert any("kept" in each.reason for each in outcome.network.failures)
        partly = run(file, other.address)
        assert kinds(partly) == []
        assert len(partly.network.devices) == 2
        forgotten = run(file, device.address, other.address, forget=True)
    assert [each.instance for each in forgotten.network.devices] == [8]


def test_a_device_that_vanishes_in_the_middle_keeps_what_was_known(tmp_path: Path) -> None:
    file = tmp_path / "site.json"
    device = filled(7, 250)
    with raw.running(device):
        run(file, device.address)
        device.vanishes_after = len(device.services) + 12
        outcome = run(file, device.address)
    assert [each.name for each in the_device(outcome.network).objects] == [f"Input {number}" for number in range(250)]
    assert any("no answer" in each.reason for each in outcome.network.failures)
    assert kinds(outcome) == []


def test_a_broken_scan_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "site.json"
    first, second = filled(7, 5), filled(8, 5)
    with raw.running(first, second):

        async def broken(link: Link) -> None:
            targets = Targets(everyone=False, stations=(Station(first.address), Station(second.address)))

            def progress(done: int, _total: int, _what: str) -> None:
                if done == 1:
                    raise KeyboardInterrupt

            await scan(link, Plan("site", targets, wait=0.2), file, Throttles(), progress=progress)

        with pytest.raises((KeyboardInterrupt, BaseExceptionGroup, asyncio.CancelledError)):
            with_client(broken)
        assert not file.exists()
        part = read_network((tmp_path / "site.json.part").read_text())
        assert len(part.devices) == 1
        done = first if part.devices[0].instance == 7 else second
        done.services.clear()
        outcome = run(file, first.address, second.address, resume=True)
    assert done.services == []
    assert [len(each.objects) for each in outcome.network.devices] == [5, 5]
    assert not (tmp_path / "site.json.part").exists()


def test_what_a_device_could_take_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "site.json"
    device = filled(7, 40, multiple=False)
    with raw.running(device):
        run(file, device.address)
        device.services.clear()
        run(file, device.address)
    assert set(device.services) == {12}


def test_nothing_is_written_to_the_network(tmp_path: Path) -> None:
    device = filled(7, 40)
    with raw.running(device):
        run(tmp_path / "site.json", device.address)
    assert set(device.services) <= {12, 14}


def test_another_sites_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "site.json"
    file.write_text('{"format": "twinhouse-bacnet-network/1", "name": "elsewhere"}')
    device = filled(7, 1)
    with raw.running(device), pytest.raises(BadScan, match="elsewhere"):
        run(file, device.address)
    file.write_text("{}")
    with raw.running(device), pytest.raises(BadScan, match="site"):
        run(file, device.address)
