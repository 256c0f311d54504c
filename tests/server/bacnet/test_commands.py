"""Commands: allowed or not, at a priority, verified, taken back in time, also after a crash, and always noted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from ontologies.bacnet_network import Network
from ontologies.bacnet_quads import network_quads
from ontologies.tagging.proposals import propose
from server.bacnet.commanding import Commander, NotDone, Order
from server.bacnet.config import Permission
from server.bacnet.holdings import Holdings
from server.bacnet.link import Network as Link
from server.bacnet.planning import Plan
from server.bacnet.polling import Device, Recorder
from server.bacnet.reading import Limits, Pace, Reader, Throttle
from server.bacnet.station import Station
from server.bacnet.tags import ObjectId
from server.twin.commanding import Commands
from tests.server.bacnet.conftest import fresh_address, with_client
from tests.server.bacnet.test_gateway import configured, series_of, until, while_running
from tests.server.cli.conftest import run as command
from tests.support.bacnet import raw, rusty
from tests.support.service import Service, serving

VALVE, FAN, MODE, SENSOR = ObjectId(1, 1), ObjectId(4, 2), ObjectId(14, 3), ObjectId(0, 4)
ALL = Permission(9, ("analog-output,*", "binary-output,2", "multi-state-output,3", "analog-input,4"))
REF = "https://brickschema.org/schema/Brick/ref#"
Body = Callable[["Bench"], Awaitable[None]]


class Bench:
    """A device with outputs, and a commander, whose clock a test can turn."""

    def __init__(self, folder: Path, permissions: tuple[Permission, ...]) -> None:
        self.folder = folder
        self.now = 1000.0
        self.entries: list[dict[str, Any]] = []
        self.permissions = permissions
        self.device: Device
        self.start()

    def start(self) -> None:
        """Start the commander, as after a crash."""
        self.holdings = Holdings(self.folder / "commands.sqlite")
        self.commander = Commander(self.permissions, self.holdings, self.entries.append, lambda: self.now)

    async def order(self, object_: ObjectId, value: Any, priority: int = 8, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return await self.commander.carry_out(self.device, object_, Order(value, priority, **more), "ada")

    async def take_back(self) -> None:
        await self.commander.take_back_due({"9": self.device})

    async def slots(self, object_: ObjectId) -> list[Any]:
        """Return the priorities that command something: number and value."""
        from server.bacnet.services import Read

        answer = await self.device.reader.one(Read(object_, 87))
        return [(number, value) for number, value in enumerate(answer.values, 1) if value is not None]


def fill(device: Any) -> None:  # noqa: ANN401
    device.add_analog_output(1, "Valve", 98)
    device.add_binary_output(2, "Fan")
    device.add_multistate_output(3, "Mode", 4)
    device.add_analog_input(4, "Temp", 62, 20.0)


def on_bench(folder: Path, body: Body, *permissions: Permission, made: raw.RawDevice | None = None) -> Bench:
    """Run a test's body on a device of rusty-bacnet, or on a raw one."""
    bench = Bench(folder, permissions or (ALL,))
    address = made.address if made else fresh_address()

    async def what(link: Link) -> None:
        reader = Reader(link, Station(address), Limits(), Throttle(Pace(5000, 2)))
        bench.device = Device(
            Plan(Station(address), 9, "Nine", Limits(), (), (), "9"), reader, Recorder(lambda _: None), 60
        )
        await body(bench)

    with raw.running(made) if made else rusty.running(rusty.device(9, address, fill)):
        with_client(what)
    return bench


