"""Loads of all of the graph that are cut short: by the end of the process that loads, or of the server with it.

The moments are spread over what a load takes: the process starts, reads, compacts and compares, and its store is put
in the graph's place.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2

from tests.benchmarks.processes import family
from tests.support.faults import ROUNDS
from tests.support.service import Service, serving
from tests.support.waiting import until

LINES = 30_000
PATIENCE = 120.0


def document(change: int) -> bytes:
    """Return so much that a process of its own loads it: with blank nodes, and triples that graphs share."""
    line = '{0} <urn:test:{1}> "{2:0250}" <urn:test:graph:{3}> .\n'
    subjects = ("<urn:test:s>", "_:b{0}")
    return "".join(line.format(subjects[n % 9 == 0].format(n), change, n // 2, n % 3) for n in range(LINES)).encode()


def put(service: Service, change: int) -> int | None:
    """Load a document in place of everything; returns the status of the answer, None where none comes."""
    headers = {"content-type": "application/n-quads"}
    try:
        answer = httpx2.put(f"{service.url}/store", content=document(change), headers=headers, timeout=PATIENCE)
    except httpx2.TransportError:
        return None
    return answer.status_code


def found(service: Service, data: Path) -> int:
    """Return the change whose document the graph is: all of it, with nothing else, and nothing left over."""
    query = {"query": "SELECT ?p (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?p", "format": "csv"}
    answer = httpx2.get(f"{service.url}/query", params=query, timeout=PATIENCE).raise_for_status()
    [row] = answer.text.split()[1:]
    change, count = row.removeprefix("urn:test:").split(",")
    assert int(count) == LINES
    assert list((data / "loading").iterdir()) == []
    assert httpx2.post(f"{service.url}/check", timeout=PATIENCE).json()["ok"]
    return int(change)


def loaders(service: Service) -> list[int]:
    """Return the processes of a server that load."""
    return [pid for pid in family(service.process.pid) if is_loader(pid)]


def is_loader(pid: int) -> bool:
    """Tell whether a process that lives is one that loads."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"server.twin.loading" in command


def have_ended(processes: list[int]) -> bool:
    return not any(map(is_loader, processes))


@contextmanager
def loading(service: Service, change: int, seconds: float) -> Iterator[list[int | None]]:
    """Load a document, and let the block be so many seconds after that has begun; gives the status in the end."""
    status = list[int | None]()
    with ThreadPoolExecutor(1) as threads:
        load = threads.submit(put, service, change)
        until(lambda: load.done() or loaders(service))
        time.sleep(seconds)
        yield status
        status.append(load.result())


def timed(service: Service, change: int) -> float:
    """Load a document; returns how many seconds that takes from when its process is there."""
    with loading(service, change, 0) as status:
        began = time.monotonic()
    assert status == [204]
    return time.monotonic() - began


def test_a_load_whose_process_is_killed_changes_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    moment, rounds, there = random.Random(9), max(ROUNDS // 4, 1), 1
    with serving(tmp_path, readers=1) as service:
        seconds = timed(service, there)
        for change in range(2, rounds + 2):
            with loading(service, change, seconds * (change - 2 + moment.random()) / rounds) as status:
                for pid in loaders(service):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            assert status != [None]
            there = change if status == [204] else there
            assert found(service, tmp_path) == there
        timed(service, rounds + 2)
        assert found(service, tmp_path) == rounds + 2


def test_a_load_whose_server_is_killed_is_there_or_not_and_the_next_one_works(tmp_path: Path) -> None:
    moment, rounds, possible = random.Random(10), max(ROUNDS // 5, 1), set[int]()
    for number in range(rounds + 1):
        with serving(tmp_path, readers=1) as service:
            if possible:
                assert found(service, tmp_path) in possible
            seconds, change = timed(service, 2 * number), 2 * number + 1
            assert found(service, tmp_path) == 2 * number
            with loading(service, change, 1.1 * seconds * (number + moment.random()) / rounds) as status:
                left = loaders(service)
                service.kill()
            possible = {change} if status == [204] else {change - 1, change}
            until(partial(have_ended, left))
