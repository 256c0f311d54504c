"""Azure Digital Twins as forms of models: the Explorer's JSON, the import job's NDJSON, Excel sheets, and DTDL alone.

Settings: ``models`` = ``none`` writes twins without models, for an instance that has them already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from pyoxigraph import Quad

from ontologies.adt.files import is_sheet, read_json, read_ndjson, read_sheet, write_json, write_ndjson, write_sheet
from ontologies.adt.from_rdf import FromRdf
from ontologies.adt.rules import Rules
from ontologies.adt.to_rdf import ToRdf
from ontologies.adt.twins import TwinGraph
from ontologies.dtdl import Finding, Models, Undefined, read_models
from ontologies.errors import FormatError
from ontologies.models.form import Model, Options, Source, content, text
from ontologies.models.report import NOT_EXPRESSED, NOT_UNDERSTOOD, WITHOUT_CLASS, Report

_SECTION = re.compile(rb'\{\s*"Section"\s*:')
_GRAPH = re.compile(rb'"(?:digitalTwinsGraph|digitalTwinsFileInfo|digitalTwinsModels)"\s*:')
_TWIN = re.compile(rb'"\$dtId"\s*:|"\$model"\s*:')
_DTDL = re.compile(rb'"dtmi:dtdl:context;\d')
_TOLD = 5  # problems of models in one error


@dataclass(frozen=True, slots=True)
class AdtForm:
    """One of the files of Azure Digital Twins."""

    name: str
    title: str
    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    looks: Callable[[bytes], bool]
    parse: Callable[[Source], TwinGraph]
    put: Callable[[TwinGraph, IO[bytes], Report], None]
    settings: tuple[str, ...] = ("models",)

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return self.looks(head.removeprefix(b"\xef\xbb\xbf").lstrip())

    def read(self, source: Source, options: Options) -> Model:
        report = Report(self.name)
        return Model(self._quads(source, options, report), report)

    def _quads(self, source: Source, options: Options, report: Report) -> Iterator[Quad]:
        graph = self.parse(source)
        models = read_models(graph.models, Undefined.ALWAYS)
        _report_models(models, report, lenient=options.lenient)
        for where, message in Rules(graph, models).breaches():
            if "is not in the file" not in message:  # which reading says by itself
                report.add(WITHOUT_CLASS, where, message)
        yield from ToRdf(graph, models, options, report).quads()

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
        """Write twins, their relationships, and a model of each class."""
        report = Report(self.name)
        self.put(FromRdf(quads, options, report).graph(), sink, report)
        return report


def _report_models(models: Models, report: Report, *, lenient: bool) -> None:
    """Refuse models that are wrong; what they lack may be in the instance already, and is told only."""
    wrong = [finding for finding in models.findings if finding.code != "undefinedReference"]
    for finding in models.findings:
        if lenient or finding.code == "undefinedReference":
            report.add(NOT_UNDERSTOOD, _where(finding), finding.message)
    if wrong and not lenient:
        shown = "; ".join(map(str, wrong[:_TOLD]))
        more = f"; and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise FormatError(f"the models are not valid DTDL: {shown}{more}")


def _where(finding: Finding) -> str:
    return " at ".join(filter(None, (finding.element, finding.path)))


def _put_sheet(graph: TwinGraph, sink: IO[bytes], report: Report) -> None:
    for item in write_sheet(graph, sink):
        report.add(
            NOT_EXPRESSED, item.source, f"{item.name} to {item.target}: a sheet has no properties of relationships"
        )
    if graph.models:
        report.add(NOT_EXPRESSED, "", f"{len(graph.models)} models: a sheet has none; write them as dtdl")


def _put_models(graph: TwinGraph, sink: IO[bytes], report: Report) -> None:
    sink.write(json.dumps(graph.models, ensure_ascii=False, indent=1).encode() + b"\n")
    if graph.twins:
        report.add(NOT_EXPRESSED, "", f"{len(graph.twins)} twins: DTDL has models only; write adt-json or adt-ndjson")


def _is_json(head: bytes) -> bool:
    return head[:1] in (b"{", b"[") and not _SECTION.match(head) and b'"@graph"' not in head


JSON = AdtForm(
    "adt-json",
    "Azure Digital Twins graph (JSON)",
    ("application/vnd.azure-digital-twins+json",),
    ("adt.json",),
    lambda head: _is_json(head) and bool(_GRAPH.search(head) or _TWIN.search(head)),
    lambda source: read_json(text(source)),
    lambda graph, sink, report: write_json(graph, sink),  # noqa: ARG005 - it holds all there is to say
)
NDJSON = AdtForm(
    "adt-ndjson",
    "Azure Digital Twins import job (NDJSON)",
    ("application/x-ndjson", "application/ndjson"),
    ("ndjson",),
    lambda head: bool(_SECTION.match(head)),
    lambda source: read_ndjson(text(source)),
    lambda graph, sink, report: write_ndjson(graph, sink),  # noqa: ARG005 - it holds all there is to say
)
EXCEL = AdtForm(
    "adt-xlsx",
    "Azure Digital Twins Explorer sheet (Excel)",
    (),
    ("adt.xlsx",),
    is_sheet,
    lambda source: read_sheet(content(source)),
    _put_sheet,
)
DTDL = AdtForm(
    "dtdl",
    "DTDL models",
    ("application/vnd.dtdl+json",),
    ("dtdl.json", "dtdl.jsonld"),
    lambda head: _is_json(head) and bool(_DTDL.search(head)) and not _GRAPH.search(head) and not _TWIN.search(head),
    lambda source: read_json(text(source)),
    _put_models,
)
FORMS: tuple[AdtForm, ...] = (NDJSON, JSON, DTDL, EXCEL)