def test_commands_are_written_read_back_and_released(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        done = await bench.order(VALVE, 42.5)
        assert done == {"present": 42.5, "effective": True, "verified": True, "until": None}
        assert await bench.slots(VALVE) == [(8, 42.5)]
        assert (await bench.order(FAN, True))["present"] == 1
        assert (await bench.order(MODE, 3))["present"] == 3
        lower = await bench.order(VALVE, 10, 12)
        assert (lower["effective"], lower["present"]) == (False, 42.5)
        assert (await bench.order(VALVE, None))["present"] == 10.0
        assert await bench.slots(VALVE) == [(12, 10.0)]

    bench = on_bench(tmp_path, body)
    assert [(entry["who"], entry["object"], entry["outcome"]) for entry in bench.entries] == [
        ("ada", "analog-output,1", "done"),
        ("ada", "binary-output,2", "done"),
        ("ada", "multi-state-output,3", "done"),
        ("ada", "analog-output,1", "done"),
        ("ada", "analog-output,1", "done"),
    ]


@pytest.mark.parametrize(
    ("object_", "order", "kind", "says"),
    [
        (ObjectId(1, 7), {"value": 1}, "invalid", "unknown object"),
        (ObjectId(2, 1), {"value": 1}, "refused", "does not allow"),
        (VALVE, {"value": 1, "priority": 7}, "refused", "from 8 to 16"),
        (VALVE, {"value": "open"}, "invalid", "no value"),
        (VALVE, {"value": float("nan")}, "invalid", "no value"),
        (FAN, {"value": 2}, "invalid", "neither"),
        (MODE, {"value": 0}, "invalid", "from 1"),
        (MODE, {"value": 9}, "invalid", "refuses"),
        (MODE, {"value": 1.5}, "invalid", "whole"),
    ],
)
def test_what_is_not_done_is_told_and_noted(
    tmp_path: Path, object_: ObjectId, order: dict[str, Any], kind: str, says: str
) -> None:
    async def body(bench: Bench) -> None:
        with pytest.raises(NotDone, match=says) as caught:
            await bench.order(object_, **order, seconds=10)
        assert caught.value.kind == kind

    bench = on_bench(tmp_path, body)
    assert [entry["outcome"] for entry in bench.entries] == [kind]
    assert bench.holdings.all() == []


def test_life_safety_needs_to_be_allowed_and_meant(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        with pytest.raises(NotDone, match="life safety"):
            await bench.order(VALVE, 1, 2)
        assert (await bench.order(VALVE, 1, 2, life_safety=True))["effective"]

    on_bench(tmp_path, body, Permission(9, ("analog-output,1",), highest=1))


def test_a_write_that_the_device_ignores_is_found_out(tmp_path: Path) -> None:
    device = raw.RawDevice(9, fresh_address(), ignores_writes=True)
    device.add(1, 1, "Valve", raw.real(5.0))

    async def body(bench: Bench) -> None:
        with pytest.raises(NotDone, match=r"has 5\.0") as caught:
            await bench.order(VALVE, 42.0)
        assert caught.value.kind == "unverified"

    on_bench(tmp_path, body, made=device)
    assert len(device.writes) == 1


def test_what_holds_for_a_time_is_taken_back_also_after_a_crash(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        assert (await bench.order(VALVE, 42.0, seconds=60))["until"] == 1060.0
        await bench.take_back()
        assert await bench.slots(VALVE) == [(8, 42.0)]
        bench.start()  # as after a kill: nothing was closed
        bench.now = 1061.0
        await bench.take_back()
        assert await bench.slots(VALVE) == []
        assert bench.holdings.all() == []

    bench = on_bench(tmp_path, body)
    assert bench.entries[-1] == {
        "who": "the gateway",
        "device": 9,
        "object": "analog-output,1",
        "value": None,
        "priority": 8,
        "held": 42.0,
        "outcome": "taken back",
    }


def test_what_somebody_else_commands_since_is_left_alone(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        await bench.order(VALVE, 42.0, seconds=60)
        other = Commander((ALL,), Holdings(tmp_path / "other.sqlite"), lambda _: None)
        await other.carry_out(bench.device, VALVE, Order(77.0, 8), "the operator's station")
        bench.now = 1061.0
        await bench.take_back()
        assert await bench.slots(VALVE) == [(8, 77.0)]

    assert on_bench(tmp_path, body).entries[-1]["outcome"] == "taken over by somebody else"


def test_a_crash_between_note_and_write_leaves_nothing_standing(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        await bench.order(VALVE, 42.0, seconds=60)
        (first,) = bench.holdings.all()
        bench.holdings.put(type(first)("9", "analog-output,1", 8, 50.0, 1100.0, before=42.0))  # and then it crashed
        bench.start()
        bench.now = 1101.0
        await bench.take_back()
        assert await bench.slots(VALVE) == []

    on_bench(tmp_path, body)


def test_what_cannot_be_taken_back_is_tried_again_and_told_once(tmp_path: Path) -> None:
    device = raw.RawDevice(9, fresh_address())
    device.add(1, 1, "Valve", raw.real(5.0))
    device.objects[1, 1][87] = [b"\x00"] * 16

    async def body(bench: Bench) -> None:
        await bench.order(VALVE, 42.0, seconds=60)
        device.denied = frozenset({((1, 1), 87)})
        bench.now = 1061.0
        for later in (0, 1, 15, 30):
            bench.now = 1061.0 + later
            await bench.take_back()
        device.denied = frozenset()
        bench.now = 1200.0
        bench.device.alive = False  # polling has found it away: it is asked again when it is back
        asked = len(device.services)
        await bench.take_back()
        assert len(device.services) == asked
        bench.device.alive = True
        await bench.take_back()
        assert device.objects[1, 1][87] == [b"\x00"] * 16

    outcomes = [entry["outcome"] for entry in on_bench(tmp_path, body, made=device).entries]
    assert outcomes == ["done", "failed", "taken back"]


def test_the_configuration_bounds_how_long(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        assert (await bench.order(VALVE, 1.0))["until"] == 1030.0
        assert (await bench.order(VALVE, 1.0, seconds=5))["until"] == 1005.0
        assert (await bench.order(VALVE, 1.0, seconds=500))["until"] == 1030.0

    on_bench(tmp_path, body, Permission(9, ("analog-output,1",), longest=30.0))


def test_a_refused_command_leaves_an_earlier_one_to_be_taken_back(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        await bench.order(MODE, 2, seconds=60)
        with pytest.raises(NotDone):
            await bench.order(MODE, 9, seconds=600)
        bench.now = 1061.0
        await bench.take_back()
        assert await bench.slots(MODE) == []

    on_bench(tmp_path, body)


def put_model(network: Network, url: str) -> None:
    """Give a server the model of a network."""
    triples = "".join(f"{q.subject} {q.predicate} {q.object} .\n" for q in network_quads(network, propose(network)))
    headers = {"Content-Type": "text/turtle"}
    put = httpx2.put(f"{url}/store?graph=urn:site", content=triples.encode(), headers=headers, timeout=60)
    assert put.status_code == 201, put.text


@pytest.fixture
def service(tmp_path: Path) -> Any:  # noqa: ANN401
    with serving(tmp_path / "data") as service:
        yield service


def test_a_gateway_that_has_left_takes_no_command(service: Service) -> None:
    model = "<urn:p> a <https://brickschema.org/schema/Brick#Air_Temperature_Setpoint> ."
    turtle = {"content-type": "text/turtle"}
    httpx2.put(f"{service.url}/store?graph=urn:g", content=model, headers=turtle, timeout=60)
    taken: list[Any] = []

    def obey() -> None:
        [found] = httpx2.post(f"{service.url}/commands/take?wait=30", json={}, timeout=60).json()["commands"]
        taken.append(found["value"])
        httpx2.post(f"{service.url}/commands/{found['id']}/outcome", json={"present": found["value"]}, timeout=60)

    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{service.url}/commands/take?wait=30", json={}, timeout=0.5)
    with ThreadPoolExecutor(1) as gateway:
        done = gateway.submit(obey)
        answer = httpx2.post(f"{service.url}/commands", json={"point": "urn:p", "value": 21.5}, timeout=60)
        done.result(60)
    assert (answer.status_code, answer.json()["present"], taken) == (200, 21.5, [21.5])


def test_a_gateway_that_waits_is_let_go_in_the_end(tmp_path: Path) -> None:
    async def what() -> None:
        commands = Commands(tmp_path)
        waiting = asyncio.create_task(commands.take(3600.0))
        await asyncio.sleep(0)
        commands.stop()
        assert await waiting == await commands.take(3600.0) == []

    asyncio.run(what())


def test_from_the_command_line_to_the_device_and_back(tmp_path: Path, service: Service) -> None:
    address = fresh_address()
    permission = '[[commands]]\ndevice = 9\nobjects = ["analog-output,*"]\n[poll]\nevery = "1h"'
    with rusty.running(rusty.device(9, address, fill)):
        config, network = configured(tmp_path, [address], service.url, permission)
        valve, fan = series_of(network, "analog-output,1"), series_of(network, "binary-output,2")
        put_model(network, service.url)
        nobody = httpx2.post(f"{service.url}/commands?timeout=1", json={"point": valve, "value": 1}, timeout=60)
        assert (nobody.status_code, nobody.json()["type"]) == (503, "urn:twinhouse:problem:no-gateway")

        def write(*arguments: str) -> Any:  # noqa: ANN401
            return command("bacnet", "write", *arguments, "--url", service.url)

        async def what() -> None:
            done = await asyncio.to_thread(write, valve, "42.5", "--for", "2s", "--json")
            assert done.exit_code == 0, done.stderr
            assert json.loads(done.stdout)["effective"] is True
            told = await asyncio.to_thread(write, valve, "41", "--for", "2s")
            assert "the gateway takes it back at 20" in told.stderr
            refused = await asyncio.to_thread(write, fan, "on")
            assert refused.exit_code == 1
            assert "does not allow" in refused.stderr
            audit = config.state / "commands.jsonl"
            await until(lambda: '"taken back"' in audit.read_text())

        while_running(config, what)
    noted = [json.loads(line) for line in (tmp_path / "data" / "commands.jsonl").read_text().splitlines()]
    assert [(entry["what"], entry.get("value")) for entry in noted] == [
        *(
            ("given", 1),
            ("not taken", 1),
            ("given", 42.5),
            ("outcome", 42.5),
            ("given", 41.0),
            ("outcome", 41.0),
            ("given", True),
            ("outcome", True),
        ),
    ]


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, 400),
        ({"point": "urn:nothing", "value": 1}, 404),
        ({"point": "urn:p", "value": [1]}, 400),
        ({"point": "urn:p"}, 400),
        ({"point": "urn:p", "value": 1, "priority": 0}, 400),
        ({"point": "urn:p", "value": 1, "priority": 2}, 403),
        ({"point": "urn:p", "value": 1, "seconds": -1}, 400),
        ({"point": "urn:p", "value": 1, "nonsense": 1}, 400),
    ],
)
def test_commands_that_say_nothing_are_refused(client: TestClient, document: dict[str, Any], status: int) -> None:
    point = f"""<urn:p> <{REF}hasExternalReference> [ a <{REF}TimeseriesReference> ;
        <{REF}hasTimeseriesId> "11111111-1111-4111-8111-111111111111" ] ."""
    client.put("/store?graph=urn:g", content=point, headers={"content-type": "text/turtle"})
    answer = client.post("/commands", json=document)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
