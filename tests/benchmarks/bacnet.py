"""BACnet: finding out what devices have, sweeps, changes of value, polling; beside reading one by one.

    .venv/bin/python -m tests.benchmarks.bacnet

Devices are rusty-bacnet's, on loopback, in a process of their own. CPU is that of our process alone.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ontologies.bacnet_network import Network
from server.bacnet.buffer import Buffer
from server.bacnet.config import Config
from server.bacnet.find import Targets
from server.bacnet.gateway import Gateway
from server.bacnet.interfaces import Interface
from server.bacnet.link import Network as Link
from server.bacnet.link import on_network
from server.bacnet.planning import Plan as DevicePlan
from server.bacnet.planning import plans_of
from server.bacnet.reading import Limits, Pace, Reader, Throttle, Throttles
from server.bacnet.scan import Plan, scan
from server.bacnet.services import Read
from server.bacnet.station import Station
from tests.support.bacnet.rusty_many import address

FREE = Pace(1e6, 4)
AT = Interface("127.0.0.1/8", port=47999, timeout=3.0, retries=2)


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of our CPU."""

    wall: float
    cpu: float

    def line(self, what: str, values: int) -> str:
        """Return a row of the table."""
        return f"| {what} | {self.wall:.2f} s | {self.cpu:.2f} s | {self.cpu / values * 1e6:.1f} µs |"


@contextmanager
def devices(count: int, objects: int) -> Iterator[subprocess.Popen[str]]:
    """Run devices in a process of their own."""
    command = [sys.executable, "-m", "tests.support.bacnet.rusty_many", str(count), str(objects)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


async def cost_of(what: Awaitable[object]) -> Cost:
    """Do something, and return what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    await what
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


async def scanned(link: Link, count: int, folder: Path) -> Network:
    targets = Targets(everyone=False, stations=tuple(Station(address(n)) for n in range(1, count + 1)))
    plan = Plan("bench", targets, wait=0.1)
    return (await scan(link, plan, folder / f"{count}.json", Throttles(FREE))).network


async def sweep(link: Link, plans: Sequence[DevicePlan], *, one_by_one: bool = False) -> None:
    """Read the present value of every point once, of all devices at a time."""
    limits = Limits(multiple=not one_by_one)

    async def device(plan: DevicePlan) -> None:
        pace = Pace(1e6, 1) if one_by_one else FREE
        reader = Reader(link, plan.station, limits, Throttle(pace))
        answers = await reader.read([point.reads[0] for point in plan.points])
        assert all(answer.error is None for answer in answers)

    await asyncio.gather(*(device(plan) for plan in plans))


async def one_by_one(link: Link, network: Network) -> None:
    """Read five properties of each object of the first device, one request each, one after the other."""
    (plan,) = plans_of(config_of(Path()), network, {})
    reader = Reader(link, plan.station, Limits(multiple=False), Throttle(Pace(1e6, 1)))
    await reader.read([Read(point.object, number) for point in plan.points for number in (77, 28, 85, 111, 103)])


def config_of(folder: Path, every: float = 60.0, *, cov: bool = False) -> Config:
    """Return a configuration whose server is not there: what is read stays in the buffer."""
    return Config(
        folder / "x.toml", folder / "x.json", folder, AT, "http://127.0.0.1:9", near=FREE, every=every, cov=cov
    )


async def found(folder: Path) -> None:
    """Print what discovery takes."""
    with devices(1, 500):
        async with on_network(AT) as link:
            print((await cost_of(scanned(link, 1, folder))).line("a device of 500 objects, all properties", 500))
            network = await scanned(link, 1, folder)
            print((await cost_of(one_by_one(link, network))).line("the same, 5 properties, one by one", 500))
    with devices(50, 100) as process:
        async with on_network(AT) as link:
            print((await cost_of(scanned(link, 50, folder))).line("50 devices of 100 objects, all properties", 5000))
            network = await scanned(link, 50, folder)
            plans = plans_of(config_of(folder), network, {})
            await sweep(link, plans)
            print((await cost_of(sweep(link, plans))).line("sweep of 5,000 present values", 5000))
            one = await cost_of(sweep(link, plans, one_by_one=True))
            print(one.line("the same, one by one, 50 devices at a time", 5000))
        await changes(folder, network, process)


async def changes(folder: Path, network: Network, process: subprocess.Popen[str]) -> None:
    """Print what 1,000 subscriptions take, and a change of each."""
    config = config_of(folder, every=3600.0, cov=True)
    plans = [
        replace(plan, points=tuple(x for x in plan.points if x.object.type == 0)[:20], logs=())
        for plan in plans_of(config, network, {})
    ]
    buffer = Buffer(folder / "cov.sqlite")
    async with on_network(AT) as link:
        gateway = Gateway(config, link, buffer)
        wall, cpu = time.perf_counter(), time.process_time()
        running = asyncio.create_task(gateway.run(plans, None))
        await _until(lambda: gateway.subscribed == 1000 and len(buffer) >= 1000)
        cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
        print(cost.line("1,000 subscriptions, with the first value of each on disk", 1000))
        before = len(buffer)
        assert process.stdin is not None
        wall, cpu = time.perf_counter(), time.process_time()
        process.stdin.write("change\n")
        process.stdin.flush()
        await asyncio.to_thread(process.stdout.readline)  # type: ignore[union-attr] # it is a pipe
        await _until(lambda: len(buffer) >= before + 1000)
        cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
        print(cost.line("a change of each, told and on disk", 1000))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    buffer.close()


async def _until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.01)


async def polled(folder: Path, seconds: float) -> None:
    """Print what polling 10,000 points each minute takes, from the network to the disk."""
    with devices(100, 100):
        async with on_network(AT) as link:
            network = await scanned(link, 100, folder)
            config = config_of(folder)
            buffer = Buffer(folder / "poll.sqlite")
            gateway = Gateway(config, link, buffer)
            running = asyncio.create_task(gateway.run(plans_of(config, network, {}), None))
            wall, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(seconds)
            spent, cpu = time.perf_counter() - wall, time.process_time() - cpu
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            count = len(buffer)
            buffer.close()
    print(f"\n10,000 points each minute: {count:,} readings in {spent:.0f} s, {cpu / spent:.1%} of a core, ", end="")
    print(f"{cpu / count * 1e6:.0f} µs of CPU a reading, to the disk")


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| what | time | CPU | CPU each |\n|---|--:|--:|--:|")
        asyncio.run(found(folder))
        asyncio.run(polled(folder, float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))


if __name__ == "__main__":
    main()
