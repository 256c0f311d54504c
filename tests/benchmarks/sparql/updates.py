"""Small updates, one after another on each connection."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.report import Part, milliseconds, ratio
from tests.benchmarks.servers import Server, twinhouse
from tests.benchmarks.sparql.bench import Bench, say
from tests.benchmarks.sparql.lookups import CONNECTIONS
from tests.benchmarks.sparql.servers import oxigraph
from tests.benchmarks.sparql.traffic import Rate, Traffic, drive

TEXT = """In the store with the whole campus; each update adds one triple. Twinhouse answers when the update is on
disk (fdatasync). Oxigraph answers when the kernel has it: a power cut loses what it said yes to. "Oxigraph,
synchronous" is the same program with the same guarantee as ours: its folder has the attribute `S` (`chattr -R +S`),
with which the kernel ends a write to a file there only when it is on disk, as with `O_DSYNC`; the engine gathers the
updates that wait for the log into one write, so they share it. The disk itself makes {syncs:,.0f} appends of 200
bytes with fdatasync a second."""


def updates(bench: Bench) -> Part:
    """Insert one triple at a time, with and without durability."""
    bench.fill()
    part = Part(
        "Updates",
        ("server", "connections", "updates a second", "p50", "p99", "ratio of rates"),
        TEXT.format(syncs=_syncs_a_second(bench.folder)),
    )
    with twinhouse(bench.ours) as server:
        ours = _rates(bench, server)
    with oxigraph(bench.native, bench.theirs) as server:
        theirs = _rates(bench, server)
    with _synchronous(bench.theirs) as possible:
        synced = []
        if possible:
            with oxigraph(bench.native, bench.theirs, "Oxigraph, synchronous") as server:
                synced = _rates(bench, server)
    for name, rates in (
        ("Twinhouse", ours),
        ("Oxigraph, synchronous", synced),
        ("Oxigraph as it is, not durable", theirs),
    ):
        for connections, rate, own in zip(CONNECTIONS, rates, ours, strict=False):
            compared = "" if rates is ours else ratio(own.per_second, rate.per_second)
            times = milliseconds(rate.median), milliseconds(rate.p99)
            part.add(name, str(connections), f"{rate.per_second:,.0f}", *times, compared)
    if not synced:
        part.text += " (The file system here has no such attribute.)"
    return part


def _rates(bench: Bench, server: Server) -> list[Rate]:
    found = []
    for connections in CONNECTIONS:
        say(f"updates, {connections} connections: {server.name}")
        graph = f"urn:updates:{time.time_ns()}"
        body = f"INSERT DATA {{ GRAPH <{graph}> {{ <urn:s:{{round}}> <urn:p> {{round}} }} }}"
        traffic = Traffic("POST", "/update", {"Content-Type": "application/sparql-update"}, body)
        found.append(drive(server.port, traffic, connections, bench.seconds))
    return found


@contextmanager
def _synchronous(folder: Path) -> Iterator[bool]:
    """Make every write to files of a folder wait for the disk; gives False where that cannot be had."""
    command = shutil.which("chattr")
    possible = command is not None and subprocess.run([command, "-R", "+S", str(folder)], check=False).returncode == 0
    try:
        yield possible
    finally:
        if possible:
            subprocess.run(["chattr", "-R", "-S", str(folder)], check=True)


def _syncs_a_second(folder: Path) -> float:
    """Return how many small appends a second the disk makes durable."""
    path, count, began = folder / "syncs", 0, time.perf_counter()
    with path.open("ab", buffering=0) as file:
        while (took := time.perf_counter() - began) < 1:
            file.write(b"x" * 200)
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count / took
