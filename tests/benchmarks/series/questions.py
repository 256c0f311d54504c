"""What people ask of readings. All systems must give the same."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.exchange import Refused
from tests.benchmarks.report import Part, milliseconds, ratio
from tests.benchmarks.series import duck, influx, ours, victoria
from tests.benchmarks.series.bench import Bench, say
from tests.benchmarks.series.data import BOX, FLOOR, DataSet
from tests.benchmarks.series.system import Found, Kind, Question, Reply, System

_DAY = 86_400
_ENOUGH = 30.0  # seconds for one cell, after which no further run begins
_FEWEST = 3
_TEXT = """{readings:,} readings of {points:,} points for {days} days; one question is about {year_points:,} further
points that have a year. Over HTTP on one connection that stays open, to the last byte of the answer; DuckDB
in process, to an Arrow table. Each is the median of {runs} runs after one to warm up, and in brackets the
95th percentile; each run asks of other series and another day where there are some. Twinhouse finds the
points by SPARQL and answers in Arrow or JSON, InfluxDB is asked in InfluxQL and VictoriaMetrics in
MetricsQL, or `/api/v1/export` for raw readings; both answer in JSON. VictoriaMetrics' cache of answers is
left out (`nocache`). Answers were compared in each run: as many values, with the same sum. Ratios are those
of Twinhouse's times in Arrow: less than 1 is faster."""


def asked(bench: Bench) -> dict[str, Callable[[int], Question]]:
    """Return the questions of a run by its number."""
    month, year = bench.month, bench.year

    def day(run: int, days: int = 1) -> tuple[int, int]:
        start = month.start + run * 7 % (month.days - days + 1) * _DAY
        return start, start + days * _DAY

    def place(of: DataSet, size: int, run: int) -> int:
        """Return the first point of some group of so many."""
        return run * 13 % max(1, of.points // size) * size

    whole = (month.start, month.end)
    floor = f"{min(FLOOR, month.points):,} series"
    return {
        "one series, one day, raw": lambda n: Question("raw", month, "series", place(month, 1, n), *day(n)),
        f"{min(BOX, month.points)} series, one week, hourly mean": lambda n: Question(
            "mean", month, "box", place(month, BOX, n), *day(n, 7), 3600
        ),
        f"{floor}, 30 days, daily mean": lambda n: Question("mean", month, "floor", place(month, FLOOR, n), *whole),
        f"{floor}, latest": lambda n: Question("latest", month, "floor", place(month, FLOOR, n), *whole),
        f"all {month.points:,} series, one day, mean of each": lambda n: Question("mean", month, "all", 0, *day(n)),
        "the same, count of each": lambda n: Question("count", month, "all", 0, *day(n)),
        "one series, one year, daily mean": lambda n: Question(
            "mean", year, "series", place(year, 1, n), year.start, year.end
        ),
    }


@dataclass(slots=True)
class Cell:
    """What one system said to one question, run by run, or why not."""

    seconds: list[float] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    failure: str = ""

    def __str__(self) -> str:
        if self.failure:
            return f"failed: {self.failure[:80]}"
        return f"{milliseconds(self.median)} ({milliseconds(self.p95)})"

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) if self.seconds and not self.failure else 0.0

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[math.ceil(len(self.seconds) * 0.95) - 1]


Column = tuple[str, Kind, str]  # title, system, form of the answer


def questions(bench: Bench) -> Part:
    """Ask every question of every system."""
    columns = _columns(bench)
    rivals = [kind for kind in (influx.KIND, victoria.KIND, duck.KIND) if kind in bench.kinds]
    head = ("question", "values", *(title for title, _, _ in columns), *(f"/ {kind.name}" for kind in rivals))
    part = Part("Questions", head, _text(bench))
    with bench.all() as systems:
        for title, question in asked(bench).items():
            say(title)
            cells = {column: measured(systems[column[1]], question, bench.runs, column[2]) for column in columns}
            compare(title, {column[0]: cell for column, cell in cells.items()})
            mine = next(cell for column, cell in cells.items() if column[1] is ours.KIND)
            others = {column[1]: cell for column, cell in cells.items()}
            ratios = [ratio(mine.median, others[kind].median) if mine.median else "" for kind in rivals]
            values = f"{mine.found[0].rows:,}" if mine.found else ""
            part.add(title, values, *map(str, cells.values()), *ratios)
        for kind, system in systems.items():
            bench.note("questions", kind, system)
    return part


def _text(bench: Bench) -> str:
    month = bench.month
    size = {"readings": month.readings, "points": month.points, "days": month.days, "year_points": bench.year.points}
    return _TEXT.format(**size, runs=bench.runs)


def _columns(bench: Bench) -> list[Column]:
    forms = {"Twinhouse, Arrow": "", "Twinhouse, JSON": ours.JSON}
    mine: list[Column] = [(title, ours.KIND, form) for title, form in forms.items()]
    return mine + [(kind.name, kind, "") for kind in bench.kinds if kind is not ours.KIND]


def measured(system: System, question: Callable[[int], Question], runs: int, form: str = "") -> Cell:
    """Ask once to warm up, then so many times."""
    cell = Cell()
    try:
        for run in range(runs + 1):
            reply: Reply = system.ask(question(run), form)
            cell.found.append(reply.read())
            if run:
                cell.seconds.append(reply.seconds)
            if run >= _FEWEST and sum(cell.seconds) > _ENOUGH:
                break
    except Refused as failure:
        cell.failure = str(failure)
    return cell


def compare(title: str, cells: dict[str, Cell]) -> None:
    """Raise AssertionError where two systems found something else, or nothing."""
    (first, found), *others = ((name, cell.found) for name, cell in cells.items() if not cell.failure)
    assert all(each.rows for each in found), f"{title}: {first} found nothing"
    for name, other in others:
        for run, (mine, theirs) in enumerate(zip(found, other, strict=False)):
            same = mine.rows == theirs.rows and math.isclose(mine.total, theirs.total, rel_tol=1e-9)
            assert same, f"{title}, run {run}: {first} found {mine}, {name} {theirs}"
