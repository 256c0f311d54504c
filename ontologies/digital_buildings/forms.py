"""Google's Digital Buildings as a form of models: a building config in YAML.

Settings: ``ontology`` is the folder of the YAML ontology. With it a config is checked as the instance validator
does, and types and fields are chosen from it in writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pyoxigraph import Quad

from ontologies.digital_buildings.choosing import Chooser
from ontologies.digital_buildings.config import summary
from ontologies.digital_buildings.from_rdf import FromRdf
from ontologies.digital_buildings.ontology import Ontology, read_ontology
from ontologies.digital_buildings.reading import read_config
from ontologies.digital_buildings.rules import problems, type_problems
from ontologies.digital_buildings.to_rdf import ToRdf
from ontologies.digital_buildings.writing import write_config
from ontologies.errors import FormatError
from ontologies.models.form import Model, Options, Source, text
from ontologies.models.report import NOT_UNDERSTOOD, Report

_METADATA = re.compile(rb"(?m)^CONFIG_METADATA:\s*$")
_ENTITY = re.compile(rb"(?m)^[^\s#:][^:\n]*:\s*\n(?:\s*\n|\s*#.*\n)*\s+\S")
_MEMBER = re.compile(rb"(?m)^\s+(?:type:\s*[\"']?[A-Z_]+/\w+|(?:cloud_device_id|translation|update_mask|etag):)")


@dataclass(frozen=True, slots=True)
class BuildingConfigForm:
    """Building configs."""

    name: str = "gdb"
    title: str = "Google Digital Buildings config (YAML)"
    media_types: tuple[str, ...] = ("application/yaml", "text/yaml", "application/x-yaml")
    endings: tuple[str, ...] = ("yaml", "yml")
    settings: tuple[str, ...] = ("ontology",)
    by_content_alone: bool = True  # YAML is what all kinds of things are written in

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        if head.lstrip()[:1] in (b"{", b"[", b"<", b"@"):
            return False
        return bool(_METADATA.search(head) or (_ENTITY.search(head) and _MEMBER.search(head)))

    def read(self, source: Source, options: Options) -> Model:
        report = Report(self.name)
        return Model(self._quads(source, options, report), report)

    def _quads(self, source: Source, options: Options, report: Report) -> Iterator[Quad]:
        config, found = read_config(text(source))
        ontology = _ontology(options)
        found += problems(config, ontology)
        if ontology is not None:
            found += type_problems(config, ontology)
        if found and not options.lenient:
            raise FormatError(summary(found), line=min(each.line for each in found))
        for each in found:
            report.add(NOT_UNDERSTOOD, f"line {each.line}", each.message)
        yield from ToRdf(config, options, report).quads()

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
        """Write entities with their translations, links and connections."""
        report = Report(self.name)
        config = FromRdf(quads, options, report, Chooser(_ontology(options))).config()
        sink.write(write_config(config).encode())
        return report


def _ontology(options: Options) -> Ontology | None:
    folder = options.settings.get("ontology")
    return read_ontology(Path(folder)) if folder else None


FORM = BuildingConfigForm()
FORMS: tuple[BuildingConfigForm, ...] = (FORM,)
