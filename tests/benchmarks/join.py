"""Measures ingest and the join on a generated building, beside DuckDB and Oxigraph used directly on the same data.

    python -m tests.benchmarks.join --points 10000 --days 30

Prints a Markdown table; `--out` writes it to a file too. All data lies in a temporary folder (`--folder`: where).
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox

from server.settings import Settings
from server.tables.read import open_readings
from server.twin.models import Model
from server.twin.service import Twin
from tests.support.service import Service, serving

STEP = 300
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
POINTS_A_VAV, VAVS_AN_AHU = 10, 16
CHUNK = 100  # points at a time, so that memory stays bounded
SITE = "https://bench.example/site#"
PREFIXES = f"""
PREFIX : <{SITE}>
PREFIX brick: <https://brickschema.org/schema/Brick#>
PREFIX ref: <https://brickschema.org/schema/Brick/ref#>
"""
KINDS = (
    *("Zone_Air_Temperature_Sensor", "Zone_Air_Temperature_Setpoint", "Supply_Air_Flow_Sensor"),
    *("Supply_Air_Flow_Setpoint", "Damper_Position_Command", "Valve_Position_Command"),
    *("Supply_Air_Temperature_Sensor", "CO2_Sensor", "Occupancy_Sensor", "Humidity_Sensor"),
)
ONE_AHU = (
    PREFIXES
    + """SELECT ?point ?vav WHERE {
  :ahu0 brick:feeds ?vav . ?vav brick:hasPoint ?point . ?point a brick:Zone_Air_Temperature_Sensor }"""
)
ALL_ZONES = (
    PREFIXES
    + """SELECT ?point ?vav ?ahu WHERE {
  ?ahu a brick:AHU ; brick:feeds ?vav . ?vav a brick:VAV ; brick:hasPoint ?point .
  ?point a brick:Zone_Air_Temperature_Sensor }"""
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is generated."""

    points: int
    days: int

    @property
    def steps(self) -> int:
        """Readings a point."""
        return self.days * 86_400 // STEP

    @property
    def readings(self) -> int:
        return self.points * self.steps


def uuid_of(point: int) -> str:
    """Return the UUID of a point's series: random to look at, the same each time."""
    return str(UUID(int=int.from_bytes(np.random.default_rng(point).bytes(16)), version=4))


