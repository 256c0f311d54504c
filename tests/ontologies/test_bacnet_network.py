from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ontologies.bacnet_network import (
    Address,
    BacnetObject,
    Device,
    Failure,
    Network,
    ObjectReference,
    identify,
    network_json,
    read_network,
)
from ontologies.errors import ValueShapeError

IP = Address("10.0.0.5:47808")
FIELD = Address("0x05", 20, "10.0.0.9:47808")
NETWORK = Network(
    "here",
    (
        Device(
            IP,
            1,
            "AHU 1",
            services=("read-property-multiple",),
            max_apdu=1476,
            objects=(
                BacnetObject("binary-input", 2, "Fan", states=("Aus", "Ein"), value=True),
                BacnetObject("analog-input", 10, "Zulufttemperatur °C", units="degrees-celsius", value=21.0),
                BacnetObject("analog-input", 9, value=21, minimum=float("-inf"), maximum=float("nan")),
                BacnetObject("structured-view", 1, children=(ObjectReference("analog-input", 9, annotation="x"),)),
            ),
        ),
        Device(FIELD, 7),
    ),
    (Failure("10.0.0.5:47808", "timeout", "analog-input,9", "units"),),
    "2026-11-01T00:00:00Z",
)


def keys(network: Network) -> dict[str, str | None]:
    return {str(device.address): device.key for device in network.devices}


class TestJson:
    def test_gives_back_an_equal_network_with_the_types_of_its_values(self) -> None:
        again = read_network(network_json(NETWORK))
        assert again == NETWORK
        assert [type(found.value) for _, found in again.objects()] == [bool, float, int, type(None)]

    def test_has_no_infinities(self) -> None:
        assert "Infinity" not in network_json(NETWORK)
        assert "NaN" not in network_json(NETWORK)

    @pytest.mark.parametrize(
        ("old", "new", "where"),
        [
            ('"instance": 9', '"instance": "9"', "devices[0].objects[2].instance"),
            ('"mac": "0x05"', '"mac": null', "devices[1].address.mac"),
            ('"services": [', '"servces": [', "devices[0].servces"),
            ('"reason": "timeout",', "", "failures[0].reason"),
            ('"max_apdu": 1476', '"max_apdu": 1476.5', "devices[0].max_apdu"),
            ('"format": "twinhouse-bacnet-network/1"', '"format": "other"', "format"),
        ],
    )
    def test_names_the_member_that_is_wrong(self, old: str, new: str, where: str) -> None:
        text = network_json(NETWORK)
        assert old in text
        with pytest.raises(ValueShapeError) as caught:
            read_network(text.replace(old, new))
        assert caught.value.where == where

    @pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, b"\xff\xfe"])
    def test_refuses_what_is_no_network(self, text: str | bytes) -> None:
        with pytest.raises(ValueShapeError):
            read_network(text)


class TestIdentify:
    def test_does_not_depend_on_the_order_of_discovery(self) -> None:
        shuffled = list(NETWORK.devices)
        random.Random(1).shuffle(shuffled)
        mixed = tuple(replace(device, objects=device.objects[::-1]) for device in shuffled)
        assert identify(replace(NETWORK, devices=mixed)) == identify(NETWORK)

    def test_takes_the_instance_wherever_the_device_is(self) -> None:
        assert keys(identify(NETWORK)) == {str(IP): "1", str(FIELD): "7"}

    def test_keeps_devices_of_one_instance_apart(self) -> None:
        twice = Network("here", (Device(IP, 7), Device(FIELD, 7)))
        assert keys(identify(twice)) == {str(IP): f"7@{IP}", str(FIELD): f"7@{FIELD}"}

    def test_keeps_the_key_of_a_device_that_moved(self) -> None:
        moved = Network("here", (Device(Address("10.0.0.77:47808"), 7, key=None),))
        earlier = identify(Network("here", (Device(IP, 7), Device(FIELD, 8))))
        assert keys(identify(moved, earlier)) == {"10.0.0.77:47808": "7"}

    def test_keeps_a_key_when_a_double_comes_and_goes(self) -> None:
        first = identify(Network("here", (Device(FIELD, 7),)))
        second = identify(Network("here", (Device(IP, 7), Device(FIELD, 7))), first)
        third = identify(Network("here", (Device(IP, 7),)), second)
        assert keys(second) == {str(FIELD): "7", str(IP): f"7@{IP}"}
        assert keys(third) == {str(IP): f"7@{IP}"}


def test_an_address_says_where_it_is() -> None:
    assert str(FIELD) == "20:0x05@10.0.0.9:47808"
    assert str(IP) == "10.0.0.5:47808"
