"""The gateway from devices to a server: polling, changes, trend logs, loss and return, a server that is away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import rusty_bacnet

from ontologies.bacnet import network_graph, object_uuid
from ontologies.bacnet_network import Network
from server.bacnet import gateway
from server.bacnet.buffer import Buffer
from server.bacnet.config import Config, read_config
from server.bacnet.find import Targets
from server.bacnet.gateway import NoState, run
from server.bacnet.link import Network as Link
from server.bacnet.reading import Pace, Throttles
from server.bacnet.scan import Plan, scan
from server.bacnet.station import Station
from server.bacnet.subscribing import Subscriptions
from tests.server.bacnet.conftest import fresh_address, interface, with_client
from tests.server.cli.conftest import run as command
from tests.support.bacnet import raw, rusty
from tests.support.server import COMMAND
from tests.support.service import Service, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server that tests share: each has a network, and so series, of its own."""
    with serving(tmp_path_factory.mktemp("twin") / "data") as service:
        yield service


def configured(folder: Path, addresses: list[str], url: str, more: str = "") -> tuple[Config, Network]:
    """Scan devices, and return a configuration that records them."""
    network = scanned(folder, addresses)
    port = interface().port
    text = f"""
        [network]
        scan = "site.json"
        address = "127.0.0.1/8"
        udp-port = {port}
        answer = "300ms"
        retries = 1
        [server]
        url = "{url}"
        [pace]
        rate = 2000
        {more}
    """
    (folder / "site.toml").write_text(text)
    return read_config(folder / "site.toml"), network


def scanned(folder: Path, addresses: list[str]) -> Network:
    """Scan devices; the network's name is the folder's."""
    plan = Plan(folder.name, Targets(everyone=False, stations=tuple(map(Station, addresses))), 0.2)

    async def what(link: Link) -> Network:
        return (await scan(link, plan, folder / "site.json", Throttles(Pace(5000, 4)))).network

    return with_client(what)


async def until(what: Callable[[], Any], seconds: float = 60.0) -> Any:  # noqa: ANN401
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while not (found := await asyncio.to_thread(what)):
        assert time.monotonic() < end, "it did not become true"
        await asyncio.sleep(0.05)
    return found


