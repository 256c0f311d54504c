"""Twinhouse, as `twinhouse serve` runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc

from tests.benchmarks.exchange import exchange
from tests.benchmarks.processes import PeakMemory
from tests.benchmarks.series.data import SITE, DataSet, model
from tests.benchmarks.series.system import Found, Kind, Question, Reply, Request, Write, connected, posting
from tests.benchmarks.servers import Server, twinhouse

ARROW, PARQUET, LINES, GZIPPED = "Arrow", "Parquet", "line protocol", "line protocol, gzip"
JSON = "json"
_WAYS: dict[str, tuple[str, ...]] = {
    ARROW: ("/readings", "application/vnd.apache.arrow.stream"),
    PARQUET: ("/readings", "application/vnd.apache.parquet"),
    LINES: ("/api/v2/write?bucket=bench", "text/plain; charset=utf-8"),
    GZIPPED: ("/api/v2/write?bucket=bench", "text/plain; charset=utf-8", "gzip"),
}
_LINKS = {"box": "isPointOf", "floor": "hasLocation"}
_PREFIXES = f"PREFIX : <{SITE}> PREFIX brick: <https://brickschema.org/schema/Brick#>"


@dataclass(frozen=True)
class Twinhouse:
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
        """Load the points."""
        turtle = {"Content-Type": "text/turtle"}
        exchange(self.server.port, "POST", "/models?name=bench.ttl", turtle, model(*sets).encode())

    def writer(self, way: str) -> AbstractContextManager[Write]:
        return posting(self.server.port, *_WAYS[way])

    def flush(self) -> None:
        """Write what is hot to Parquet, and merge all runs."""
        exchange(self.server.port, "POST", "/seal", {})

    def ask(self, question: Question, form: str = "") -> Reply:
        answer = _request(question, form or "arrow").on(self.connection)
        return Reply(answer.seconds, answer.size, lambda: _found(answer.body, form))


def _request(question: Question, form: str) -> Request:
    asked: dict[str, str] = {**_points(question), "format": form}
    if question.what == "latest":
        return Request("GET", f"/latest?{urlencode(asked)}", {})
    asked |= {"start": _time(question.start), "end": _time(question.end)}
    if question.what != "raw":
        asked |= {"every": f"PT{question.every // 3600}H" if question.every < 86_400 else "P1D"}
        asked |= {"aggregate": question.what}
    return Request("GET", f"/readings?{urlencode(asked)}", {})


def _points(question: Question) -> dict[str, str]:
    tag = question.tag()
    if tag is None:
        return {}
    if tag[0] == "uuid":
        return {"point": tag[1]}
    return {"query": f"{_PREFIXES} SELECT ?point WHERE {{ ?point brick:{_LINKS[tag[0]]} :{tag[1]} }}"}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _found(body: bytes, form: str) -> Found:
    if form == JSON:
        rows: list[dict[str, Any]] = json.loads(body)["data"]
        return Found(len(rows), sum(row["value"] for row in rows))
    table = pa.ipc.open_stream(body).read_all()
    return Found(table.num_rows, pc.sum(table.column("value")).as_py() or 0.0)


@contextmanager
def _start(data: Path) -> Iterator[Twinhouse]:
    with twinhouse(data) as server, connected(server.port) as connection:
        yield Twinhouse(server, connection)


KIND = Kind("Twinhouse", _start, "on disk (fsync) and visible")
