"""Measures Twinhouse beside Oxigraph's own server: both over HTTP on loopback, with the same data, in one run.

    python -m tests.benchmarks.sparql --scale 10 --write-docs

Both servers are started and ended here. `oxigraph` is taken from PATH, or installed from PyPI into the temporary
folder. Prints Markdown on stdout, and what goes on on stderr.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.report import Part, machine, megabytes, wrapped, write_section
from tests.benchmarks.sparql.bench import Bench, say
from tests.benchmarks.sparql.loading import loading
from tests.benchmarks.sparql.lookups import lookups
from tests.benchmarks.sparql.native import Native, find_native
from tests.benchmarks.sparql.questions import questions
from tests.benchmarks.sparql.results import results
from tests.benchmarks.sparql.updates import updates

TITLE = "## SPARQL, beside Oxigraph's own server"
PARTS = {"load": loading, "questions": questions, "lookups": lookups, "results": results, "updates": updates}
_HEAD = """
`python -m tests.benchmarks.sparql` starts `twinhouse serve` and `oxigraph serve --union-default-graph`, the server
that Oxigraph's project publishes ({version}), gives both the same data, asks both the same over HTTP on loopback, and
writes this section (`--write-docs`). Ratios are Twinhouse's figure over Oxigraph's: of times less is better, of rates
more. The campus has {triples:,} triples in {buildings:,} graphs (a building each), besides Brick in its own. All
settings are the defaults, but for the largest body."""
_MACHINE = """
Machine: {machine}. Load average just before the run: {load:.1f}. The run took {minutes:.0f} minutes; the servers,
what sends the requests and whatever else ran share the cores."""


def run(folder: Path, native: Native, scale: float, seconds: float, only: Sequence[str]) -> str:
    """Return the section of the documentation."""
    bench = Bench(folder, native, round(scale * 1_000_000), seconds)
    began, load = time.monotonic(), os.getloadavg()[0]
    parts = [part(bench).markdown() for name, part in PARTS.items() if name in only]
    minutes, whole = (time.monotonic() - began) / 60, bench.campus()
    head = _HEAD.format(version=native.version, triples=whole.triples, buildings=whole.buildings)
    conditions = _MACHINE.format(machine=machine(), load=load, minutes=minutes)
    return "\n".join((TITLE, "", wrapped(head), "", wrapped(conditions), "", *parts, *_memory(bench)))


def _memory(bench: Bench) -> list[str]:
    """Return a table of what the servers took in the parts that read."""
    part = Part(
        "Memory",
        ("part", "Twinhouse", "Oxigraph"),
        "The most resident memory of all processes of a server together; what they share counts once for each.",
    )
    for name, (ours, theirs) in bench.peaks.by_part.items():
        part.add(name, megabytes(ours), megabytes(theirs))
    return [part.markdown()] if part.rows else []


def main() -> None:
    """Run by name."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sparql",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scale", type=float, default=10.0, help="millions of triples in the campus (10)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long requests are sent for one figure (5)")
    parser.add_argument("--only", type=_names, default=tuple(PARTS), help=f"parts to run, of {','.join(PARTS)}")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made: on the disk to be measured")
    parser.add_argument("--out", type=Path, help="a file to write the report to, besides")
    parser.add_argument("--write-docs", action="store_true", help="put it into docs/benchmarks.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="sparql-benchmark-") as folder:
        report = run(Path(folder), find_native(Path(folder)), asked.scale, asked.seconds, asked.only)
    print(report)
    if asked.out:
        asked.out.write_text(report)
    if asked.write_docs:
        write_section(report)
        say("written to docs/benchmarks.md")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(PARTS):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}; choose of {','.join(PARTS)}")
    return names


if __name__ == "__main__":
    main()
