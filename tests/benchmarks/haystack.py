"""Haystack's codecs on grids of 10,000 rows: a history, and points.

    python -m tests.benchmarks.haystack --write-docs

Each is read and written in each form; the time is the least of five, of the process's CPU.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ontologies.haystack.csv_text import read_csv, write_csv
from ontologies.haystack.hayson import read_hayson
from ontologies.haystack.hayson_text import write_hayson
from ontologies.haystack.json3 import read_json3, write_json3
from ontologies.haystack.kinds import MARKER, Column, DateTime, Dict, Grid, Number, Ref, grid_of
from ontologies.haystack.trio import read_trio, write_trio
from ontologies.haystack.zinc import read_zinc
from ontologies.haystack.zinc_text import write_zinc
from tests.benchmarks.report import Part, command, machine, milliseconds

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
ROWS = 10_000
_TIMES = 5
FORMS: dict[str, tuple[Callable[[str], object], Callable[[Grid], str]]] = {
    "Zinc": (read_zinc, write_zinc),
    "JSON (Hayson)": (read_hayson, write_hayson),
    "JSON v3": (read_json3, write_json3),
    "Trio": (read_trio, lambda grid: "".join(write_trio(grid.rows))),
    "CSV": (read_csv, lambda grid: "".join(write_csv(grid))),
}


def history(rows: int) -> Grid:
    """Times and values with a unit, of five minutes."""
    numbers = random.Random(1)
    start = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5)))
    moments = (DateTime(start + timedelta(minutes=5 * number), "New_York") for number in range(rows))
    found: list[Dict] = [{"ts": each, "val": Number(round(numbers.uniform(60, 80), 2), "°F")} for each in moments]
    return Grid([Column("ts"), Column("val")], found, {"id": Ref("p:demo:r:1")})


def points(rows: int) -> Grid:
    """Points with a dozen tags each."""
    numbers = random.Random(1)
    return grid_of([_point(number, numbers) for number in range(rows)])


def _point(number: int, numbers: random.Random) -> Dict:
    return {
        "id": Ref(f"p:demo:r:{number:08x}", f"Point {number}"),
        "dis": f"Point {number}",
        **dict.fromkeys(("point", "his", "sensor", "air", "temp"), MARKER),
        "kind": "Number",
        "unit": "°F",
        "siteRef": Ref("p:demo:r:site", "Site"),
        "equipRef": Ref(f"p:demo:r:equip-{number // 20}", f"Equip {number // 20}"),
        "curVal": Number(round(numbers.uniform(60, 80), 1), "°F"),
    }


def report(rows: int = ROWS) -> Part:
    """Measure every form."""
    part = Part(
        "Haystack's codecs",
        ("form", "history read", "written", "points read", "written"),
        f"""{rows:,} rows: a history (`ts`, `val` with a unit), and points with a dozen tags each. CPU time, the
        least of {_TIMES}, by `python -m tests.benchmarks.haystack --write-docs` on {machine()}.""",
    )
    for name, (read, write) in FORMS.items():
        cells = [milliseconds(each) for grid in (history(rows), points(rows)) for each in _both(read, write, grid)]
        part.add(name, *cells)
    return part


def _both(read: Callable[[str], object], write: Callable[[Grid], str], grid: Grid) -> tuple[float, float]:
    text = write(grid)
    return _least(lambda: read(text)), _least(lambda: write(grid))


def _least(call: Callable[[], object]) -> float:
    found = []
    for _ in range(_TIMES):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return min(found)


if __name__ == "__main__":
    command("tests.benchmarks.haystack", __doc__, report, DOCS)