def while_running(config: Config, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something while the gateway runs."""

    async def main() -> None:
        gateway = asyncio.create_task(run(config))
        try:
            async with asyncio.timeout(60):
                doing = asyncio.create_task(what())
                await asyncio.wait((gateway, doing), return_when=asyncio.FIRST_COMPLETED)
                if gateway.done():
                    gateway.result()
                await doing
        finally:
            gateway.cancel()
            await asyncio.gather(gateway, return_exceptions=True)

    asyncio.run(main())


@cache
def http() -> httpx2.Client:
    """A client that all share: to make one costs as much as twenty requests."""
    return httpx2.Client(timeout=60)


def readings(url: str, series: str) -> list[tuple[str, float | None, str | None]]:
    """Return time, value and status of a series' readings."""
    answer = http().get(f"{url}/readings", params={"point": series, "format": "json"})
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, answer.text
    return [(row["time"], row["value"], row["status"]) for row in answer.json()["data"]]


def series_of(network: Network, identifier: str, instance: int | None = None) -> str:
    return next(
        str(object_uuid(network.name, device, each))
        for device, each in network.objects()
        if each.identifier == identifier and instance in (None, device.instance)
    )


def device_of(count: int = 3, instance: int = 7, **behaviour: Any) -> raw.RawDevice:  # noqa: ANN401
    device = raw.RawDevice(instance, fresh_address(), **behaviour)
    for number in range(count):
        device.add(0, number, f"Input {number}", raw.real(number), unit=raw.enumerated(62))
    return device


REF = "https://brickschema.org/schema/Brick/ref#"
POLL = '[poll]\nevery = "200ms"\n'


def test_values_are_polled_with_their_quality(tmp_path: Path, service: Service) -> None:
    device = device_of()
    device.objects[0, 1][111] = [raw.flags(fault=True)]
    device.objects[0, 1][103] = [raw.enumerated(5)]
    device.objects[0, 2][111] = [raw.flags(out=True)]
    device.add(3, 1, "Fan", raw.enumerated(1))
    with raw.running(device):
        config, network = configured(tmp_path, [device.address], service.url, POLL)

        async def what() -> None:
            fan = series_of(network, "binary-input,1")
            assert (await until(lambda: readings(service.url, fan)))[0][1:] == (1.0, None)

        while_running(config, what)
    statuses = {readings(service.url, series_of(network, f"analog-input,{n}"))[0][1:] for n in range(3)}
    assert statuses == {(0.0, None), (1.0, "fault,shorted-loop"), (2.0, "out-of-service")}
    times = [each[0] for each in readings(service.url, series_of(network, "analog-input,0"))]
    assert abs((datetime.fromisoformat(times[-1]) - datetime.now(UTC)).total_seconds()) < 30


def test_loss_and_return_are_marked(tmp_path: Path, service: Service) -> None:
    device = device_of(1)
    with raw.running(device):
        config, network = configured(tmp_path, [device.address], service.url, POLL)
        series = series_of(network, "analog-input,0")

        async def what() -> None:
            await until(lambda: readings(service.url, series))
            device.vanishes_after = 0
            lost = await until(lambda: [each for each in readings(service.url, series) if each[2]])
            assert [each[1:] for each in lost] == [(0.0, "communication-failure")]
            device.vanishes_after = None
            device.objects[0, 0][85] = [raw.real(5.0)]
            await until(lambda: readings(service.url, series)[-1][1:] == (5.0, None))

        while_running(config, what)


def test_a_property_that_cannot_be_read_marks_only_its_point(tmp_path: Path, service: Service) -> None:
    device = device_of(2)
    with raw.running(device):
        config, network = configured(tmp_path, [device.address], service.url, POLL)
        broken, good = (series_of(network, f"analog-input,{n}") for n in range(2))

        async def what() -> None:
            await until(lambda: readings(service.url, broken))
            device.denied = frozenset({((0, 0), 85)})
            await until(lambda: readings(service.url, broken)[-1][2] == "read-failed")
            seen = len(readings(service.url, good))
            await until(lambda: len(readings(service.url, good)) > seen)

        while_running(config, what)
    assert {each[2] for each in readings(service.url, good)} == {None}
    assert [each[2] for each in readings(service.url, broken)].count("read-failed") == 1


@pytest.mark.parametrize(("confirmed", "services"), [("true", {1}), ("false", {2})])
def test_changes_are_told_and_renewed(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch, confirmed: str, services: set[int]
) -> None:
    address = fresh_address()
    told: set[int] = set()
    heard = Subscriptions.heard

    def noted(self: Subscriptions, station: Station, service: int, data: bytes) -> None:
        told.add(service)
        heard(self, station, service, data)

    monkeypatch.setattr(Subscriptions, "heard", noted)
    analog = rusty_bacnet.ObjectIdentifier(rusty_bacnet.ObjectType.ANALOG_INPUT, 1)

    def fill(device: Any) -> None:  # noqa: ANN401
        device.add_analog_input(1, "Zone Temp", 62, 20.0)

    with rusty.running(rusty.device(9, address, fill)) as devices:
        more = '[poll]\nevery = "1h"\n[cov]\nlifetime = "2s"\nevery = "1h"\nconfirmed = ' + confirmed
        config, network = configured(tmp_path, [address], service.url, more)
        series = series_of(network, "analog-input,1")

        def write(value: float) -> None:
            devices.call(devices.devices[0].set_present_value_local, analog, rusty_bacnet.PropertyValue.real(value))

        def has(value: float) -> bool:
            return value in [each[1] for each in readings(service.url, series)]

        async def what() -> None:
            for value in (21.0, 22.5, 24.0):  # the subscription would have ended before the last
                await asyncio.to_thread(write, value)
                await until(partial(has, value))
                await asyncio.sleep(1.2)

        while_running(config, what)
    assert told == services


def test_a_device_that_confirms_nothing_tells_changes_unconfirmed(tmp_path: Path) -> None:
    device = device_of(2, confirms=False)
    with raw.running(device):
        config, _ = configured(tmp_path, [device.address], "http://127.0.0.1:9", "[cov]\nconfirmed = true")

        async def what() -> None:
            await until(lambda: len(device.subscriptions) == 2)

        while_running(config, what)
    assert device.subscriptions[:2] == [((0, 0), False), ((0, 1), False)]
    assert device.services.count(5) == 5  # one in vain, two that hold, and two that end them


def test_a_newer_scan_is_taken_up(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "_LOOK_SECONDS", 0.1)
    changed, same = device_of(1, confirms=True), device_of(1, confirms=True, instance=8)
    more = POLL + '[cov]\nevery = "200ms"'
    with raw.running(changed, same):
        config, network = configured(tmp_path, [changed.address, same.address], service.url, more)

        async def what() -> None:
            await until(lambda: readings(service.url, series_of(network, "analog-input,0")))
            (tmp_path / "site.json").write_text("no scan")  # changes nothing
            await asyncio.sleep(0.5)
            (tmp_path / "site.json").unlink()
            changed.add(0, 5, "New", raw.real(5.0))
            found = await asyncio.to_thread(scanned, tmp_path, [changed.address, same.address])
            new = series_of(found, "analog-input,5")
            assert (await until(lambda: readings(service.url, new)))[0][1] == 5.0
            assert same.services.count(5) == 1  # it goes on as it was

        while_running(config, what)


def test_each_device_is_asked_as_often_as_the_dry_run_says(tmp_path: Path) -> None:
    device = device_of(3)
    with raw.running(device):
        more = '[poll]\nevery = "300ms"\n[[poll.rules]]\nevery = "600ms"\nobjects = ["analog-input,2"]'
        config, _ = configured(tmp_path, [device.address], "http://127.0.0.1:9", more + "\n[trends]\nenabled = false")
        dry = command("bacnet", "run", config.path, "--dry-run", "--json")
        assert dry.exit_code == 0, dry.stderr
        (told,) = json.loads(dry.stdout)
        assert told["requests_per_second"] == pytest.approx(1 / 0.3 + 1 / 0.6)

        async def what() -> None:
            device.services.clear()
            begin = time.monotonic()
            await until(lambda: len(device.services) >= 25)
            assert len(device.services) / (time.monotonic() - begin) < 1.2 * told["requests_per_second"]

        while_running(config, what)


def test_the_loss_of_a_device_that_tells_changes_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    device = device_of(2, confirms=True)
    with raw.running(device):
        more = '[poll]\nevery = "300ms"\n[cov]\nevery = "1h"\nlifetime = "1h"'
        config, _ = configured(tmp_path, [device.address], "http://127.0.0.1:9", more)

        async def what() -> None:
            await until(lambda: len(device.subscriptions) == 2)
            device.vanishes_after = 0
            await until(lambda: "does not answer" in caplog.text)
            device.vanishes_after = None
            await until(lambda: len(device.subscriptions) == 4)  # it may have forgotten them

        while_running(config, what)


def test_what_the_configuration_says_of_nothing_is_told(tmp_path: Path) -> None:
    device = device_of(1)
    with raw.running(device):
        more = """
            [[poll.rules]]
            every = "5s"
            names = ["*Temp*"]
            [[commands]]
            device = 7
            objects = ["analog-input,0", "analog-output,*"]
            [[commands]]
            device = 8
            objects = ["*"]
        """
        config, _ = configured(tmp_path, [device.address], "http://127.0.0.1:9", more)
    warnings = [
        line for line in command("bacnet", "run", config.path, "--dry-run").stderr.splitlines() if "warn" in line
    ]
    assert [each.partition("site.toml: ")[2] for each in warnings] == [
        "poll.rules[0] fits no point",
        'commands[0]: device 7 has no object "analog-output,*"',
        "commands[1]: the scan has no device 8",
    ]


def test_rules_by_class_follow_what_the_twin_calls_the_points(tmp_path: Path, service: Service) -> None:
    device = device_of(2)
    with raw.running(device):
        more = '[poll]\nevery = "1h"\n[[poll.rules]]\nclasses = ["*_Alarm", "CO2_*"]\nevery = "200ms"'
        config, network = configured(tmp_path, [device.address], service.url, more)
        (plan,) = gateway.planned(config)
        assert {point.every for point in plan.points} == {3600.0}
        query = f"""INSERT DATA {{ GRAPH {network_graph(network.name)} {{ <urn:uuid:x> a
            <https://brickschema.org/schema/Brick#CO2_Sensor> ; <{REF}hasExternalReference>
            [ <{REF}hasTimeseriesId> "{series_of(network, "analog-input,1")}" ] }} }}"""
        headers = {"Content-Type": "application/sparql-update"}
        done = httpx2.post(f"{service.url}/update", content=query.encode(), headers=headers, timeout=60)
        assert done.status_code < 300, done.text

        async def what() -> None:
            await until(lambda: readings(service.url, series_of(network, "analog-input,1")))

        while_running(config, what)
    (plan,) = gateway.planned(config)
    assert [point.every for point in plan.points] == [3600.0, 0.2]


def test_a_second_gateway_with_the_same_state_is_refused(tmp_path: Path) -> None:
    device = device_of(1)
    with raw.running(device):
        config, _ = configured(tmp_path, [device.address], "http://127.0.0.1:9")
        other = replace(config, interface=interface())

        async def what() -> None:
            with pytest.raises(NoState, match="another gateway"):
                await run(other)

        while_running(config, what)


def test_what_waits_is_sent_when_the_server_is_back(tmp_path: Path, service: Service) -> None:
    device = device_of(1)
    with raw.running(device):
        config, network = configured(tmp_path, [device.address], "http://127.0.0.1:9", POLL)
        series = series_of(network, "analog-input,0")

        async def away() -> None:
            await until(lambda: device.services.count(14) > 15)

        while_running(config, away)
        buffer = Buffer(config.state / "buffer.sqlite")
        waiting, _ = buffer.first(1000)
        buffer.close()
        assert len(waiting) >= 3
        text = (tmp_path / "site.toml").read_text().replace("http://127.0.0.1:9", service.url)
        (tmp_path / "site.toml").write_text(text)

        async def back() -> None:
            await until(lambda: len(readings(service.url, series)) > len(waiting))

        while_running(read_config(tmp_path / "site.toml"), back)
        found = readings(service.url, series)
    times = {each.time for each in waiting}
    stored = [round(datetime.fromisoformat(each[0]).timestamp() * 1e6) for each in found]
    assert times <= set(stored)
    assert len(stored) == len(set(stored))


def test_what_the_server_refuses_is_set_apart(tmp_path: Path, service: Service) -> None:
    from server.bacnet.buffer import Reading
    from server.bacnet.sending import Sender

    buffer = Buffer(tmp_path / "buffer.sqlite")
    good = [Reading("11111111-1111-4111-8111-111111111111", 1_767_225_600_000_000 + n, float(n)) for n in range(50)]
    far = good[0]._replace(time=9_999_999_999_000_000)
    buffer.add([*good[:20], far, *good[20:]])
    sender = Sender(buffer, service.url)
    asyncio.run(sender.send_all(30))
    assert len(buffer) == 0
    assert [each for each, _ in buffer.refused()] == [far]
    assert len(readings(service.url, good[0].id)) == 50


def test_the_server_runs_the_gateway_and_starts_it_again(tmp_path: Path) -> None:
    device = device_of(1)
    with raw.running(device):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        config, network = configured(tmp_path, [device.address], url, POLL)
        series = series_of(network, "analog-input,0")
        options = ("--port", str(port), "--bacnet", str(config.path))
        process = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(tmp_path / "data"), *options], stderr=subprocess.DEVNULL
        )
        try:
            asyncio.run(until(lambda: stored(url, series), 60))
            (child,) = children_of(process.pid, "bacnet")
            os.kill(child, signal.SIGKILL)
            seen = len(stored(url, series))
            asyncio.run(until(lambda: len(stored(url, series)) > seen + 2, 60))
            (child,) = children_of(process.pid, "bacnet")
            process.kill()
            asyncio.run(until(lambda: not Path(f"/proc/{child}").exists()))
        finally:
            process.kill()
            process.wait()


