"""How fast readings come in, and what they take on disk."""

from __future__ import annotations

import time

from tests.benchmarks.exchange import Refused
from tests.benchmarks.processes import disk_bytes
from tests.benchmarks.report import Part, milliseconds
from tests.benchmarks.series.bench import WAYS, Bench, Way, forget, say, usual_way, write
from tests.benchmarks.series.bodies import ARROW_READINGS, LINES

_HEAD = ("system", "form", "readings a second", "CPU a million", "compaction", "bytes a reading", "memory", "durable")
_TEXT = """{readings:,} readings ({points:,} points, {days} days) in the order in which they happen, all points every
five minutes; bodies of about {arrow:,} readings (Arrow), a block of whole days (Parquet) or {lines:,}
(text), made before the clock starts. Four clients send them over HTTP; DuckDB gets its from the process
that it runs in. "CPU" is that of the server. "Durable" is what the answer to a write means, as the makers
ship it. "Compaction" is what it takes then to make the files as they are to stay: {ways}. "Bytes" are those
on disk after it and a restart, a reading, beyond the folder without readings."""
_COMPACTION = """Twinhouse's `POST /seal`; InfluxDB has no request for it, so a backup, which writes its cache,
and a restart with shards cold after 1 s, which merges them; VictoriaMetrics' `force_flush` and `force_merge`;
DuckDB's `CHECKPOINT`"""


def ingest(bench: Bench) -> Part:
    """Write the month to each system, each way that it offers."""
    month = bench.month
    size = {"readings": month.readings, "points": month.points, "days": month.days}
    text = _TEXT.format(**size, arrow=ARROW_READINGS, lines=LINES, ways=_COMPACTION)
    part = Part("Ingest", _HEAD, text)
    for way in WAYS:
        if way.kind in bench.kinds:
            say(f"ingest: {way.kind.name}, {way.title}")
            try:
                part.add(way.kind.name, way.title, *_measured(bench, way), way.kind.durable)
                say(" | ".join(part.rows[-1]))
            except Refused as failure:
                part.add(way.kind.name, way.title, f"failed: {str(failure)[:80]}", "", "", "", "", "")
    return part


def _measured(bench: Bench, way: Way) -> tuple[str, ...]:
    kept = way is usual_way(way.kind)
    data = bench.begin(way.kind) if kept else bench.folder / "other"
    try:
        with way.kind.start(data) as system:
            system.prepare(bench.month, bench.year)
            empty = disk_bytes(data)
            written = write(system, way, bench.month.blocks())
            memory = system.memory.take() if system.memory else 0
            began = time.perf_counter()
            system.flush()
            compaction = time.perf_counter() - began
        with way.kind.start(data) as system:
            size = (disk_bytes(data) - empty) / written.readings
            if kept:
                bench.complete(way.kind, system)
    except Refused:
        forget(data)
        raise
    if not kept:
        forget(data)
    rate = f"{written.readings / written.seconds:,.0f}"
    busy = f"{written.busy / written.readings * 1e6:,.2f} s"
    shown = f"{memory / 1e6:,.0f} MB" if memory else "-"
    return rate, busy, milliseconds(compaction), f"{size:.2f}", shown
