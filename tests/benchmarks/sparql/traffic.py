"""Many requests on many connections: by wrk where it is on PATH, else by threads on plain sockets.

Both walk through the same list of requests in the same order. A client waits for its answer before it asks again.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.benchmarks.sparql.exchange import Refused

_SCRIPT = Path(__file__).with_name("traffic.lua")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests made of a pattern: `{item}` is one item after the other, `{round}` counts the walks through them."""

    method: str
    target: str
    headers: dict[str, str]
    body: str = ""
    items: Sequence[str] = ("",)
    first_round: int = 1

    def requests(self) -> Iterator[bytes]:
        """Yield the requests, without end."""
        head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "127.0.0.1", **self.headers}.items())
        for number in count(self.first_round):
            for item in self.items:
                target, body = (
                    text.replace("{item}", item).replace("{round}", str(number)) for text in (self.target, self.body)
                )
                length = f"Content-Length: {len(body)}\r\n" if body else ""
                yield f"{self.method} {target} HTTP/1.1\r\n{head}{length}\r\n{body}".encode()


@dataclass(frozen=True, slots=True)
class Rate:
    """What a server did under load; times in seconds."""

    requests: int
    seconds: float
    median: float
    p99: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def generator() -> str:
    """Return what sends the requests."""
    return "wrk" if shutil.which("wrk") else "threads of Python"


def drive(port: int, traffic: Traffic, connections: int, seconds: float) -> Rate:
    """Send requests for some seconds. Raises Refused if any was not answered with success."""
    run = _wrk if shutil.which("wrk") else _threads
    return run(port, traffic, connections, seconds)


def _wrk(port: int, traffic: Traffic, connections: int, seconds: float) -> Rate:
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items"
        items.write_text("\n".join(traffic.items) + "\n")
        headers = [part for pair in traffic.headers.items() for part in pair]
        arguments = [str(items), str(traffic.first_round), traffic.method, traffic.target, traffic.body, *headers]
        url = f"http://127.0.0.1:{port}/"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(_SCRIPT), url]
        said = subprocess.run([*command, "--", *arguments], check=True, capture_output=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    if found["errors"] or not found["requests"]:
        raise Refused(f"{found['errors']} of {found['requests']} requests failed")
    return Rate(found["requests"], found["microseconds"] / 1e6, found["median"] / 1e6, found["p99"] / 1e6)


@dataclass(slots=True)
class _Clients:
    """What the threads share."""

    port: int
    requests: Iterator[bytes]
    until: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    times: list[float] = field(default_factory=list)
    failure: BaseException | None = None

    def run(self) -> None:
        """Be one client."""
        try:
            with closing(socket.create_connection(("127.0.0.1", self.port), timeout=30)) as connection:
                while time.perf_counter() < self.until and self.failure is None:
                    with self.lock:
                        request = next(self.requests)
                    began = time.perf_counter()
                    connection.sendall(request)
                    read_answer(connection)
                    self.times.append(time.perf_counter() - began)
        except (OSError, Refused) as error:
            self.failure = error


def _threads(port: int, traffic: Traffic, connections: int, seconds: float) -> Rate:
    began = time.perf_counter()
    clients = _Clients(port, traffic.requests(), began + seconds)
    threads = [threading.Thread(target=clients.run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if clients.failure is not None or not clients.times:
        raise Refused(str(clients.failure)) from clients.failure
    took, times = time.perf_counter() - began, sorted(clients.times)
    return Rate(len(times), took, times[len(times) // 2], times[len(times) * 99 // 100])


def read_answer(connection: socket.socket) -> bytes:
    """Return the body of an answer, chunks as they came. Raises Refused for an error, or an answer in part."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(connection)
    head, body = data[:end].lower(), data[end + 4 :]
    if not b" 200 " <= head[8:13] < b" 300 ":
        raise Refused(data[:300].decode(errors="replace"))
    if b"\r\ntransfer-encoding: chunked" in head:
        while not body.endswith(b"0\r\n\r\n"):
            body += _more(connection)
        return body
    length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    while len(body) < int(length or b"0"):
        body += _more(connection)
    return body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 16)
    if not data:
        raise Refused("the server closed the connection")
    return data
