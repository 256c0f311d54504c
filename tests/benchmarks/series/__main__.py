"""Measures Twinhouse beside InfluxDB, VictoriaMetrics and DuckDB: the same readings and questions, in one run.

    python -m tests.benchmarks.series --scale 1 --write-docs

The servers are started and ended here, each with a folder of its own, and asked over HTTP on loopback; DuckDB runs
in the process of the benchmark. `apt-get install influxdb victoria-metrics` brings the other servers; one that is
missing is left out. Prints Markdown on stdout, and what goes on on stderr.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.report import Part, machine, megabytes, wrapped, write_section
from tests.benchmarks.series import influx, victoria
from tests.benchmarks.series.bench import KINDS, Bench, say
from tests.benchmarks.series.growth import growth
from tests.benchmarks.series.ingest import ingest
from tests.benchmarks.series.questions import questions
from tests.benchmarks.series.system import Kind
from tests.benchmarks.series.writes import writes

TITLE = "## Readings, beside InfluxDB, VictoriaMetrics and DuckDB"
PARTS = {"ingest": ingest, "writes": writes, "questions": questions, "growth": growth}
LEAST_SCALE = 0.1  # for the documentation: less says little
_HEAD = """
`python -m tests.benchmarks.series` starts `twinhouse serve`{others}, gives all the same readings, and asks all
the same over HTTP on loopback. DuckDB {duckdb} has them in its own table, in the process of the benchmark, without
HTTP: what it does is a bound, not a rival. Each point reports every 5 minutes: temperatures to 0.1 K, humidities to
1 %, integers, and 0 or 1, all random walks."""
_SETTINGS = """
Settings are the defaults, but for these: Twinhouse takes larger bodies; InfluxDB does not keep statistics of itself
or a log of requests; VictoriaMetrics keeps readings for 100 years instead of a month."""
_MACHINE = """
Machine: {machine}. The servers and what sends the requests share the cores, with whatever else runs: the load average
just before each part is named in it."""


def run(bench: Bench, only: Sequence[str], kept: Path | None = None) -> str:
    """Return the section of the documentation; of parts not asked for, what is `kept` of earlier runs."""
    parts = {name: path.read_text() for name in PARTS if kept and (path := kept / f"{name}.md").exists()}
    for name, part in PARTS.items():
        if name in only:
            parts[name] = _measured(bench, part)
            if kept:
                kept.mkdir(exist_ok=True)
                (kept / f"{name}.md").write_text(parts[name])
    head = _HEAD.format(others="".join(f", {each}" for each in _versions(bench.kinds)), duckdb=version("duckdb"))
    conditions = _MACHINE.format(machine=machine())
    texts = (TITLE, "", wrapped(head), "", wrapped(_SETTINGS), "", wrapped(conditions), "")
    return "\n".join((*texts, *(parts[name] for name in PARTS if name in parts)))


def _measured(bench: Bench, measure: Callable[[Bench], Part]) -> str:
    load = os.getloadavg()[0]
    part = measure(bench)
    part.text += f" Load average before: {load:.1f}."
    return "\n".join((part.markdown(), *_memory(bench, part.title)))


def _versions(kinds: Sequence[Kind]) -> list[str]:
    """Return the other servers with their versions, as Debian has them."""
    packages = {influx.KIND: "influxdb", victoria.KIND: "victoria-metrics"}
    return [f"{kind.name} ({_version(packages[kind])})" for kind in kinds if kind in packages]


def _version(package: str) -> str:
    command = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "version unknown"


def _memory(bench: Bench, title: str) -> list[str]:
    """Return what the servers took in a part that reads, at most: resident, all processes of one together."""
    peaks = {name: size for (part, name), size in bench.peaks.items() if part == title.lower()}
    said = ", ".join(f"{name} {megabytes(size)}" for name, size in peaks.items())
    return [f"Memory meanwhile, at most: {said}.\n"] if said else []


def present(names: Sequence[str]) -> list[Kind]:
    """Return the systems that are there, Twinhouse first; says which are missing."""
    kinds = [kind for kind in KINDS if kind.name.partition(",")[0].lower() in ("twinhouse", *names)]
    for kind in kinds:
        if kind.command and shutil.which(kind.command) is None:
            say(f"{kind.command} is missing, so {kind.name} is left out: apt-get install influxdb victoria-metrics")
    return [kind for kind in kinds if not kind.command or shutil.which(kind.command)]


def main() -> None:
    """Run by name."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.series",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    systems = [kind.name.partition(",")[0].lower() for kind in KINDS]
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 10,000 points; fewer are quicker (1)")
    parser.add_argument("--runs", type=int, default=20, help="how often each question is asked (20)")
    parser.add_argument("--only", type=_of(PARTS), default=tuple(PARTS), help=f"parts to run, of {','.join(PARTS)}")
    parser.add_argument("--systems", type=_of(systems), default=systems, help=f"of {','.join(systems)}; ours always")
    parser.add_argument("--long", action="store_true", help="let Twinhouse grow to a billion readings (times scale)")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made: on the disk to be measured")
    parser.add_argument(
        "--keep", type=Path, help="a folder for the stores and what was measured: further runs go on there"
    )
    parser.add_argument(
        "--fill", action="store_true", help="fill the stores that the questions ask, and no more (--keep)"
    )
    parser.add_argument("--out", type=Path, help="a file to write the report to, besides")
    parser.add_argument("--write-docs", action="store_true", help="put it into docs/benchmarks.md")
    asked = parser.parse_args()
    if asked.fill and not asked.keep:
        parser.error("--fill wants a folder to --keep them in")
    if asked.write_docs and asked.scale < LEAST_SCALE:
        parser.error(f"--write-docs wants a --scale of {LEAST_SCALE} at least")
    with _folder(asked.keep, asked.folder) as folder:
        stores = folder / f"scale-{asked.scale:g}"
        stores.mkdir(parents=True, exist_ok=True)
        bench = Bench(stores, present(asked.systems), asked.scale, asked.runs, asked.long)
        if asked.fill:
            for kind in reversed(bench.kinds):
                bench.fill(kind)
            return
        report = run(bench, asked.only, asked.keep / "parts" if asked.keep else None)
    print(report)
    if asked.out:
        asked.out.write_text(report)
    if asked.write_docs:
        write_section(report)
        say("written to docs/benchmarks.md")


@contextmanager
def _folder(kept: Path | None, parent: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(dir=parent, prefix="series-benchmark-") as folder:
        yield Path(folder)


def _of(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if unknown := set(found) - set(known):
            raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}; choose of {','.join(known)}")
        return found

    return names


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends too
    main()
