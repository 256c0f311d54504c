"""Measures single SPARQL queries over graph and readings, beside the plan that an expert writes by hand.

    python -m tests.benchmarks.hybrid --folder DATA --write-docs

By hand is DuckDB on one Parquet file, sorted by series and time, and Oxigraph in memory, in one warm process; neither
its loading nor any HTTP counts. The answers of both must be the same. Prints Markdown on stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx2
import pyarrow as pa
import pyoxigraph as ox

from tests.benchmarks.hybrid.campus import Campus
from tests.benchmarks.hybrid.growth import Measured, growth, keep, kept
from tests.benchmarks.hybrid.loading import prepare, told
from tests.benchmarks.hybrid.peer import Chrontext
from tests.benchmarks.hybrid.questions import Question, questions, sparql
from tests.benchmarks.join import median
from tests.benchmarks.report import Part, machine, milliseconds, ratio, wrapped, write_section
from tests.support.service import Service, serving

TITLE = "## One query over graph and readings"
Row = tuple[Any, ...]


class Ours:
    """Asks `/query`, for an answer in Arrow."""

    def __init__(self, service: Service, client: httpx2.Client) -> None:
        self._url, self._client = f"{service.url}/query", client

    def table(self, question: Question) -> pa.Table:
        """Return the answer, as it comes and unpacked."""
        params = {"query": sparql(question.hybrid), "format": "arrow", "timeout": "30"}
        answer = self._client.get(self._url, params=params)
        assert answer.status_code == 200, answer.text
        return pa.ipc.open_stream(answer.content).read_all()

    def path(self, question: Question) -> str:
        """Return how the query is answered."""
        found = self._client.get(self._url, params={"query": sparql(question.hybrid), "explain": "plan"})
        return str(found.json()["path"])


class ByHand:
    """One SPARQL query, one statement."""

    def __init__(self, readings: Path, model: str) -> None:
        self._con = duckdb.connect(config={"threads": 2})
        self._con.execute("SET TimeZone = 'UTC'")
        self._con.execute(f"CREATE VIEW r AS SELECT * FROM read_parquet('{readings}')")
        self._store = ox.Store()
        self._store.load(model, ox.RdfFormat.TURTLE)

    def table(self, question: Question) -> pa.Table:
        """Return the answer."""
        found = self._store.query(sparql(question.graph))
        assert isinstance(found, ox.QuerySolutions)
        names = [variable.value for variable in found.variables]
        columns = list(zip(*[[term.value for term in row] for row in found], strict=True))
        points = pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})
        self._con.register("points", points)
        table: pa.Table = self._con.sql(question.series).to_arrow_table()
        return table


def rows_of(table: pa.Table) -> list[Row]:
    """Return rows that can be compared: numbers to nine digits, times in UTC."""
    return sorted(tuple(map(_plain, row.values())) for row in table.to_pylist())


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    return float(f"{value:.9g}") if isinstance(value, int | float) else value


def compare(folder: Path, campus: Campus, python: Path | None) -> Part:
    """Ask all, and keep the times; `python` is that which has chrontext, if there is one."""
    readings, busy = folder / "readings.parquet", os.getloadavg()[0]
    part = Part(
        f"{campus.readings:,} readings of {len(campus.names):,} points",
        ("question", "rows", "path", "first time", "Twinhouse, over HTTP", "by hand", "ratio", *_CHRONTEXT),
        f"""{campus.buildings:,} buildings, a reading every five minutes for {campus.days} days. "First time" is with
