"""Asks chrontext one question after the other, in a process of an interpreter that has it; see `peer`.

    PYTHON peer_process.py MODEL.ttl READINGS.parquet

A line of stdin is a query, as a JSON string; one of stdout is the last column of its answer and the seconds of each
run, or an error. It has to stand alone: nothing of this repository is there.
"""

# mypy: ignore-errors

from __future__ import annotations

import json
import os
import sys
import time

import chrontext
import duckdb
import polars as pl
from pyoxigraph import Store
from sqlalchemy import Column, MetaData, Table

_RUNS = 3


class Readings:
    """One Parquet file."""

    def __init__(self, path: str) -> None:
        self._con = duckdb.connect(config={"threads": 2})
        self._con.execute("SET TimeZone = 'UTC'")
        self._con.execute(f"CREATE VIEW readings AS SELECT id, time AS timestamp, value FROM read_parquet('{path}')")

    def query(self, sql: str) -> pl.DataFrame:
        """Run what chrontext asks."""
        return pl.from_arrow(self._con.sql(sql).to_arrow_table())


def engine(model: str, readings: str) -> chrontext.Engine:
    """Return the engine over a graph and readings."""
    ct, xsd = chrontext.Prefix("ct", "https://github.com/DataTreehouse/chrontext#"), chrontext.XSD()
    series, timestamp, value, point = map(chrontext.Variable, ("id", "timestamp", "value", "dp"))
    kinds = ((series, xsd.string), (timestamp, xsd.dateTime), (value, xsd.double))
    template = chrontext.Template(
        ct.suf("readings"),
        [chrontext.Parameter(variable, rdf_type=chrontext.RDFType.Literal(kind)) for variable, kind in kinds],
        [
            chrontext.Triple(series, ct.suf("hasDataPoint"), point),
            chrontext.Triple(point, ct.suf("hasValue"), value),
            chrontext.Triple(point, ct.suf("hasTimestamp"), timestamp),
        ],
    )
    table = Table("readings", MetaData(), Column("id"), Column("timestamp"), Column("value"))
    database = chrontext.VirtualizedPythonDatabase(Readings(readings), {"readings": table}, "postgres")
    store = Store()
    store.bulk_load(path=model)
    made = chrontext.Engine(
        {"readings": template}, virtualized_python_database=database, sparql_embedded_oxigraph=store
    )
    made.init()
    return made


def answered(asked: chrontext.Engine, query: str) -> dict[str, object]:
    """Return the last column, and the seconds of each run but the first."""
    seconds = []
    for _ in range(1 + _RUNS):
        began = time.perf_counter()
        found = asked.query(query)
        seconds.append(time.perf_counter() - began)
    return {"values": found[found.columns[-1]].to_list(), "seconds": seconds[1:]}


def main() -> None:
    """Answer until there are no more questions."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what chrontext prints is no answer
    asked = engine(*sys.argv[1:3])
    for line in sys.stdin:
        try:
            answer = answered(asked, json.loads(line))
        except BaseException as error:  # a panic of Rust's is no Exception
            answer = {"error": type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
