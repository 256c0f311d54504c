"""Where answers go: to a file, whole or not at all, or to stdout as they come."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import typer

from server.cli.failure import Failure

MOST_SHOWN = 1_000  # rows of a table for a person
_ENDLESS = 10_000
_BINARY = ("arrow", "parquet")
_ENDINGS = {
    "tsv": "tsv",
    "srj": "json",
    "srx": "xml",
    "ttl": "turtle",
    "nt": "ntriples",
    "rdf": "rdfxml",
    "trig": "trig",
    "nq": "nquads",
    "jsonl": "ndjson",
    "pq": "parquet",
    "arrows": "arrow",
    "feather": "arrow",
}


def format_of(given: str | None, output: Path | None) -> str | None:
    """Return the format as given, or as the file's ending tells; None when nothing tells."""
    if given is not None or output is None:
        return given
    ending = output.suffix.lower().removeprefix(".")
    return _ENDINGS.get(ending, ending or None)


def table_format_of(given: str | None, output: Path | None, otherwise: str = "csv") -> str:
    """Return the format as `format_of` does; else a table for a person, and for a program what it is `otherwise`.

    Raises a usage error before bytes reach a terminal.
    """
    for_person = output is None and sys.stdout.isatty()
    chosen = format_of(given, output) or ("table" if for_person else otherwise)
    if for_person and chosen in _BINARY:
        raise typer.BadParameter(f"{chosen} is no text: write it to a file with -o FILE, or into a pipe")
    return chosen


def write(chunks: Iterable[bytes], output: Path | None, end: bytes = b"") -> None:
    """Write an answer, and `end` where it ends in something else."""
    last = end
    with written(output) as sink:
        for chunk in chunks:
            sink.write(chunk)
            last = chunk
        if not last.endswith(end):
            sink.write(end)


@contextlib.contextmanager
def written(output: Path | None) -> Iterator[IO[bytes]]:
    """Lend what a file is written through, which then is there whole or not at all; None is stdout."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    temporary = output.with_name(f".{output.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(output)
    except OSError as error:
        raise Failure(f"{output}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def print_json(document: Any) -> None:  # noqa: ANN401 - JSON
    """Print a document."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], numbers: Iterable[str] = ()) -> None:
    """Print rows under a heading; columns of `numbers` are set flush right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names, right = list(columns), set(numbers)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    # Only a terminal has a width: what goes into a pipe is never cut.
    width = None if sys.stdout.isatty() else _ENDLESS
    Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False).print(table)


def _cell(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)
