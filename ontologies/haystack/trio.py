"""Trio (Project Haystack 4.0, chapter Trio): records as lines of ``tag`` and ``tag: value``, in and out."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from ontologies.errors import FormatError
from ontologies.haystack.kinds import MARKER, Dict, Grid, Value
from ontologies.haystack.scalars import NAME, Remembered, scalar
from ontologies.haystack.zinc import read_value, read_zinc
from ontologies.haystack.zinc_text import value_text, write_zinc

_RECORD_END = re.compile(r"-+\s*")
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_]*+)[ \t]*+(?:(:)[ \t]*+(.*))?")
# What can only be Zinc, and what may be: it is a string where it is not.
_SURE = re.compile(r'["`@^\[{]|<<')
_PERHAPS = re.compile(r"-?[\d]|-INF\b|(?:[TFMNR]|NA|NaN|INF)\Z|[A-Z]\w*\(.*\)\Z")
# A string that stands for itself, whoever reads it.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z_]*(?:[ -]+[A-Za-z_]+)*")
_RESERVED = frozenset({"T", "F", "M", "N", "R", "NA", "NaN", "INF", "true", "false", "Zinc", "Trio"})
_INDENT = "  "
_NESTED = ("Zinc:", "Trio:")
_NO_TAG = ""


def read_trio(text: str) -> list[Dict]:
    """Read a document's records. Raises FormatError with line and column."""
    return [record for _, record in read_numbered(text)]


def read_numbered(text: str) -> Iterator[tuple[int, Dict]]:
    """Read a document's records, each with the number of its first line. Raises FormatError."""
    reader = _Reader(text.replace("\r\n", "\n").split("\n"))
    while (record := reader.simple() or reader.record()) is not None:
        yield record


def write_trio(records: Iterable[Dict]) -> Iterator[str]:
    """Yield a document record by record."""
    for number, record in enumerate(records):
        head = "---\n" if number else ""
        yield head + "".join(f"{line}\n" for line in _lines(record))


class _Reader:
    """Reads lines, one record after the other."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._ends = [n for n, line in enumerate(lines) if line[:1] == "-" and _RECORD_END.fullmatch(line)]
        self._ends.append(len(lines))
        self._tags = Remembered(_tag_of)

    def simple(self) -> tuple[int, Dict] | None:
        """Return the next record where each of its lines is all of a tag; else None, and after the last."""
        end = self._ends[bisect_left(self._ends, self._at)] if self._at <= len(self._lines) else self._at
        lines = self._lines[self._at : end]
        try:
            tags = dict(map(self._tags.__getitem__, lines))
        except ValueError:
            return None
        if len(tags) != len(lines):  # a tag is there twice, or lines without one are
            return None
        first = self._at + 1
        if _NO_TAG in tags:
            del tags[_NO_TAG]
            first += next((n for n, line in enumerate(lines) if self._tags[line][0] != _NO_TAG), 0)
        if not tags:
            return None
        self._at = end + 1
        return first, tags

    def record(self) -> tuple[int, Dict] | None:
        """Return the next record with the number of its first line; None after the last."""
        tags: dict[str, Value] = {}
        first = 0
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if _RECORD_END.fullmatch(line):
                if tags:
                    break
            elif line.strip() and not line.lstrip().startswith("//"):
                first = first or self._at
                self._tag(line, tags)
        return (first, tags) if tags else None

    def _tag(self, line: str, tags: dict[str, Value]) -> None:
        number = self._at
        found = _LINE.fullmatch(line)
        if found is None or NAME.fullmatch(found[1]) is None:
            shown = line.strip()[:40]
            raise FormatError(f"{shown!r} is no tag: a line is name or name: value", line=number, column=1)
        name, colon, value = found[1], found[2], (found[3] or "").rstrip(" \t")
        if name in tags:
            raise FormatError(f"the record has two tags {name}", line=number, column=1)
        if not colon:
            tags[name] = MARKER
            return
        read = self._value(value, number, found.start(3))
        if read is not None:
            tags[name] = read

    def _value(self, text: str, number: int, column: int) -> Value:
        if not text:
            return self._indented()
        if text in _NESTED:
            return _nested(text, self._indented(), number)
        if text[0] in "[{":
            text = self._with_indented(text)
        elif text.startswith("<<") and ">>" not in text:
            text = self._until_closed(text)
        return _scalar(text, number, column)

    def _indented(self) -> str:
        """Return the lines that follow and are indented, without what they are all indented by."""
        lines = []
        while self._at < len(self._lines) and (line := self._lines[self._at])[:1] in (" ", "\t", ""):
            lines.append(line)
            self._at += 1
        while lines and not lines[-1].strip():
            lines.pop()
        width = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        return "\n".join(line[width:] for line in lines)

    def _with_indented(self, text: str) -> str:
        """Return a list or dict with its further lines: those that are indented, blank, or close it."""
        parts = [text]
        while self._at < len(self._lines) and (line := self._lines[self._at])[:1] in (" ", "\t", "", "]", "}"):
            parts.append("" if line.lstrip().startswith("//") else line)
            self._at += 1
        return "\n".join(parts).rstrip()

    def _until_closed(self, text: str) -> str:
        parts = [text]
        while self._at < len(self._lines) and ">>" not in parts[-1]:
            parts.append(self._lines[self._at])
            self._at += 1
        return "\n".join(parts)


def _tag_of(line: str) -> tuple[str, Value]:
    """Read a line that is all of a tag, or of none. Raises ValueError for one that needs a closer look."""
    name, colon, rest = line.partition(":")
    if NAME.fullmatch(name) is None:
        if not line.strip() or line.lstrip().startswith("//"):
            return _NO_TAG, None
        raise ValueError(line)
    if not colon:
        return name, MARKER
    text = rest.strip(" \t")
    if not text or text in _NESTED or text[0] in "[{<":
        raise ValueError(line)
    value = _simple_scalar(text)
    if value is None:
        raise ValueError(line)
    return name, value


def _simple_scalar(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if _SURE.match(text):
        return scalar(text)
    if not _PERHAPS.match(text):
        return text
    try:
        return scalar(text)
    except ValueError:
        return text


def _nested(kind: str, text: str, number: int) -> Value:
    try:
        return read_zinc(text) if kind == "Zinc:" else tuple(read_trio(text))
    except FormatError as error:
        raise FormatError(str(error), line=number + (error.line or 0), column=error.column) from None


def _scalar(text: str, number: int, column: int) -> Value:
    if text in ("true", "false"):
        return text == "true"
    sure = _SURE.match(text)
    if not sure and not _PERHAPS.match(text):
        return text
    try:
        return read_value(text)
    except FormatError as error:
        if not sure:
            return text
        below = (error.line or 1) - 1
        column = (error.column or 1) + (0 if below else column)
        raise FormatError(str(error), line=number + below, column=column) from None


def _lines(record: Dict) -> Iterator[str]:
    for name, value in record.items():
        if value is MARKER:
            yield name
        elif isinstance(value, Grid):
            yield f"{name}:Zinc:"
            yield from (_INDENT + line for line in write_zinc(value).rstrip("\n").split("\n"))
        elif value is not None:
            yield f"{name}:{_text(value)}"


def _text(value: Value) -> str:
    if isinstance(value, str) and value not in _RESERVED and _PLAIN.fullmatch(value):
        return value
    return value_text(value).replace("\n", "\n" + _INDENT)  # which only a grid inside has