a text that the server has not seen, on a warm server; the others are medians of five runs after one to warm up. Load
average just before the run: {busy:.1f}.""",
    )
    by_hand = ByHand(readings, campus.model())
    with contextlib.ExitStack() as ending:
        service = ending.enter_context(serving(folder / "data"))
        ours = Ours(service, ending.enter_context(httpx2.Client(timeout=600)))
        other = Chrontext(python, folder, campus, readings) if python is not None else None
        if other is not None:
            ending.callback(other.close)
        ours.table(questions(campus.days)[0])
        measured = list[Measured]()
        for question in questions(campus.days):
            with told(question.title):
                row, times = _row(ours, by_hand, question)
                right = ours.table(question).columns[-1].to_pylist()
                part.add(*row, *(other.row(question, right) if other is not None else ("—", "not asked")))
            measured.append(times)
    keep(folder, measured)
    return part


_CHRONTEXT = ("chrontext", "right")


def _row(ours: Ours, by_hand: ByHand, question: Question) -> tuple[tuple[str, ...], Measured]:
    began = time.perf_counter()
    found = ours.table(question)
    first = time.perf_counter() - began
    assert rows_of(found) == rows_of(by_hand.table(question)), question.title
    mine, rows = median(lambda: ours.table(question).num_rows)
    theirs, _ = median(lambda: by_hand.table(question).num_rows)
    times = (milliseconds(first), milliseconds(mine), milliseconds(theirs))
    row = (question.title, f"{rows:,}", ours.path(question), *times, ratio(mine, theirs))
    return row, Measured(question.title.rpartition(", ")[0] or question.title, mine, theirs)


def main() -> None:
    """Run by name."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.hybrid",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--size",
        type=_campus,
        nargs="+",
        metavar="POINTS:DAYS",
        default=[Campus(650, 6), Campus(1_300, 30), Campus(10_300, 30)],
        help="of the campus, a table each, and one over all (650:6 1300:30 10300:30: 1, 11 and 89 million readings)",
    )
    parser.add_argument("--folder", type=Path, help="where the data is kept, for the next run (a temporary folder)")
    parser.add_argument("--prepare", action="store_true", help="write the data into --folder, and ask nothing")
    parser.add_argument(
        "--chrontext",
        type=Path,
        metavar="PYTHON",
        help="that of an environment that has chrontext, to ask it as well",
    )
    parser.add_argument("--kept", action="store_true", help="take the tables that are in --folder already")
    parser.add_argument("--write-docs", action="store_true", help="put it into docs/benchmarks.md")
    asked = parser.parse_args()
    parts, sizes = list[str](), list[tuple[Campus, list[Measured]]]()
    if asked.chrontext is None:
        print("chrontext is not asked: --chrontext names a Python that has it", file=sys.stderr)
    for campus in asked.size:
        with _folder(asked.folder, campus) as folder:
            prepare(folder, campus)
            table = folder / "table.md"
            if not asked.prepare and not (asked.kept and table.exists()):
                table.write_text(compare(folder, campus, asked.chrontext).markdown())
            if not asked.prepare:
                parts.append(table.read_text())
                sizes.append((campus, kept(folder)))
                print(parts[-1], flush=True)
    if len(sizes) > 1:
        parts.append(growth(sizes).markdown())
        print(parts[-1], flush=True)
    if not asked.write_docs:
        return
    text = f"""`python -m tests.benchmarks.hybrid` asks eight questions of an analyst by one SPARQL query each, and
the same by hand: the solutions of a SPARQL query, and one DuckDB statement over them and one Parquet file, in one
process without HTTP. Ratios are Twinhouse's time over the other; less is better. Both gave the same answers.
chrontext (where it was asked) has the graph in memory and the same Parquet file in DuckDB, in its own process without
HTTP; "right" tells whether its answer was the same. Machine: {machine()}."""
    write_section("\n".join((TITLE, "", wrapped(text), "", *parts)))


@contextlib.contextmanager
def _folder(kept: Path | None, campus: Campus) -> Iterator[Path]:
    if kept is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    folder = kept / f"{campus.points}-{campus.days}"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def _campus(text: str) -> Campus:
    points, _, days = text.partition(":")
    return Campus(int(points), int(days))


if __name__ == "__main__":
    main()