def model(size: Size) -> str:
    """Return the building: air handlers that feed VAV boxes that have points."""
    lines = [PREFIXES]
    for vav in range(-(-size.points // POINTS_A_VAV)):
        ahu = vav // VAVS_AN_AHU
        lines.append(f":ahu{ahu} a brick:AHU ; brick:feeds :vav{vav} . :vav{vav} a brick:VAV .")
        for point in range(vav * POINTS_A_VAV, min((vav + 1) * POINTS_A_VAV, size.points)):
            reference = f'[ a ref:TimeseriesReference ; ref:hasTimeseriesId "{uuid_of(point)}" ]'
            kind = KINDS[point % POINTS_A_VAV]
            lines.append(f":vav{vav} brick:hasPoint :p{point} .")
            lines.append(f":p{point} a brick:{kind} ; ref:hasExternalReference {reference} .")
    return "\n".join(lines)


def table(points: range, steps: range, seed: int) -> pa.Table:
    """Return random walks, rounded to 0.1, of some points in a span of time."""
    walks = np.random.default_rng(seed).normal(0, 0.15, (len(points), len(steps))).cumsum(axis=1)
    times = (START + np.arange(steps.start, steps.stop) * STEP) * 1_000_000
    ids = pa.DictionaryArray.from_arrays(
        pa.array(np.repeat(np.arange(len(points), dtype="int32"), len(steps))), pa.array([uuid_of(p) for p in points])
    )
    return pa.table(
        {
            "id": ids,
            "time": pa.array(np.tile(times, len(points))).cast(pa.timestamp("us", "UTC")),
            "value": pa.array(np.round(21 + walks, 1).ravel()),
        }
    )


def write(path: Path, size: Size) -> None:
    """Write all readings as one Parquet file, by point."""
    with pq.ParquetWriter(path, table(range(1), range(1), 0).schema, compression="zstd") as writer:
        for first in range(0, size.points, CHUNK):
            writer.write_table(table(range(first, min(first + CHUNK, size.points)), range(size.steps), first))


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Append what the block takes."""
    began = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - began)


def median(run: Callable[[], int], times: int = 5) -> tuple[float, int]:
    """Return the median time of some runs, after one to warm up, and the rows of the answer."""
    rows, seconds = run(), list[float]()
    for _ in range(times):
        with timed(seconds):
            rows = run()
    return statistics.median(seconds), rows


def ingest_file(data: Path, readings: Path, size: Size) -> list[tuple[str, str]]:
    """Load the model and ingest the file, as `twinhouse ingest` does; returns lines of the report."""
    seconds = list[float]()
    twin = Twin(Settings(data=data, readers=1))
    try:
        twin.load(Model(model(size).encode(), "bench.ttl"))
        with timed(seconds), open_readings(readings) as source:
            twin.ingest(source.batches())
        with timed(seconds):
            status = twin.seal()
    finally:
        twin.close()
    return [
        ("ingest of the Parquet file", f"{size.readings / seconds[0]:,.0f} readings/s ({seconds[0]:.1f} s)"),
        ("compaction after it", f"{seconds[1]:.1f} s"),
        ("disk", f"{status.sealed_bytes / status.sealed_rows:.2f} bytes a reading"),
        ("the same as pyarrow writes it", f"{readings.stat().st_size / size.readings:.2f} bytes a reading"),
    ]


def ingest_http(data: Path, size: Size) -> list[tuple[str, str]]:
    """Send hours of all points as Arrow bodies, one after another; returns lines of the report."""
    hours = min(48, size.days * 24)
    bodies = (_body(table(range(size.points), range(h * 12, h * 12 + 12), h)) for h in range(hours))
    seconds = list[float]()
    with serving(data, readers=1) as service, httpx2.Client(timeout=600) as client:
        turtle = {"content-type": "text/turtle"}
        client.post(f"{service.url}/models?name=bench.ttl", content=model(size), headers=turtle).raise_for_status()
        arrow = {"content-type": "application/vnd.apache.arrow.stream"}
        for body in bodies:
            with timed(seconds):
                client.post(f"{service.url}/readings", content=body, headers=arrow).raise_for_status()
    rows = size.points * 12
    rate = (
        f"{rows * hours / sum(seconds):,.0f} readings/s, median {statistics.median(seconds) * 1000:.0f} ms a request"
    )
    return [(f"ingest over HTTP, {hours} Arrow bodies of {rows:,} readings, durable each", rate)]


def _body(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()


class Twinhouse:
    """The four questions, over HTTP, answered in Arrow."""

    def __init__(self, service: Service, client: httpx2.Client) -> None:
        self._url, self._client = service.url, client

    def _ask(self, path: str, **wanted: str) -> int:
        answer = self._client.get(f"{self._url}/{path}", params={**wanted, "format": "arrow"})
        answer.raise_for_status()
        rows: int = pa.ipc.open_stream(answer.content).read_all().num_rows
        return rows

    def raw(self) -> int:
        return self._ask("readings", point=uuid_of(0), start=_day(3), end=_day(4))

    def hourly(self) -> int:
        return self._ask("readings", query=ONE_AHU, every="PT1H", start=_day(3), end=_day(10))

    def daily(self) -> int:
        return self._ask("readings", query=ALL_ZONES, every="P1D")

    def latest(self) -> int:
        return self._ask("latest", query=ALL_ZONES)


class ByHand:
    """The same with DuckDB on the Parquet file and Oxigraph in memory, in one process, with nothing to load."""

    def __init__(self, readings: Path, size: Size) -> None:
        self._con = duckdb.connect(config={"threads": 2})
        self._con.execute("SET TimeZone = 'UTC'")
        self._from = f"read_parquet('{readings}') r"
        self._store = ox.Store()
        self._store.load(model(size), ox.RdfFormat.TURTLE)

    def _sql(self, sql: str) -> int:
        rows: int = self._con.sql(sql).to_arrow_table().num_rows
        return rows

    def _points(self, query: str) -> None:
        reference = "?point ref:hasExternalReference/ref:hasTimeseriesId ?id ."
        text = query.replace("SELECT ?point", "SELECT ?id ?point").rstrip("}\n ") + f" . {reference} }}"
        found = self._store.query(text)
        assert isinstance(found, ox.QuerySolutions)
        names = [variable.value for variable in found.variables]
        rows = [[term.value for term in row] for row in found]
        columns = list(zip(*rows, strict=True))
        self._con.register("points", pa.table({n: list(c) for n, c in zip(names, columns, strict=True)}))

    def raw(self) -> int:
        window = f"time >= '{_day(3)}' AND time < '{_day(4)}'"
        return self._sql(f"SELECT time, value FROM {self._from} WHERE id = '{uuid_of(0)}' AND {window} ORDER BY time")

    def hourly(self) -> int:
        self._points(ONE_AHU)
        return self._mean("1 HOUR", f"WHERE time >= '{_day(3)}' AND time < '{_day(10)}'")

    def daily(self) -> int:
        self._points(ALL_ZONES)
        return self._mean("1 DAY", "")

    def _mean(self, step: str, where: str) -> int:
        bucket = f"time_bucket(INTERVAL {step}, time::TIMESTAMP) AS bucket"
        wanted = f"{self._from} SEMI JOIN points USING (id) {where}"
        means = f"SELECT id, {bucket}, avg(value) AS mean FROM {wanted} GROUP BY ALL"
        return self._sql(f"SELECT p.*, bucket, mean FROM ({means}) JOIN points p USING (id) ORDER BY p.point, bucket")

    def latest(self) -> int:
        self._points(ALL_ZONES)
        wanted = f"{self._from} SEMI JOIN points USING (id)"
        newest = f"SELECT id, arg_max(value, time) AS v, max(time) FROM {wanted} GROUP BY id"
        return self._sql(f"SELECT * FROM ({newest}) JOIN points USING (id)")


def _day(day: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat().replace("+00:00", "Z")


def questions(size: Size) -> dict[str, str]:
    """Return the methods and what they are called in the report."""
    zones = -(-size.points // POINTS_A_VAV)
    return {
        "raw": "one point, one day, raw",
        "hourly": f"hourly mean of {min(VAVS_AN_AHU, zones)} points (of one AHU) for a week",
        "daily": f"daily mean of {zones:,} points (by class and equipment) for {size.days} days",
        "latest": f"latest of {zones:,} points",
    }


def compare(data: Path, readings: Path, size: Size) -> list[str]:
    """Ask both; returns lines of a table."""
    lines = ["| question | rows | Twinhouse, over HTTP | by hand | ratio |", "|---|--:|--:|--:|--:|"]
    by_hand = ByHand(readings, size)
    with serving(data) as service, httpx2.Client(timeout=600) as client:
        ours = Twinhouse(service, client)
        for name, title in questions(size).items():
            mine, rows = median(getattr(ours, name))
            theirs, same = median(getattr(by_hand, name))
            assert rows == same, f"{title}: {rows} rows, by hand {same}"
            ratio = f"{mine / theirs:.2f}"
            lines.append(f"| {title} | {rows:,} | {mine * 1000:,.1f} ms | {theirs * 1000:,.1f} ms | {ratio} |")
    return lines


def run(folder: Path, size: Size) -> str:
    """Return the report."""
    readings, began = folder / "readings.parquet", time.perf_counter()
    write(readings, size)
    generated = time.perf_counter() - began
    facts = ingest_file(folder / "data", readings, size) + ingest_http(folder / "http", size)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, Python {platform.python_version()}"
    head = (
        f"{size.points:,} points x {size.days} days x 5 min = {size.readings:,} readings (made in {generated:.0f} s)"
    )
    table_of_facts = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)]
    return (
        "\n".join((f"{head}; {machine}.", "", *table_of_facts, "", *compare(folder / "data", readings, size))) + "\n"
    )


def main() -> None:
    """Run by name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        report = run(Path(folder), Size(asked.points, asked.days))
    print(report)
    if asked.out:
        asked.out.write_text(report)


if __name__ == "__main__":
    main()
