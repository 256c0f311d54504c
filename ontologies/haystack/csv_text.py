"""CSV as Haystack writes it (Project Haystack 4.0, chapter Csv; RFC 4180), in and out.

The standard's CSV is for spreadsheets and tells no kinds. What is written here is read back as it was: a string that
looks like another kind is in quotes, and a cell in quotes is a string unless it must be in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ontologies.errors import FormatError
from ontologies.haystack.kinds import MARKER, Column, Dict, Grid, Ref, Value
from ontologies.haystack.scalars import NAME, REF_ID, Remembered, scalar
from ontologies.haystack.zinc import read_value
from ontologies.haystack.zinc_text import value_text

_CHECK = "✓"
_CELL = re.compile(r'("(?:[^"]++|"")*+"|[^",\n]*+)(,|\n|\Z)')
# A line of which each cell is without commas, and all or none of it in quotes.
_EASY = re.compile(r'(?:"[^",\n]*+"|[^",\n]*+)(?:,(?:"[^",\n]*+"|[^",\n]*+))*+(?=\n|\Z)')
_NEEDS_QUOTES = re.compile(r'[,"\n\r]')
_TYPED = re.compile(r"[-@`^\d]|(?:true|false|[TFMNR]|NA|NaN|INF)\Z|[A-Z]\w*\(.*\)\Z|[\[{]|<<")
_ZINC_IN_QUOTES = re.compile(r"(?:C\([-\d.,eE ]+\)|\[.*\]|\{.*\}|<<\n.*>>|[A-Z]\w*\(\".*\"\))\Z", re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9]+")


def read_csv(text: str) -> Grid:
    """Read a table whose first line names its columns. Raises FormatError with line and column."""
    lines = _records(text.replace("\r\n", "\n"))
    head = next(lines, None)
    if head is None:
        raise FormatError("the table is empty: its first line names the columns", line=1)
    columns = _columns([_unquoted(cell) for cell in head[1]])
    names = [column.name for column in columns]
    known = Remembered(_value)
    rows: list[Dict] = []
    for number, cells in lines:
        if len(cells) != len(names):
            raise FormatError(f"{len(names)} cells expected, not {len(cells)}", line=number, column=1)
        try:
            row = {name: known[cell] for name, cell in zip(names, cells, strict=True) if cell}
        except ValueError as error:
            raise FormatError(str(error), line=number, column=1) from None
        rows.append({name: value for name, value in row.items() if value is not None} if known.nulls else row)
    return Grid(columns, rows)


def write_csv(grid: Grid) -> Iterator[str]:
    """Yield a table line by line: the names of the columns, then the rows."""
    names = [column.name for column in grid.columns]
    yield ",".join(names) + "\r\n"
    for row in grid.rows:
        cells = [_text(row[name]) if name in row else "" for name in names]
        yield (",".join(cells) or '""') + "\r\n"


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each record, as they are written, and the number of its line."""
    at, line = 0, 1
    while at < len(text):
        if found := _EASY.match(text, at):
            cells, after = found[0].split(","), found.end() + 1
        else:
            cells, after = _cells(text, at, line)
        if cells != [""]:
            yield line, cells
        line += text.count("\n", at, after)
        at = after


def _cells(text: str, at: int, line: int) -> tuple[list[str], int]:
    """Return the cells of a record that has commas or lines inside of quotes, and where the next record begins."""
    cells: list[str] = []
    while True:
        found = _CELL.match(text, at)
        if found is None:
            raise FormatError("a quote is never closed, or text follows one", line=line, column=1)
        cells.append(found[1])
        at = found.end()
        if found[2] != ",":
            return cells, at


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell[:1] == '"' else cell


def _columns(cells: list[str]) -> list[Column]:
    columns: list[Column] = []
    for cell in cells:
        name = cell if NAME.fullmatch(cell) else _tag_name(cell)
        if not name:
            raise FormatError(f"{cell!r} names no column", line=1)
        if any(column.name == name for column in columns):
            raise FormatError(f"there are two columns {name}", line=1)
        columns.append(Column(name, {} if name == cell else {"dis": cell}))
    return columns


def _tag_name(text: str) -> str:
    """Return a name to show as one of a tag: ``Zone Temp`` is ``zoneTemp``."""
    words = _WORD.findall(text)
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    name = joined[:1].lower() + joined[1:]
    return name if NAME.fullmatch(name) else f"v{name}" if name else ""


def _value(written: str) -> Value:
    """Return what a cell holds. Raises ValueError."""
    cell = _unquoted(written)
    if cell is not written and not (
        _NEEDS_QUOTES.search(cell) and (_ZINC_IN_QUOTES.match(cell) or cell.startswith("@"))
    ):
        return cell
    if cell == _CHECK:
        return MARKER
    if cell.startswith("@"):
        return _ref(cell)
    if cell in ("true", "false"):
        return cell == "true"
    return _zinc(cell) if _TYPED.match(cell) else cell


def _zinc(cell: str) -> Value:
    """Return a value; a table tells no kinds, so what is none is a string."""
    try:
        return read_value(cell) if cell[0] in "[{<" else scalar(cell)
    except (FormatError, ValueError):
        return cell


def _ref(cell: str) -> Ref:
    name, _, dis = cell[1:].partition(" ")
    if REF_ID.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no id of a ref")
    return Ref(name, dis or None)


def _text(value: Value) -> str:
    if isinstance(value, str):
        return _quoted(value) if not value or _NEEDS_QUOTES.search(value) or _looks_typed(value) else value
    text = _cell(value)
    return _quoted(text) if _NEEDS_QUOTES.search(text) else text


def _cell(value: Value) -> str:
    if value is MARKER:
        return _CHECK
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Ref):
        return f"@{value.id}" if value.dis is None else f"@{value.id} {value.dis}"
    return value_text(value)


def _looks_typed(text: str) -> bool:
    return text == _CHECK or _TYPED.match(text) is not None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