def stored(url: str, series: str) -> list[tuple[str, float | None, str | None]]:
    try:
        return readings(url, series)
    except httpx2.HTTPError:
        return []


def children_of(parent: int, word: str) -> list[int]:
    """Return a process's children that have a word on their command line."""
    folders = Path(f"/proc/{parent}/task").iterdir()
    children = {int(each) for folder in folders for each in (folder / "children").read_text().split()}
    return [each for each in children if word in Path(f"/proc/{each}/cmdline").read_text().split("\0")]


def test_a_configuration_that_cannot_be_used_is_told_before_anything_starts(tmp_path: Path) -> None:
    result = command("serve", "--data", tmp_path / "data", "--bacnet", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "none.toml" in result.stderr


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = device_of(1)
    full = True
    add = Buffer.add

    def refusing(buffer: Buffer, *given: Any) -> None:  # noqa: ANN401
        if full:
            raise sqlite3.OperationalError("database or disk is full")
        add(buffer, *given)

    monkeypatch.setattr(Buffer, "add", refusing)
    monkeypatch.setattr(gateway, "_FLUSH_SECONDS", 0.05)
    with raw.running(device):
        config, _ = configured(tmp_path, [device.address], "http://127.0.0.1:9", POLL)

        async def what() -> None:
            nonlocal full
            await until(lambda: device.services.count(14) > 5)
            full = False
            await asyncio.sleep(1.5)

        device.services.clear()
        while_running(config, what)
    buffer = Buffer(config.state / "buffer.sqlite")
    polls = device.services.count(14)
    assert polls - 1 <= len(buffer) <= polls  # the last one may have been under way
    buffer.close()
