"""What a question about one series costs, the more readings there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.exchange import Refused
from tests.benchmarks.processes import disk_bytes, settle
from tests.benchmarks.report import Part, megabytes
from tests.benchmarks.series import ours
from tests.benchmarks.series.bench import Bench, forget, say, usual_way, write
from tests.benchmarks.series.data import STEPS_A_DAY, DataSet, midnight
from tests.benchmarks.series.offline import fill
from tests.benchmarks.series.questions import measured
from tests.benchmarks.series.system import Kind, Question, System

FILE = 4_000_000  # readings, as a segment of ours has
STAGES, LONG = (10_000_000, 100_000_000), 1_000_000_000  # readings, at scale 1
_DAY = 86_400
_TEXT = """{points:,} points report for ever more days. One series, one day, raw, as above: the median (and the 95th
percentile) of {runs} runs, each of another series and another day of all there are. Disk is after compaction; the
files of Twinhouse are written without its server, by its own code, and have no rollups yet."""


def growth(bench: Bench) -> Part:
    """Fill fresh stores, and ask at each stage."""
    text = _TEXT.format(points=bench.points, runs=bench.runs)
    part = Part("Growth", ("system", "readings", "days", "one series, one day", "disk"), text)
    for kind in bench.kinds:
        say(f"growth: {kind.name}")
        try:
            for row in _stages(bench, kind):
                part.add(kind.name, *row)
        except Refused as failure:
            part.add(kind.name, "", "", f"failed: {str(failure)[:80]}", "")
        forget(bench.folder / "growth")
    return part


def _stages(bench: Bench, kind: Kind) -> Iterator[tuple[str, ...]]:
    wanted = [round(stage * bench.scale) for stage in STAGES]
    if bench.long and kind is ours.KIND:
        wanted.append(round(LONG * bench.scale))
    a_day = bench.points * STEPS_A_DAY
    whole = DataSet("reading", bench.points, -(-wanted[-1] // a_day), midnight(2023))
    done = 0
    for stage in wanted:
        days = -(-stage // a_day)
        data = bench.folder / (f"growth-{days}" if kind is ours.KIND else "growth")
        with (
            _written(kind, data, whole, days)
            if kind is ours.KIND
            else _grown(kind, data, whole, done, days) as system
        ):
            done = days
            cell = measured(system, lambda n, days=days: _question(whole, n, days), bench.runs)  # type: ignore[misc]
            yield f"{days * a_day:,}", f"{days:,}", str(cell), megabytes(disk_bytes(data))
            bench.note("growth", kind, system)


@contextmanager
def _written(kind: Kind, data: Path, whole: DataSet, days: int) -> Iterator[System]:
    """Run ours with so many days that were put there without it, unless they are there already."""
    done = data.with_suffix(".whole")
    if not done.exists():
        forget(data)
        with kind.start(data) as system:
            system.prepare(whole)
        fill(data, whole.blocks(max(1, FILE // (whole.points * STEPS_A_DAY)), 0, days))
        done.touch()
    with kind.start(data) as system:
        settle(system.pid)
        yield system


@contextmanager
def _grown(kind: Kind, data: Path, whole: DataSet, first: int, last: int) -> Iterator[System]:
    """Run a system with the days until `last`; those until `first` are there."""
    with kind.start(data) as system:
        if not first:
            system.prepare(whole)
        write(system, usual_way(kind), whole.blocks(1, first, last))
        system.flush()
        yield system


def _question(of: DataSet, run: int, days: int) -> Question:
    day = of.start + run * 7919 % days * _DAY
    return Question("raw", of, "series", run * 104_729 % of.points, day, day + _DAY)
