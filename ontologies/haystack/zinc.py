"""Zinc in (Project Haystack 4.0, chapter Zinc; versions 2 and 3 as well): a grid, or one value.

Rows of cells that are scalars are read at once, all else value by value.
"""

from __future__ import annotations

import re

from ontologies.errors import FormatError
from ontologies.haystack.kinds import MARKER, Column, Dict, Grid, Value
from ontologies.haystack.scalars import NAME, SCALAR, STRING, Remembered, scalar, scalar_of

_VERSION = re.compile(rf"ver:({STRING})")
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"[ \t\n]*")
_PARTED = re.compile(r"[ \t\n]*,?[ \t\n]*")
# What can be cut at its commas alone: none is inside of anything.
_EASY = re.compile(r'[^"`\[{<(]*+(?:"[^",\\]*+"[^"`\[{<(]*+)*+')
_INSIDE = rf'(?:[^,"`\[{{<(]++|{STRING}|`(?:[^`\\]++|\\.)*+`|\((?:[^)"]++|{STRING})*+\))*+'
_CELL = re.compile(f"({_INSIDE}),")
# Asked first: to look for cells in what is no row takes a time that grows with the square of its length.
_ROW = re.compile(f"(?:{_INSIDE},)*+")
_NESTED = ("[", "{", "<<")
_DEEPEST = 100
_SHOWN = 24


def read_zinc(text: str) -> Grid:
    """Read a document, which is one grid. Raises FormatError with line and column."""
    scanner = Scanner(text)
    grid, at = scanner.grid(0)
    at = scanner.skip(_SPACE, at)
    if at < len(scanner.text):
        raise scanner.error(at, f"the grid ended before {scanner.shown(at)}: a blank line ends a grid")
    return grid


def read_value(text: str) -> Value:
    """Read one value, and nothing else. Raises FormatError."""
    scanner = Scanner(text)
    value, at = scanner.value(scanner.skip(_SPACE, 0))
    at = scanner.skip(_SPACE, at)
    if at < len(scanner.text):
        raise scanner.error(at, f"{scanner.shown(at)} follows the value")
    return value


