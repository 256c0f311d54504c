"""True broadcasts, a BBMD and a router, in network namespaces."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ontologies.bacnet_network import Network, read_network
from tests.support.bacnet.namespaces import Segment, segment

ADDRESSES = tuple(f"10.77.0.{number}" for number in (1, 2, 3))
TWINHOUSE = (str(Path(sys.executable).with_name("twinhouse")),)


def scan(network: Segment, file: Path, *options: str) -> Network:
    command = (*TWINHOUSE, "bacnet", "scan", str(file), "--wait", "0.5", "--answer-seconds", "1", *options)
    result = network.run(network.client, *command)
    assert result.returncode == 0, result.stderr
    return read_network(file.read_text())


def test_broadcasts_find_everyone(tmp_path: Path) -> None:
    with (
        segment([f"{address}/24" for address in ADDRESSES]) as network,
        network.started("tests.support.bacnet.rusty_site", "10.77.0.255", *ADDRESSES),
    ):
        found = scan(network, tmp_path / "site.json")
        assert [device.instance for device in found.devices] == [1000, 1001, 1002]
        assert [len(device.objects) for device in found.devices] == [2, 2, 2]
        some = scan(network, tmp_path / "some.json", "--instances", "1001-1002")
        assert [device.instance for device in some.devices] == [1001, 1002]
    assert found.failures == some.failures == ()


def test_a_foreign_device_finds_them_by_the_bbmd(tmp_path: Path) -> None:
    addresses = [f"{address}/24" for address in ADDRESSES]
    with (
        segment(addresses, client_address="10.77.9.100/16") as network,
        network.started("tests.support.bacnet.rusty_site", "10.77.0.255", "bbmd", *ADDRESSES),
    ):
        network.run(network.devices, "ip", "route", "add", "10.77.9.0/24", "dev", "bridge0")
        assert scan(network, tmp_path / "deaf.json").devices == ()
        found = scan(network, tmp_path / "site.json", "--bbmd", "10.77.0.1")
        result = network.run(
            network.client,
            *(
                *TWINHOUSE,
                "bacnet",
                "scan",
                str(tmp_path / "x.json"),
                "--bbmd",
                "10.77.0.2",
                "--answer-seconds",
                "0.5",
            ),
        )
    assert [device.instance for device in found.devices] == [1000, 1001, 1002]
    assert result.returncode == 1
    assert "BBMD 10.77.0.2:47808" in result.stderr


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="bacpypes 0.19 needs asyncore")
def test_devices_behind_a_router_of_an_older_stack(tmp_path: Path) -> None:
    with (
        segment(["10.77.0.1/24"]) as network,
        network.started("tests.support.bacnet.old_router", "10.77.0.1/24", "2001"),
    ):
        for options in (("--far-rate", "500"), ("--far-rate", "500", "--network", "2001")):
            found = scan(network, tmp_path / f"site{len(options)}.json", *options)
            assert [str(device.address) for device in found.devices] == [
                "2001:0x01@10.77.0.1:47808",
                "2001:0x02@10.77.0.1:47808",
            ]
            assert [device.objects[0].name for device in found.devices] == ["Temperature 1", "Temperature 2"]
            assert [device.objects[0].value for device in found.devices] == [21.0, 22.0]
        lost = scan(network, tmp_path / "lost.json", "--network", "2002")
    assert lost.devices == ()
    assert "network 2002" in {failure.device for failure in lost.failures}
