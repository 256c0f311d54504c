"""DuckDB's own tables, in the process of the benchmark: no HTTP, no server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tests.benchmarks.series.data import DataSet
from tests.benchmarks.series.system import Found, Kind, Question, Reply, Write


@dataclass(frozen=True)
class Duck:
    """A database that is open: a table of readings, and one of points with their box and floor."""

    connection: duckdb.DuckDBPyConnection

    @property
    def memory(self) -> None:
        return None

    @property
    def pid(self) -> int:
        return os.getpid()

    def prepare(self, *sets: DataSet) -> None:
        self.connection.execute("CREATE TABLE readings (id UUID, time TIMESTAMP, value DOUBLE)")
        self.connection.execute("CREATE TABLE points (id UUID, name VARCHAR, box VARCHAR, floor VARCHAR)")
        for each in sets:
            numbers = range(each.points)
            points = {
                "id": [each.uuid(n) for n in numbers],
                "name": [each.name] * each.points,
                "box": [each.box(n) for n in numbers],
                "floor": [each.floor(n) for n in numbers],
            }
            self._insert("points", pa.table(points))

    @contextmanager
    def writer(self, _way: str) -> Iterator[Write]:
        yield lambda body: self._insert("readings", pa.ipc.open_stream(body).read_all())

    def _insert(self, table: str, rows: pa.Table) -> None:
        self.connection.register("incoming", rows)
        self.connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def flush(self) -> None:
        """Move the log into the file."""
        self.connection.execute("CHECKPOINT")

    def ask(self, question: Question, _form: str = "") -> Reply:
        began = time.perf_counter()
        table = self.connection.sql(_statement(question)).to_arrow_table()
        seconds = time.perf_counter() - began
        return Reply(seconds, table.nbytes, lambda: _found(table))


def _statement(question: Question) -> str:
    tag = question.tag()
    conditions = []
    if tag and tag[0] == "uuid":
        conditions.append(f"id = '{tag[1]}'::UUID")
    elif tag:
        conditions.append(f"id IN (SELECT id FROM points WHERE {tag[0]} = '{tag[1]}')")
    if question.what != "latest":
        conditions += [f"time >= '{_time(question.start)}'", f"time < '{_time(question.end)}'"]
    rows = f"FROM readings WHERE {' AND '.join(conditions)}"
    if question.what == "raw":
        return f"SELECT id, time, value {rows} ORDER BY time"
    if question.what == "latest":
        return f"SELECT id, max(time) AS time, arg_max(value, time) AS value {rows} GROUP BY id"
    bucket = f"time_bucket(INTERVAL '{question.every} seconds', time)"
    aggregate = {"mean": "avg(value)", "count": "count(value)"}[question.what]
    return f"SELECT id, {bucket} AS time, {aggregate} AS value {rows} GROUP BY ALL ORDER BY ALL"


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def _found(table: pa.Table) -> Found:
    return Found(table.num_rows, float(pc.sum(table.column("value")).as_py() or 0))


@contextmanager
def _start(data: Path) -> Iterator[Duck]:
    data.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(data / "readings.duckdb")) as connection:
        yield Duck(connection)


KIND = Kind("DuckDB, in process", _start, "in its log on disk (fsync), and visible", clients=1)
