"""The demo building's BACnet network, as the client finds it."""

from __future__ import annotations

import subprocess
import time

import pytest

from ontologies.bacnet_network import Network, read_network
from server.demo.network import controllers
from server.demo.points import points
from tests.server.cli.conftest import run
from tests.support.server import COMMAND, stop


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """What a broadcast on loopback finds while it runs."""
    file = tmp_path_factory.mktemp("demo") / "demo.json"
    process = subprocess.Popen([*COMMAND, "bacnet", "simulate"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while True:
            result = run("bacnet", "scan", file, "--address", "127.0.0.1/8", "--udp-port", "47809", "--wait", "1")
            assert result.exit_code == 0, result.stderr
            found = read_network(file.read_text())
            if len(found.devices) == len(controllers()):
                return found
            assert time.monotonic() < end
    finally:
        stop(process)


def test_every_point_is_an_object_of_a_controller(network: Network) -> None:
    assert [(device.instance, device.name) for device in network.devices] == [
        (each.instance, each.name) for each in controllers()
    ]
    assert sum(len(device.objects) for device in network.devices) == len(points())
    assert network.failures == ()


def test_objects_are_what_the_points_are(network: Network) -> None:
    objects = {each.name: each for _, each in network.objects()}
    setpoint = objects["VAV-1-1.HTG-SP"]
    assert (setpoint.type, setpoint.units, setpoint.commandable) == ("analog-value", "degrees-celsius", True)
    assert 10 < float(setpoint.value or 0) < 30
    assert objects["AHU-1-SupplyFan.S"].type == "binary-input"
    assert objects["AHU-1-HeatingValve.POS"].type == "analog-output"
