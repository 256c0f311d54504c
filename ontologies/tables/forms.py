"""Tables of points and equipment as forms of models: CSV, Excel, and EDE.

Settings: ``mapping`` is the columns' roles as TOML, else they are guessed and told in the report; ``sheet`` the one
sheet of a workbook to read; ``table`` = ``equipment`` or ``places`` writes these as CSV instead of the points;
``network`` is the name of an EDE file's network, ``state-texts`` the text of its StateTexts file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.adt.files import is_sheet
from ontologies.adt.forms import EXCEL as ADT_EXCEL
from ontologies.bacnet_quads import network_quads
from ontologies.errors import FormatError, TableError
from ontologies.haystack.forms import CSV as HAYSTACK
from ontologies.models.form import Model, Options, Source, content
from ontologies.models.report import NOT_EXPRESSED, NOT_UNDERSTOOD, Report
from ontologies.namespaces import TWH
from ontologies.tables.ede import looks_like_ede, read_ede, read_state_texts, write_ede
from ontologies.tables.from_rdf import FromRdf, Table
from ontologies.tables.guessing import guess, is_table
from ontologies.tables.mapping import EQUIPMENT, POINTS, ColumnMapping, check_mapping, read_mapping
from ontologies.tables.sheets import ZIP, Sheet, decode, read_csv, read_workbook
from ontologies.tables.to_rdf import ToRdf
from ontologies.tagging.proposals import propose

_ADDRESS = TWH["bacnetAddress"]
_TABLES = (POINTS, EQUIPMENT, "places")


def sheets_of(
    source: Source, options: Options, skipped: dict[str, str] | None = None
) -> Iterator[tuple[Sheet, ColumnMapping]]:
    """Yield the tables of a CSV file or a workbook with their mappings, given or guessed. Raises FormatError.

    Sheets of a workbook that are passed over are told in ``skipped``, by name and why.
    """
    document = content(source)
    given = options.settings.get("mapping")
    mapping = read_mapping(given) if given else None
    if document.startswith(ZIP):
        sheets = read_workbook(document, options.settings.get("sheet"), skipped)
    else:
        sheets = iter([read_csv(decode(document))])
    for sheet in sheets:
        chosen = mapping or guess(sheet)
        check_mapping(chosen, sheet.header.cells)
        yield sheet, chosen


def understood_sheets(source: Source, options: Options, report: Report) -> Iterator[tuple[Sheet, ColumnMapping]]:
    """Yield the tables of which enough is understood to read them; the other sheets of a workbook are reported.

    Raises FormatError where there is none.
    """
    skipped: dict[str, str] = {}
    read = 0
    for sheet, mapping in sheets_of(source, options, skipped):
        if "mapping" in options.settings or is_table(sheet):
            read += 1
            yield sheet, mapping
        else:
            where = "" if sheet.name else f"line {sheet.header.number}: "
            skipped[sheet.name] = f"{where}no columns of points or equipment: {', '.join(sheet.header.cells[:8])}"
    if not read:
        reasons = "; ".join(f"sheet {name}: {why}" if name else why for name, why in skipped.items())
        hint = "twinhouse columns prints roles of columns, to change and give back as the setting mapping"
        raise FormatError(f"{reasons or 'no sheet holds a table'}; {hint}", line=1)
    for name, why in skipped.items():
        report.add(NOT_UNDERSTOOD, f"sheet {name}", why)


@dataclass(frozen=True, slots=True)
class TableForm:
    """Points and equipment in CSV or in an Excel workbook."""

    name: str
    title: str
    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    is_excel: bool
    settings: tuple[str, ...] = ("mapping", "sheet", "table")

    def recognises(self, name: str, head: bytes) -> bool:
        if self.is_excel:
            return head.startswith(ZIP) and b"xl/" in head and not is_sheet(head)
        if head.startswith(ZIP) or head.lstrip()[:1] in (b"{", b"[", b"<", b"@") or HAYSTACK.recognises(name, head):
            return False
        try:
            return is_table(read_csv(_whole_lines(decode(head))))
        except (FormatError, TableError):
            return False

    def read(self, source: Source, options: Options) -> Model:
        report = Report(self.name)
        return Model(self._quads(source, options, report), report)

    def _quads(self, source: Source, options: Options, report: Report) -> Iterator[Quad]:
        document = content(source)
        if is_sheet(document):
            model = ADT_EXCEL.read(document, options)
            yield from model.quads
            report.form, report.counts, report.found = model.report.form, model.report.counts, model.report.found
            report.findings += model.report.findings
            return
        for sheet, mapping in understood_sheets(document, options, report):
            yield from ToRdf(sheet, mapping, options, report).quads()

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
        """Write points, equipment and places: in CSV one of them, in a workbook a sheet for each."""
        report = Report(self.name)
        tables = dict(zip(_TABLES, FromRdf(quads, options, report).tables(), strict=True))
        if self.is_excel:
            _write_workbook(tables, sink)
            return report
        chosen = options.settings.get("table", POINTS)
        if chosen not in tables:
            raise FormatError(f"there is no table {chosen!r}; there are {', '.join(tables)}")
        _write_csv(tables.pop(chosen), sink)
        for name, table in tables.items():
            if table.rows and chosen == POINTS:
                message = f"{len(table.rows)} rows of {name}: table={name} writes them, a workbook all"
                report.add(NOT_EXPRESSED, "", message)
        return report


@dataclass(frozen=True, slots=True)
class EdeForm:
    """BACnet's engineering data exchange."""

    name: str = "ede"
    title: str = "BACnet EDE (CSV)"
    media_types: tuple[str, ...] = ()
    endings: tuple[str, ...] = ("ede.csv", "ede")
    settings: tuple[str, ...] = ("network", "state-texts")

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return not head.startswith(ZIP) and looks_like_ede(decode(head))

    def read(self, source: Source, options: Options) -> Model:
        report = Report(self.name)
        return Model(self._quads(source, options, report), report)

    def _quads(self, source: Source, options: Options, report: Report) -> Iterator[Quad]:
        given = options.settings.get("state-texts")
        states = read_state_texts(given) if given else None
        network = read_ede(decode(content(source)), options.settings.get("network"), states)
        graph = options.graph if isinstance(options.graph, NamedNode) else None
        report.counts.update(devices=len(network.devices), objects=sum(len(d.objects) for d in network.devices))
        for quad in network_quads(network, propose(network), graph):
            no_address = quad.predicate == _ADDRESS and quad.object == Literal("")
            if not no_address:
                yield quad if graph is not None else Quad(quad.subject, quad.predicate, quad.object, options.graph)

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
        """Write the points that have a BACnet object, in the columns of EDE 2.3."""
        report = Report(self.name)
        points, _, _ = FromRdf(quads, options, report).tables()
        write_ede(points, sink, report)
        return report


def _whole_lines(text: str) -> str:
    """Leave out the last line of a head, which may be cut, where there are others."""
    lines = text.splitlines(keepends=True)
    return "".join(lines[:-1]) if len(lines) > 2 else text


def _write_csv(table: Table, sink: IO[bytes]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    sink.write(text.getvalue().encode())


def _write_workbook(tables: dict[str, Table], sink: IO[bytes]) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name, table in tables.items():
        if table.rows or name == "points":
            sheet = book.create_sheet(name)
            sheet.append(table.header)
            for row in table.rows:
                sheet.append(row)
    book.save(sink)


EDE = EdeForm()
CSV = TableForm("table-csv", "Table of points or equipment (CSV)", ("text/csv",), ("csv", "tsv"), is_excel=False)
EXCEL = TableForm(
    "table-xlsx",
    "Tables of points and equipment (Excel)",
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    ("xlsx",),
    is_excel=True,
)
FORMS: tuple[EdeForm | TableForm, ...] = (EDE, CSV, EXCEL)
