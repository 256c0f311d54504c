"""CSV as Haystack writes it (Project Haystack 4.0, chapter Csv; RFC 4180), in and out.

The standard's CSV is for spreadsheets and tells no kinds. What is written here is read back as it was: a string that
looks like another kind is in quotes, and a cell in quotes is a string unless it must be in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ontologies.errors import FormatError
from ontologies.haystack.kinds import MARKER, Column, Dict, Grid, Ref, Value
from ontologies.haystack.scalars import NAME, REF_ID, SCALAR
from ontologies.haystack.zinc import read_value
from ontologies.haystack.zinc_text import value_text

_CHECK = "✓"
_CELL = re.compile(r'"((?:[^"]++|"")*+)"(,|\n|\Z)|([^",\n]*+)(,|\n|\Z)')
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
    columns = _columns([cell for cell, _ in head[1]])
    rows: list[Dict] = []
    for number, cells in lines:
        if len(cells) != len(columns):
            raise FormatError(f"{len(columns)} cells expected, not {len(cells)}", line=number, column=1)
        pairs = zip(columns, cells, strict=True)
        row = {column.name: _value(cell, quoted, number) for column, (cell, quoted) in pairs if cell or quoted}
        rows.append({name: value for name, value in row.items() if value is not None})
    return Grid(columns, rows)


def write_csv(grid: Grid) -> Iterator[str]:
    """Yield a table line by line: the names of the columns, then the rows."""
    names = [column.name for column in grid.columns]
    yield ",".join(names) + "\r\n"
    for row in grid.rows:
        cells = [_text(row[name]) if name in row else "" for name in names]
        yield (",".join(cells) or '""') + "\r\n"


def _records(text: str) -> Iterator[tuple[int, list[tuple[str, bool]]]]:
    at, line = 0, 1
    cells: list[tuple[str, bool]] = []
    while at < len(text):
        found = _CELL.match(text, at)
        if found is None:
            raise FormatError("a quote is never closed, or text follows one", line=line, column=1)
        quoted = found[1] is not None
        cells.append((found[1].replace('""', '"') if quoted else found[3], quoted))
        at = found.end()
        if (found[2] or found[4]) == ",":
            if at == len(text):
                cells.append(("", False))
            else:
                continue
        if cells != [("", False)]:
            yield line, cells
        line += text.count("\n", found.start(), at)
        cells = []


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


def _value(cell: str, quoted: bool, line: int) -> Value:
    if quoted and not (_NEEDS_QUOTES.search(cell) and (_ZINC_IN_QUOTES.match(cell) or cell.startswith("@"))):
        return cell
    if cell == _CHECK:
        return MARKER
    if cell.startswith("@"):
        return _ref(cell, line)
    if cell in ("true", "false"):
        return cell == "true"
    return _zinc(cell) if _TYPED.match(cell) else cell


def _zinc(cell: str) -> Value:
    if SCALAR.fullmatch(cell) is None and cell[:1] not in "[{<":
        return cell
    try:
        return read_value(cell)
    except FormatError:  # a table tells no kinds: what is no value is a string
        return cell


def _ref(cell: str, line: int) -> Ref:
    name, _, dis = cell[1:].partition(" ")
    if REF_ID.fullmatch(name) is None:
        raise FormatError(f"{name!r} is no id of a ref", line=line, column=1)
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
