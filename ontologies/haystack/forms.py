"""Haystack as forms of models: Zinc, Hayson, JSON v3, Trio and CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from pyoxigraph import Quad

from ontologies.errors import FormatError
from ontologies.haystack.csv_text import read_csv, write_csv
from ontologies.haystack.hayson import read_hayson
from ontologies.haystack.hayson_text import write_hayson
from ontologies.haystack.json3 import read_json3, write_json3
from ontologies.haystack.kinds import Dict, Grid, grid_of
from ontologies.haystack.reading import Numbered, record_quads
from ontologies.haystack.trio import read_numbered, write_trio
from ontologies.haystack.writing import records_of
from ontologies.haystack.zinc import read_zinc
from ontologies.haystack.zinc_text import write_zinc
from ontologies.models.form import Model, Options, Source, text
from ontologies.models.report import Report

_BOM = b"\xef\xbb\xbf"
_SCALAR_OF_3 = re.compile(rb'"\s*:\s*"[mnrzydhtucx-]:')
_TRIO_LINE = re.compile(rb"[a-z][A-Za-z0-9_]*[ \t]*(?::.*)?")
_TRIO_ID = re.compile(rb"(?m)^(?:id[ \t]*:[ \t]*@[\w:.~-]+|def[ \t]*:[ \t]*\^[\w:.~-]+)")
_CSV_REF = re.compile(rb'(?m)(?:^|,)"?@[\w:.~-]+')


@dataclass(frozen=True, slots=True)
class HaystackForm:
    """One of the forms of Haystack's grids."""

    name: str
    title: str
    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    looks: Callable[[bytes], bool]
    parse: Callable[[str], Iterable[Numbered]]
    format: Callable[[Sequence[Dict]], Iterable[str]]

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return self.looks(head.removeprefix(_BOM).lstrip())

    def read(self, source: Source, options: Options) -> Model:
        report = Report(self.name)
        return Model(self._quads(source, options, report), report)

    def _quads(self, source: Source, options: Options, report: Report) -> Iterator[Quad]:
        try:
            yield from record_quads(self.parse(text(source)), options.graph, options.base, report)
        except RecursionError:
            raise FormatError("lists, dicts and grids are nested too deep") from None

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:  # noqa: ARG002
        """Write the records that the quads are, and one for each point, equipment and place that was none."""
        report = Report(self.name)
        for part in self.format(records_of(quads, report)):
            sink.write(part.encode())
        return report


def _rows(read: Callable[[str], Grid], place: str, first: int) -> Callable[[str], Iterator[Numbered]]:
    def numbered(document: str) -> Iterator[Numbered]:
        for number, row in enumerate(read(document).rows, first):
            yield place.format(number), row

    return numbered


def _trio(document: str) -> Iterator[Numbered]:
    for line, record in read_numbered(document):
        yield f"line {line}", record


def _looks_json(head: bytes) -> bool:
    return head[:1] in (b"{", b"[")


def _looks_trio(head: bytes) -> bool:
    lines = [line for line in head.splitlines()[:20] if line.strip() and not line.startswith((b"//", b"-", b" "))]
    return bool(_TRIO_ID.search(head)) and all(_TRIO_LINE.match(line) for line in lines)


def _looks_csv(head: bytes) -> bool:
    line, _, rest = head.partition(b"\n")
    names = [name.strip().strip(b'"').lower() for name in line.split(b",")]
    return b"id" in names and ("✓".encode() in rest or bool(_CSV_REF.search(rest)))


ZINC = HaystackForm(
    "haystack-zinc",
    "Haystack Zinc",
    ("text/zinc",),
    ("zinc",),
    lambda head: head.startswith(b'ver:"'),
    _rows(read_zinc, "row {}", 1),
    lambda records: [write_zinc(grid_of(records))],
)
HAYSON = HaystackForm(
    "haystack-json",
    "Haystack JSON (Hayson)",
    ("application/vnd.haystack+json",),
    ("hayson", "hayson.json"),
    lambda head: _looks_json(head) and b'"_kind"' in head,
    _rows(read_hayson, "rows[{}]", 0),
    lambda records: [write_hayson(grid_of(records))],
)
JSON3 = HaystackForm(
    "haystack-json3",
    "Haystack JSON, version 3",
    ("application/vnd.haystack+json;version=3",),
    ("v3.json",),
    lambda head: _looks_json(head) and b'"_kind"' not in head and bool(_SCALAR_OF_3.search(head)),
    _rows(read_json3, "rows[{}]", 0),
    lambda records: [write_json3(grid_of(records))],
)
TRIO = HaystackForm("haystack-trio", "Haystack Trio", ("text/trio",), ("trio",), _looks_trio, _trio, write_trio)
CSV = HaystackForm(
    "haystack-csv",
    "Haystack CSV",
    (),
    ("haystack.csv",),
    _looks_csv,
    _rows(read_csv, "row {}", 1),
    lambda records: write_csv(grid_of(records)),
)
FORMS: tuple[HaystackForm, ...] = (ZINC, HAYSON, JSON3, TRIO, CSV)
