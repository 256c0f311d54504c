"""VictoriaMetrics: `victoria-metrics`, of Debian's package of this name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.benchmarks.exchange import exchange
from tests.benchmarks.processes import PeakMemory, settle
from tests.benchmarks.series.data import DataSet
from tests.benchmarks.series.ours import LINES
from tests.benchmarks.series.system import Found, Kind, Question, Reply, Request, Write, connected, posting
from tests.benchmarks.servers import Server, free_port, running

COMMAND = "victoria-metrics"
CSV = "CSV"
_COLUMNS = "1:label:box,2:label:floor,3:label:uuid,4:metric:reading_value,5:time:unix_s"
_WAYS = {LINES: "/write", CSV: f"/api/v1/import/csv?{urlencode({'format': _COLUMNS})}"}
_FUNCTIONS = {"mean": "avg_over_time", "count": "count_over_time"}


@dataclass(frozen=True)
class Victoria:
    """A server that runs."""

    server: Server
    connection: HTTPConnection

    @property
    def memory(self) -> PeakMemory:
        return self.server.memory

    @property
    def pid(self) -> int:
        return self.server.pid

    def prepare(self, *sets: DataSet) -> None:
        """Nothing: series come with their first reading."""

    def writer(self, way: str) -> AbstractContextManager[Write]:
        return posting(self.server.port, _WAYS[way], "text/plain; charset=utf-8")

    def flush(self) -> None:
        """Make what is in memory visible and merge all parts; merging goes on after the answer."""
        exchange(self.server.port, "GET", "/internal/force_flush", {})
        exchange(self.server.port, "GET", "/internal/force_merge", {})
        settle(self.server.pid, 600.0)

    def ask(self, question: Question, _form: str = "") -> Reply:
        answer = _request(question).on(self.connection)
        return Reply(answer.seconds, answer.size, lambda: _found(answer.body, question))


def _request(question: Question) -> Request:
    """Return a query of the Prometheus API, or for raw readings an export.

    A window there begins after its start and includes its end; no reading lies on either.
    """
    tag = question.tag()
    series = f"{question.of.name}_value" + (f'{{{tag[0]}="{tag[1]}"}}' if tag else "")
    if question.what == "raw":
        asked = {"match[]": series, "start": str(question.start), "end": str(question.end)}
        return Request("GET", f"/api/v1/export?{urlencode(asked)}", {})
    if question.what == "latest":
        return _get("query", {"query": series, "time": str(question.end)})
    query = f"{_FUNCTIONS[question.what]}({series}[{question.every}s])"
    if question.start + question.every == question.end:
        return _get("query", {"query": query, "time": str(question.end)})
    window = {"start": question.start + question.every, "end": question.end, "step": f"{question.every}s"}
    return _get("query_range", {"query": query, **{name: str(value) for name, value in window.items()}})


def _get(route: str, asked: dict[str, str]) -> Request:
    return Request("GET", f"/api/v1/{route}?{urlencode({**asked, 'nocache': '1'})}", {})


def _found(body: bytes, question: Question) -> Found:
    if question.what == "raw":
        values = [value for line in body.splitlines() for value in json.loads(line)["values"]]
    else:
        series = json.loads(body)["data"]["result"]
        values = [float(pair[1]) for each in series for pair in _pairs(each)]
    return Found(len(values), float(sum(values)))


def _pairs(series: dict[str, Any]) -> list[tuple[float, str]]:
    return series.get("values") or [series["value"]]


@contextmanager
def _start(data: Path) -> Iterator[Victoria]:
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = [f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    with (
        running("VictoriaMetrics", [COMMAND, *options], data, {}, "/health", port) as server,
        connected(port) as connection,
    ):
        yield Victoria(server, connection)


KIND = Kind("VictoriaMetrics", _start, "in memory; on disk some seconds later", COMMAND)
