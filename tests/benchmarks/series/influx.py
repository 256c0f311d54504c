"""InfluxDB 1.x: `influxd`, of Debian's package `influxdb`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlencode

from tests.benchmarks.exchange import exchange
from tests.benchmarks.processes import PeakMemory, settle
from tests.benchmarks.series.data import DataSet
from tests.benchmarks.series.system import Found, Kind, Question, Reply, Request, Write, connected, posting
from tests.benchmarks.servers import Server, free_port, running

_Started = tuple[str, Server, HTTPConnection]
COMMAND = "influxd"
_WRITE = "/write?db=bench"
_PATIENCE = 600.0  # seconds for compaction
_COLD = {"INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION": "1s"}


@dataclass
class Influx:
    """A server that runs. It is started anew by `flush`, which changes its port."""

    data: Path
    service: str  # where it can be told to back up
    server: Server
    connection: HTTPConnection
    running: AbstractContextManager[_Started] = field(repr=False)

    @property
    def memory(self) -> PeakMemory:
        return self.server.memory

    @property
    def pid(self) -> int:
        return self.server.pid

    def prepare(self, *_sets: DataSet) -> None:
        """Make the database."""
        exchange(self.server.port, "POST", f"/query?q={quote('CREATE DATABASE bench')}", {})

    def writer(self, _way: str) -> AbstractContextManager[Write]:
        return posting(self.server.port, _WRITE, "text/plain; charset=utf-8")

    def flush(self) -> None:
        """Write the cache to files, and merge these wholly.

        There is no request for it: a backup writes the cache, and a shard that counts as cold is merged.
        """
        with tempfile.TemporaryDirectory() as copy:
            command = [COMMAND, "backup", "-portable", "-host", self.service, "-db", "bench", copy]
            subprocess.run(command, check=True, capture_output=True)
        self.running.__exit__(None, None, None)
        with _serving(self.data, _COLD) as (_, server, _):
            settle(server.pid, _PATIENCE)
        self.running = _serving(self.data, {})
        self.service, self.server, self.connection = self.running.__enter__()

    def ask(self, question: Question, _form: str = "") -> Reply:
        asked = urlencode({"db": "bench", "epoch": "s", "q": _statement(question)})
        answer = Request("GET", f"/query?{asked}", {}).on(self.connection)
        return Reply(answer.seconds, answer.size, lambda: _found(answer.body))


def _statement(question: Question) -> str:
    """Return InfluxQL."""
    tag = question.tag()
    conditions = [f"{tag[0]} = '{tag[1]}'"] if tag else []
    if question.what != "latest":
        conditions += [f"time >= {question.start}s", f"time < {question.end}s"]
    value = {"raw": "value", "latest": "last(value)"}.get(question.what, f"{question.what}(value)")
    buckets = question.what in ("mean", "count")
    groups = "" if question.what == "raw" else " GROUP BY uuid"
    if buckets:
        groups += f", time({question.every}s) fill(none)"
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {value} FROM {question.of.name}{where}{groups}"


def _found(body: bytes) -> Found:
    series = json.loads(body)["results"][0].get("series", [])
    values = [row[1] for each in series for row in each["values"]]
    return Found(len(values), float(sum(values)))


@contextmanager
def _serving(data: Path, more: dict[str, str]) -> Iterator[_Started]:
    port, service = free_port(), f"127.0.0.1:{free_port()}"
    variables = {
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_BIND_ADDRESS": service,
        "INFLUXDB_META_DIR": str(data / "meta"),
        "INFLUXDB_DATA_DIR": str(data / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(data / "wal"),
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_HTTP_LOG_ENABLED": "false",
        "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        **more,
    }
    command = [COMMAND, "run", "-config", "/dev/null"]
    with running("InfluxDB", command, data, variables, "/ping", port) as server, connected(port) as connection:
        yield service, server, connection


@contextmanager
def _start(data: Path) -> Iterator[Influx]:
    started = _serving(data, {})
    influx = Influx(data, *started.__enter__(), started)
    try:
        yield influx
    finally:
        influx.running.__exit__(None, None, None)


KIND = Kind("InfluxDB", _start, "in its log on disk (fsync), and visible", COMMAND)
