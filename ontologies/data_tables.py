"""Tables that people read and extend: CSV with a line of column names, and comments that begin with ``#``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from ontologies.errors import TableError


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield each row by column name, without the spaces around its cells.

    Raises `TableError`, which names file and line, where a column is missing or a row is too long or too short.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(file, path.name, columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(str(error), file=path.name) from error


def _rows(lines: Iterator[str], name: str, columns: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    header: list[str] | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if header is None:
            header = cells
            missing = [column for column in columns if column not in header]
            if missing:
                raise TableError(f"no column {missing[0]!r}", file=name, line=number)
        elif len(cells) != len(header):
            raise TableError(f"{len(header)} cells expected, not {len(cells)}", file=name, line=number)
        else:
            yield dict(zip(header, cells, strict=True))
    if header is None:
        raise TableError("no line of column names", file=name)
