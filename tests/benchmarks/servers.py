"""Servers, each started as its users start it, and ended with the block."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.benchmarks.processes import PeakMemory
from tests.support.server import COMMAND, stop

START_SECONDS = 120.0
BODY_MEGABYTES = 1 << 14  # the one setting that is not the default: a campus is one body


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers at 127.0.0.1, and what it keeps its data in."""

    name: str
    port: int
    pid: int
    data: Path
    memory: PeakMemory


@contextmanager
def twinhouse(data: Path, name: str = "Twinhouse") -> Iterator[Server]:
    """Serve a data directory by `twinhouse serve`."""
    more = {"TWINHOUSE_BODY_MEGABYTES": str(BODY_MEGABYTES)}
    command = [*COMMAND, "serve", "--data", str(data), "--port", "0"]
    with running(name, command, data, more, "/readyz") as server:
        yield server


@contextmanager
def running(
    name: str, command: list[str], data: Path, more: Mapping[str, str], ready: str, port: int | None = None
) -> Iterator[Server]:
    """Run a server that answers at `ready` once it is up; its port is what it says in its log, where none is given.

    `more` are further variables of its environment.
    """
    log = data.with_name(data.name + ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, **more})
    memory = PeakMemory(process)
    try:
        yield Server(name, _port(process, log, ready, port), process.pid, data, memory)
    finally:
        memory.close()
        stop(process)


def free_port() -> int:
    """Return a port of loopback that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _port(process: subprocess.Popen[bytes], log: Path, ready: str, port: int | None) -> int:
    """Wait until the server answers; returns its port."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        said = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()) if port is None else None
        found = int(said[1]) if said else port
        if found is not None and _answers(found, ready):
            return found
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not answer:\n{log.read_text()}")


def _answers(port: int, ready: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", ready)
        return connection.getresponse().status < 300
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
