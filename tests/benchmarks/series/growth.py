"""What a question about one series costs, the more readings there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from tests.benchmarks.exchange import Refused
from tests.benchmarks.processes import disk_bytes
from tests.benchmarks.report import Part, megabytes
from tests.benchmarks.series import ours
from tests.benchmarks.series.bench import Bench, forget, say, usual_way, write
from tests.benchmarks.series.data import STEPS_A_DAY, Block, DataSet, midnight
from tests.benchmarks.series.questions import measured
from tests.benchmarks.series.system import Kind, Question, System

STAGES, LONG = (10_000_000, 100_000_000), 1_000_000_000  # readings, at scale 1
_DAY = 86_400
_TEXT = """{points:,} points report for ever more days. One series, one day, raw, as above: the median (and the 95th
percentile) of {runs} runs, each of another series and another day of all there are. Disk is after compaction."""


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
    days = -(-wanted[-1] // (bench.points * STEPS_A_DAY))
    whole = DataSet("reading", bench.points, days, midnight(2023))
    blocks, readings, data = whole.blocks(days=1), 0, bench.folder / "growth"
    with kind.start(data) as system:
        system.prepare(whole)
        for stage in wanted:
            readings += _until(system, kind, blocks, stage - readings)
            system.flush()
            done = readings // (bench.points * STEPS_A_DAY)
            cell = measured(system, lambda n, days=done: _question(whole, n, days), bench.runs)  # type: ignore[misc]
            yield f"{readings:,}", f"{done:,}", str(cell), megabytes(disk_bytes(data))
        bench.note("growth", kind, system)


def _until(system: System, kind: Kind, blocks: Iterator[Block], readings: int) -> int:
    """Write blocks until there are so many readings more; returns how many."""
    written = 0
    while written < readings and (block := next(blocks, None)) is not None:
        written += write(system, usual_way(kind), chain([block])).readings
    return written


def _question(of: DataSet, run: int, days: int) -> Question:
    day = of.start + run * 7919 % days * _DAY
    return Question("raw", of, "series", run * 104_729 % of.points, day, day + _DAY)
