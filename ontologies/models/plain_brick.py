"""A model in the words of its ontologies alone: Turtle without the tags and encodings that are Twinhouse's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from pyoxigraph import Quad, RdfFormat

from ontologies.models.form import Model, Options, Source
from ontologies.models.rdf import RdfForm
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import HAYSTACK

_TURTLE = RdfForm(RdfFormat.TURTLE)


@dataclass(frozen=True, slots=True)
class PlainBrick:
    """Brick, RealEstateCore and what goes with them, as Turtle."""

    name: str = "brick"
    title: str = "Brick and REC alone (Turtle)"
    media_types: tuple[str, ...] = ()
    endings: tuple[str, ...] = ("brick.ttl",)

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - it is read as any Turtle
        return False

    def read(self, source: Source, options: Options) -> Model:
        return _TURTLE.read(source, options)

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
        """Write the quads but for Haystack's tags; the report counts these."""
        left_out: list[int] = [0]
        report = _TURTLE.write(_without_tags(quads, left_out), sink, options)
        if left_out[0]:
            report.add(NOT_EXPRESSED, "", f"{left_out[0]:,} tags of Haystack: write turtle to keep them", left_out[0])
        return Report(self.name, report.counts, report.found, report.findings)


def _without_tags(quads: Iterable[Quad], left_out: list[int]) -> Iterator[Quad]:
    for quad in quads:
        if quad.predicate in HAYSTACK:
            left_out[0] += 1
        else:
            yield quad


FORMS = (PlainBrick(),)
