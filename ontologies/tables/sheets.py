"""Tables as people send them: CSV with any usual separator and encoding, or the sheets of an Excel workbook."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ontologies.errors import FormatError

ZIP = b"PK\x03\x04"
_SEPARATORS = ";\t,|"
_LOOKED_AT = 40  # rows in which the header is looked for, and the separator judged by


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells without spaces around them, and its number in the file, from 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its header: the columns' names, made different where two are the same, and the rows below."""

    name: str
    header: Row
    rows: tuple[Row, ...]

    def column(self, at: int) -> list[str]:
        """Return the cells of a column that are not empty."""
        return [row.cells[at] for row in self.rows if at < len(row.cells) and row.cells[at]]


def read_csv(text: str, separator: str | None = None) -> Sheet:
    """Read one table from CSV (RFC 4180). Raises FormatError, with the line, where there is none."""
    chosen = separator or separator_of(text)
    rows = []
    reader = csv.reader(io.StringIO(text), delimiter=chosen)
    try:
        for cells in reader:
            rows.append(Row(reader.line_num, tuple(cell.strip() for cell in cells)))
    except csv.Error as error:
        raise FormatError(f"line {reader.line_num}: {error}", line=reader.line_num) from None
    if rows and any("\n" in cell for cell in rows[-1].cells):
        _check_last_quote(text, chosen)
    return _with_header("", rows)


def _check_last_quote(text: str, separator: str) -> None:
    """Refuse a table whose last quote is never closed, so that all the rest of the file is one cell."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    began = 1
    try:
        for _ in reader:
            began = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise FormatError(f"line {began}: a quote begins here and is never closed", line=began) from None


def decode(document: bytes) -> str:
    """Return the text of a CSV file: UTF-8, UTF-16 with a byte order mark, or else Windows-1252, as Excel writes."""
    if document.startswith((b"\xff\xfe", b"\xfe\xff")):
        return document.decode("utf-16")
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError:
        return document.decode("cp1252", errors="replace")


def separator_of(text: str) -> str:
    """Return the separator that gives the first rows the same number of cells, and the most of them."""
    lines = [line for line in islice(text.splitlines(), _LOOKED_AT) if line.strip()]

    def score(separator: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=separator) if len(row) > 1)
        width, times = widths.most_common(1)[0] if widths else (1, 0)
        return times, width

    return max(_SEPARATORS, key=score)


def read_workbook(
    document: bytes, wanted: str | None = None, skipped: dict[str, str] | None = None
) -> Iterator[Sheet]:
    """Yield the sheets of an Excel workbook that hold a table, or the wanted one. Raises FormatError.

    With ``skipped`` a sheet that holds none is told there by name, and passed over.
    """
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(document), read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever the broken part raises
        raise FormatError(f"not an Excel workbook: {error}") from None
    if wanted is not None and wanted not in book.sheetnames:
        raise FormatError(f"no sheet {wanted!r}; there are {', '.join(book.sheetnames)}")
    for sheet in book.worksheets:
        if wanted in (None, sheet.title):
            cells = enumerate(sheet.iter_rows(values_only=True), 1)
            rows = [Row(number, tuple(_shown(cell) for cell in row)) for number, row in cells]
            if any(any(row.cells) for row in rows):
                try:
                    found = _with_header(sheet.title, rows)
                except FormatError as error:
                    if skipped is None:
                        raise
                    skipped[sheet.title] = str(error)
                else:
                    yield found


def _shown(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


def _with_header(name: str, rows: Sequence[Row]) -> Sheet:
    """Take the first row that is as wide as most, and has a text in each of its cells, as the header."""
    filled = [row for row in rows if any(row.cells)]
    widths = Counter(sum(map(bool, row.cells)) for row in filled[:_LOOKED_AT])
    if not filled or max(widths) < 2:
        raise FormatError(f"{name or 'the file'} is no table: no row has two cells", line=1)
    lengths = Counter(len(row.cells) for row in filled[:_LOOKED_AT])
    usual = max(lengths, key=lambda length: (lengths[length], length))
    header = next(
        (row for row in filled[:_LOOKED_AT] if 2 * sum(map(bool, row.cells)) > usual and not _is_number(row)),
        filled[0],
    )
    rest = tuple(row for row in filled if row.number > header.number)
    return Sheet(name, Row(header.number, _distinct(header.cells)), rest)


def _is_number(row: Row) -> bool:
    return all(cell.replace(".", "").replace("-", "").isdecimal() for cell in row.cells if cell)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    made = []
    for at, name in enumerate(names, 1):
        shown = name or f"column {at}"
        seen[shown] += 1
        made.append(shown if seen[shown] == 1 else f"{shown} ({seen[shown]})")
    return tuple(made)
