"""What an ingest is made of: which files, how each is read and sent, and what has been stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import typer

from ontologies.identity import parse_uuid
from server.cli.failure import Failure, say
from server.cli.output import print_json
from server.tables.errors import BadReadings
from server.tables.formats import TABLE_FORMATS, format_of_path
from server.tables.read import ReadingsSource, ReadOptions, open_readings

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Job:
    """All that the command line asked for."""

    files: Sequence[Path]
    options: ReadOptions
    names: Mapping[str, str]
    source: str | None
    unknown: str | None
    chunk_rows: int


@dataclass(slots=True)
class Tally:
    """What of a file is stored, and what was left out. `unknown` and `ignored` are the first ids of no point.

    `before` counts the readings that an earlier run has stored.
    """

    path: Path
    readings: int = 0
    before: int = 0
    missing: int = 0
    ambiguous_times: int = 0
    ids: set[str] = field(default_factory=set)
    unknown: dict[str, None] = field(default_factory=dict)
    ignored: dict[str, None] = field(default_factory=dict)
    ignored_readings: int = 0
    columns: list[str] = field(default_factory=list)

    def add(self, chunk: pa.Table, report: Mapping[str, Any]) -> None:
        """Note what a request stored."""
        self.readings += report["readings"]
        self.ids.update(str(name) for name in pc.unique(chunk.column("id")).to_pylist())
        self.unknown |= dict.fromkeys(report["unknown"]["ids"])
        self.ignored |= dict.fromkeys(report["ignored"]["ids"])
        self.ignored_readings += report["ignored"]["readings"]

    def series(self) -> set[tuple[str, str]]:
        """Return the series that got readings: a UUID is the same in every file, another id is the file's own."""
        return {("", name) if parse_uuid(name) else (self.path.name, name) for name in self.ids - self.ignored.keys()}

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "file": str(self.path),
            "readings": self.readings,
            "before": self.before,
            "points": len(self.series()),
            "missing": self.missing,
            "unknown": list(self.unknown),
            "ignored": {"ids": list(self.ignored), "readings": self.ignored_readings, "columns": self.columns},
        }


def expanded(paths: Sequence[Path]) -> list[Path]:
    """Return the files, those of a folder by name. Raises Failure for what is not there or has none."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Failure(f"{path} is not there")
        files += _inside(path) if path.is_dir() else [path]
    return files


def _inside(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and format_of_path(path))
    if not found:
        endings = " ".join(ending for known in TABLE_FORMATS.values() for ending in known.endings)
        raise Failure(f"{folder} has no file of readings", hint=f"endings: {endings}")
    return found


def opened(path: Path, options: ReadOptions) -> ReadingsSource:
    """Open a file of readings. Raises Failure where it cannot be read."""
    try:
        return open_readings(path, None, options)
    except OSError as error:
        raise Failure(error.strerror or str(error)) from None


@contextlib.contextmanager
def reading_errors() -> Iterator[None]:
    """Raise what is wrong with a table as a Failure that says where."""
    try:
        yield
    except BadReadings as error:
        line = f" (line {error.line})" if error.line is not None and f"line {error.line}" not in str(error) else ""
        raise Failure(f"{error}{line}", hint=_option_hint(error.hint)) from None


def _option_hint(hint: str) -> str:
    """Say `--id-column` where the tables, which know no command line, say `id_column`."""
    for name in ("id_column", "time_column", "value_column", "text_column", "status_column", "time_unit"):
        hint = hint.replace(name, f"--{name.replace('_', '-')}")
    return hint


def parameters(job: Job, path: Path, wide: bool) -> dict[str, str]:
    """Return the parameters of the requests for a file."""
    unknown = job.unknown or ("ignore" if wide else "accept")
    where = {"source": job.source} if job.source else {"file": path.name}
    return {**where, "unknown": unknown}


def said(tallies: Sequence[Tally]) -> list[str]:
    """Return what is stored, file by file, for an error that stops the rest."""
    stored = [f"{tally.readings:,} readings of {tally.path} are stored" for tally in tallies[:-1]]
    last = tallies[-1]
    rest = f"the first {last.readings:,} readings" if last.readings else "nothing"
    notes = [*stored, f"{rest} of {last.path} {'are' if last.readings else 'is'} stored"]
    return [*notes, "--resume passes over what is stored"] if stored or last.readings else notes


def show(tallies: Sequence[Tally], as_json: bool) -> None:
    """Print what was stored: a line a file, and the total."""
    total = {
        "readings": sum(tally.readings for tally in tallies),
        "points": len(set[tuple[str, str]]().union(*(tally.series() for tally in tallies))),
        "missing": sum(tally.missing for tally in tallies),
    }
    if as_json:
        print_json({"files": [tally.document() for tally in tallies], **total})
        return
    for tally in tallies:
        _show(tally)
    if len(tallies) > 1:
        typer.echo(f"total: {_counts(total)} in {len(tallies)} files")


def _show(tally: Tally) -> None:
    typer.echo(f"{tally.path}: {_counts(tally.document())}")
    if tally.before:
        say(f"  {tally.before:,} readings were stored by the run before")
    for names, what in (
        (list(tally.unknown), "ids that no point of the graph has, stored all the same"),
        (list(tally.ignored), "ids that no point of the graph has, left out"),
        (tally.columns, "columns not read"),
    ):
        if names:
            more = ", …" if len(names) > _SHOWN else ""
            say(f"  {what}: {', '.join(names[:_SHOWN])}{more}")
    if tally.ambiguous_times:
        say(f"  {tally.ambiguous_times:,} local times came twice as the clocks went back: taken as the earlier")
    if tally.readings == 0 and tally.ignored:
        say("  nothing fits: load the model first, name the --source, or store unknown ids with --unknown accept")


def _counts(counts: Mapping[str, Any]) -> str:
    return f"{counts['readings']:,} readings of {counts['points']:,} points, {counts['missing']:,} missing"
