"""The campus as one document: into each server, each way that it offers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.processes import PeakMemory, disk_bytes, settle
from tests.benchmarks.report import Part, megabytes, ratio
from tests.benchmarks.servers import Server, twinhouse
from tests.benchmarks.sparql import exchange
from tests.benchmarks.sparql.bench import QUADS, UNTRANSACTED, Bench, Loaded, forget, say
from tests.benchmarks.sparql.servers import oxigraph

_PATIENCE = 600.0  # seconds for one request
OURS = "Twinhouse, `PUT /store`"
TEXT = """The campus with Brick as N-Quads in one request, over HTTP, into an empty store. Twinhouse's `PUT` is all or
nothing, and on disk when the answer comes. Oxigraph's `POST /store` is one transaction that is not synced;
`no_transaction` keeps what was read if it fails half-way; `oxigraph load` needs that no server is running. Memory is
the most that all processes of the server took together, disk what the store takes once it is quiet. A way that takes
more than {seconds:.0f} s, or most of the machine's memory, is given up. The whole campus is loaded by `PUT` and
`no_transaction` alone: the parts below ask what these have left."""


def loading(bench: Bench) -> Part:
    """Load a tenth of the campus in each way, and all of it in the ways that the other parts go on from."""
    part = Part(
        "Bulk load",
        ("load", "triples", "time", "triples a second", "ratio of times", "memory", "disk"),
        TEXT.format(seconds=_PATIENCE),
    )
    for triples in (bench.triples // 10, bench.triples):
        _compare(part, bench, bench.campus_file(triples), keep=triples == bench.triples)
    return part


def _compare(part: Part, bench: Bench, file: Path, *, keep: bool) -> None:
    with file.open("rb") as lines:
        count = sum(1 for _ in lines)
    ours = 0.0
    for title, load, store in _ways(bench, file, keep=keep):
        say(f"loading {count:,} triples: {title}")
        try:
            found = load()
        except exchange.Refused as failure:
            part.add(title, f"{count:,}", f"failed: {str(failure)[:80]}", "", "", "", "")
            forget(store)
            continue
        if title == OURS:
            ours = found.seconds
        compared = ratio(ours, found.seconds) if ours else ""
        sizes = megabytes(found.memory), megabytes(found.disk)
        part.add(title, f"{count:,}", f"{found.seconds:,.1f} s", f"{count / found.seconds:,.0f}", compared, *sizes)
        if store not in (bench.ours, bench.theirs):
            forget(store)


def _ways(bench: Bench, file: Path, *, keep: bool) -> list[tuple[str, Callable[[], Loaded], Path]]:
    other = bench.folder / "other"
    ours, theirs = (bench.ours, bench.theirs) if keep else (other, other)

    def put() -> Loaded:
        with twinhouse(ours) as server:
            return _sent(server, "PUT", "/store", file)

    def post(path: str, store: Path) -> Loaded:
        with oxigraph(bench.native, store) as server:
            return _sent(server, "POST", path, file)

    kept = [
        (OURS, put, ours),
        (f"Oxigraph, `POST {UNTRANSACTED}`", lambda: post(UNTRANSACTED, theirs), theirs),
    ]
    if keep:
        return kept
    return [
        *kept,
        ("Oxigraph, `POST /store`", lambda: post("/store", other), other),
        ("`oxigraph load`, no server", lambda: _offline(bench, other, file), other),
    ]


def _sent(server: Server, method: str, path: str, file: Path) -> Loaded:
    try:
        seconds = exchange.send(server.port, method, path, file, QUADS, patience=_PATIENCE).seconds
    except exchange.Refused as failure:
        raise _why(failure, server.memory) from failure
    memory = server.memory.take()
    settle(server.pid)
    return Loaded(seconds, memory, disk_bytes(server.data))


def _offline(bench: Bench, store: Path, file: Path) -> Loaded:
    began = time.perf_counter()
    command = [bench.native.command, "load", "--location", str(store), "--file", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    memory = PeakMemory(process)
    code = process.wait()
    memory.close()
    if code:
        raise _why(exchange.Refused(f"exit code {code}"), memory)
    return Loaded(time.perf_counter() - began, memory.take(), disk_bytes(store))


def _why(failure: exchange.Refused, memory: PeakMemory) -> exchange.Refused:
    return exchange.Refused(f"more than {megabytes(memory.allowed)} of memory") if memory.exceeded else failure