class Scanner:
    """Reads values out of a text, from a position; each method returns what it read and where that ended."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n") if "\r" in text else text
        self._cells = Remembered(_cell_of)
        self._depth = 0

    def error(self, at: int, message: str) -> FormatError:
        """Return an error that tells line and column, both from 1."""
        line = self.text.count("\n", 0, at) + 1
        return FormatError(message, line=line, column=at - self.text.rfind("\n", 0, at))

    def shown(self, at: int) -> str:
        """Return what is there, for a message."""
        rest = self.text[at : at + _SHOWN]
        return repr(rest) if rest else "the end of the document"

    def skip(self, pattern: re.Pattern[str], at: int) -> int:
        """Return where what the pattern takes, which may be nothing, ends."""
        found = pattern.match(self.text, at)
        return found.end() if found else at

    def value(self, at: int) -> tuple[Value, int]:
        """Read a value of any kind."""
        if self.text.startswith(_NESTED, at):
            return self._nested(at)
        found = SCALAR.match(self.text, at)
        if found is None:
            raise self.error(at, f"{self.shown(at)} is no value")
        try:
            return scalar_of(found), found.end()
        except ValueError as error:
            raise self.error(at, str(error)) from None

    def _nested(self, at: int) -> tuple[Value, int]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error(at, f"lists, dicts and grids are nested more than {_DEEPEST} deep")
        reader = {"[": self._list, "{": self._dict, "<": self._inner_grid}[self.text[at]]
        value, at = reader(at)
        self._depth -= 1
        return value, at

    def _list(self, at: int) -> tuple[Value, int]:
        start, items = at, list[Value]()
        at = self.skip(_SPACE, at + 1)
        while not self.text.startswith("]", at):
            if at >= len(self.text):
                raise self.error(start, "this list has no end")
            item, at = self.value(at)
            items.append(item)
            at = self.skip(_PARTED, at)
        return tuple(items), at + 1

    def _dict(self, at: int) -> tuple[Value, int]:
        start, tags = at, dict[str, Value]()
        at = self.skip(_SPACE, at + 1)
        while not self.text.startswith("}", at):
            if at >= len(self.text):
                raise self.error(start, "this dict has no end")
            at = self._tag(tags, at)
            at = self.skip(_PARTED, at)
        return tags, at + 1

    def _tag(self, tags: dict[str, Value], at: int) -> int:
        """Read ``name`` or ``name:value``."""
        name, at = self._name(at)
        if not self.text.startswith(":", at):
            tags[name] = MARKER
            return at
        value, at = self.value(self.skip(_BLANK, at + 1))
        if value is not None:
            tags[name] = value
        return at

    def _name(self, at: int) -> tuple[str, int]:
        found = NAME.match(self.text, at)
        if found is None:
            raise self.error(at, f"{self.shown(at)} is no name of a tag: they begin with a small letter")
        return found[0], found.end()

    def _inner_grid(self, at: int) -> tuple[Value, int]:
        grid, end = self.grid(self.skip(_SPACE, at + 2), inner=True)
        end = self.skip(_SPACE, end)
        if not self.text.startswith(">>", end):
            raise self.error(at, "this grid has no end: >> is missing")
        return grid, end + 2

    def grid(self, at: int, *, inner: bool = False) -> tuple[Grid, int]:
        """Read a grid, which ends with the document or a blank line, an inner one before ``>>``."""
        found = _VERSION.match(self.text, at)
        if found is None:
            raise self.error(at, f'a grid begins with ver:"3.0", not with {self.shown(at)}')
        version = found[1][1:-1]
        if version not in ("2.0", "3.0"):
            raise self.error(at, f"version {version} of Zinc is not known; 2.0 and 3.0 are")
        meta, at = self._meta(found.end())
        columns, at = self._columns(self._line_end(at))
        rows, at = self._rows([column.name for column in columns], at, inner)
        return Grid(columns, rows, meta), at

    def _meta(self, at: int) -> tuple[Dict, int]:
        tags: dict[str, Value] = {}
        at = self.skip(_BLANK, at)
        while at < len(self.text) and self.text[at] not in ",\n":
            at = self.skip(_BLANK, self._tag(tags, at))
        return tags, at

    def _line_end(self, at: int) -> int:
        if at < len(self.text) and self.text[at] != "\n":
            raise self.error(at, f"the line should end before {self.shown(at)}")
        return at + 1

    def _columns(self, at: int) -> tuple[list[Column], int]:
        columns: list[Column] = []
        names: set[str] = set()
        while True:
            at = start = self.skip(_BLANK, at)
            name, at = self._name(at)
            if name in names:
                raise self.error(start, f"there are two columns {name}")
            names.add(name)
            meta, at = self._meta(at)
            columns.append(Column(name, meta))
            if not self.text.startswith(",", at):
                return columns, self._line_end(at)
            at += 1

    def _rows(self, names: list[str], at: int, inner: bool) -> tuple[list[Dict], int]:
        rows: list[Dict] = []
        text, known = self.text, self._cells
        while at < len(text):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            line = text[at:end]
            if not line or line.isspace() or (inner and line.lstrip().startswith(">>")):
                break
            cells = _cut(line)
            try:
                row = {name: known[cell] for name, cell in zip(names, cells, strict=True) if cell}
            except ValueError:  # a cell that is not as simple, or too few of them, or too many
                row, end = self._row(names, at)
            rows.append({name: row[name] for name in row if row[name] is not None} if known.nulls else row)
            at = end + 1
        return rows, min(at, len(text))

    def _row(self, names: list[str], at: int) -> tuple[dict[str, Value], int]:
        """Read a row value by value: slower, of any kind, and exact about what is wrong. Returns its end as well."""
        start, values = at, list[Value]()
        while True:
            value, at = self._cell(self.skip(_BLANK, at))
            values.append(value)
            if at >= len(self.text) or self.text[at] == "\n":
                break
            at += 1
        if len(values) != len(names):
            raise self.error(start, f"{len(names)} cells expected, not {len(values)}")
        return {name: value for name, value in zip(names, values, strict=True) if value is not None}, at

    def _cell(self, at: int) -> tuple[Value, int]:
        if at >= len(self.text) or self.text[at] in ",\n":
            return None, at
        value, at = self.value(at)
        at = self.skip(_BLANK, at)
        if at < len(self.text) and self.text[at] not in ",\n":
            raise self.error(at, f"{self.shown(at)} follows the value of a cell")
        return value, at


def _cell_of(cell: str) -> Value:
    text = cell.strip(" \t")
    return scalar(text) if text else None


def _cut(line: str) -> list[str]:
    """Cut a line into its cells; into none where that takes more than a look."""
    if _EASY.fullmatch(line):
        return line.split(",")
    return _CELL.findall(line + ",") if _ROW.fullmatch(line + ",") else []
