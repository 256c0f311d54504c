"""A scan: finds devices, reads each, keeps what is read as it goes, and compares with the scan before.

Nothing is written to the network. A scan that was broken off goes on where it was: what it had is in `FILE.part`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ontologies.bacnet_network import Device, Failure, Network, network_json, read_network
from ontologies.errors import OntologyError
from server.bacnet import memory
from server.bacnet.describe import Report, describe
from server.bacnet.errors import BacnetError
from server.bacnet.find import Found, Targets, find
from server.bacnet.link import Network as Link
from server.bacnet.merging import Outcome, merged
from server.bacnet.reading import Reader, Throttles
from storage.files import write_atomically

_AT_ONCE = 16
_KEEP_SECONDS = 2.0

Progress = Callable[[int, int, str], None]


class BadScan(BacnetError):
    """A file that is no scan."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to scan: a name for the network, whom to ask, and how long to wait for silence.

    With `forget`, devices that a scan before found and that do not answer any more are dropped.
    """

    name: str
    targets: Targets = field(default_factory=Targets)
    wait: float = 3.0
    forget: bool = False


async def scan(
    link: Link,
    plan: Plan,
    file: Path,
    throttles: Throttles,
    *,
    resume: bool = False,
    progress: Progress = lambda _done, _total, _what: None,
) -> Outcome:
    """Scan, and write the result to a file; return it, and how it differs. Raises BadScan, NoNetwork.

    The file is replaced whole when the scan is done. Until then `FILE.part` has what is read.
    """
    earlier = read(file) if file.exists() else None
    kept = _Kept(file, plan.name, earlier, resume=resume)
    limits = memory.read(file)
    found, failed = await find(link, plan.targets, throttles, plan.wait)
    kept.failures += [Failure(target, reason) for target, reason in failed]
    kept.failures += _duplicates(found)
    todo = [each for each in found if not kept.has(each)]
    total = len(found)
    progress(total - len(todo), total, "")
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Found) -> None:
        async with slots:
            reader = Reader(link, each.station, limits.get(each.station, each.limits), throttles.of(each.station))
            report = Report(str(each.station))
            device = await describe(each, reader, report)
        if reader.limits != each.limits:
            limits[each.station] = reader.limits
        kept.add(device, report)
        progress(len(kept.devices), total, f"{device.name or each.instance}: {len(device.objects)} objects")

    try:
        async with asyncio.TaskGroup() as tasks:
            for each in todo:
                tasks.create_task(one(each))
    except BaseException:
        kept.save()
        raise
    outcome = merged(kept.network(), earlier, plan.targets, forget=plan.forget)
    write_atomically(file, network_json(outcome.network).encode())
    memory.write(file, limits)
    kept.discard()
    return outcome


def read(file: Path) -> Network:
    """Read a scan's file. Raises BadScan."""
    try:
        return read_network(file.read_bytes())
    except FileNotFoundError:
        raise BadScan(f"there is no scan {file}; `twinhouse bacnet scan {file.name}` makes one") from None
    except OSError as error:
        raise BadScan(f"{file}: {error.strerror}") from None
    except OntologyError as error:
        raise BadScan(f"{file}: {error}") from None


def _duplicates(found: list[Found]) -> list[Failure]:
    by_instance: dict[int, list[Found]] = {}
    for each in found:
        by_instance.setdefault(each.instance, []).append(each)
    return [
        Failure(
            str(one.station), f"device {instance} is also at {', '.join(str(e.station) for e in same if e != one)}"
        )
        for instance, same in by_instance.items()
        if len(same) > 1
        for one in same
    ]


class _Kept:
    """What a scan has read until now, written to `FILE.part` every few seconds."""

    def __init__(self, file: Path, name: str, earlier: Network | None, *, resume: bool) -> None:
        self._path = file.with_name(file.name + ".part")
        self._name = name
        self._last = time.monotonic()
        self.devices: list[Device] = []
        self.failures: list[Failure] = []
        if resume and self._path.exists():
            self._take_up(read(self._path))
        if earlier is not None and earlier.name != name:
            raise BadScan(f'{file} is a scan of "{earlier.name}"; name another file for "{name}"')

    def _take_up(self, part: Network) -> None:
        """Take the devices that were read whole, with what could not be read of them."""
        broken = {failure.device for failure in part.failures if failure.object is None}
        self.devices = [each for each in part.devices if str(each.address) not in broken]
        whole = {str(each.address) for each in self.devices}
        self.failures = [failure for failure in part.failures if failure.device in whole and failure.object]

    def has(self, found: Found) -> bool:
        """Tell whether a device was read already."""
        return any(each.instance == found.instance and each.address == found.station.address for each in self.devices)

    def add(self, device: Device, report: Report) -> None:
        """Keep a device."""
        self.devices.append(device)
        self.failures += report.failures
        if time.monotonic() - self._last > _KEEP_SECONDS:
            self.save()

    def save(self) -> None:
        """Write what there is."""
        write_atomically(self._path, network_json(self.network()).encode())
        self._last = time.monotonic()

    def network(self) -> Network:
        """Return it as a scan."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Network(self._name, tuple(self.devices), tuple(self.failures), at)

    def discard(self) -> None:
        """Remove the file: the scan is complete."""
        self._path.unlink(missing_ok=True)
