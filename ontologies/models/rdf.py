"""RDF as a form of models: Turtle, N-Triples, N-Quads, TriG, RDF/XML and JSON-LD."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, serialize

from ontologies.formats import ENDINGS, MEDIA_TYPES, Repairs, read_quads
from ontologies.models.form import Model, Options, Source
from ontologies.models.report import NOT_EXPRESSED, REPAIRED, Report
from ontologies.namespaces import PREFIXES

_NAMES = {
    RdfFormat.TURTLE: ("turtle", "Turtle"),
    RdfFormat.N_TRIPLES: ("ntriples", "N-Triples"),
    RdfFormat.RDF_XML: ("rdfxml", "RDF/XML"),
    RdfFormat.JSON_LD: ("jsonld", "JSON-LD"),
    RdfFormat.TRIG: ("trig", "TriG"),
    RdfFormat.N_QUADS: ("nquads", "N-Quads"),
}
# Many forms are JSON, so neither its ending nor its media type says which.
_JSON = ("json", "application/json")
_TERM = rb'(?:<[^<>"\s]*>|_:\S+|"(?:[^"\\]|\\.)*"(?:\^\^<[^<>\s]*>|@[\w-]+)?)'
_LINE = re.compile(rb"\s*" + rb"\s+".join([_TERM] * 3) + rb"(\s+" + _TERM + rb")?\s*\.\s*(?:#.*)?")
_STRING = re.compile(rb'"""(?s:.*?)(?:"""|\Z)|"(?:[^"\\\n]|\\.)*"|' + rb"'''(?s:.*?)(?:'''|\Z)|'(?:[^'\\\n]|\\.)*'")
_COMMENT = re.compile(rb"(?m)(?:^|(?<=\s))#.*$")
_DIRECTIVE = re.compile(rb"(?im)^[ \t]*+@?(?:prefix\s+[\w.-]*:\s*<|base\s+<)")
_GRAPH = re.compile(rb"(?:^|[\s.}])(?:GRAPH\s+)?(?:<[^<>\s]*>|_:\w+|[\w.-]*:[\w.-]*)?\s?\{")
_STATEMENT = re.compile(rb"\s*<[^<>\s]*>\s+(?:a|<[^<>\s]*>)\s")
_XML = re.compile(rb"<(?:\w+:)?RDF[\s>]|" + re.escape(PREFIXES["rdf"].encode()))
_KEYWORD = re.compile(rb'"@(?:context|id|graph|type|value)"\s*:')


@dataclass(frozen=True, slots=True)
class RdfForm:
    """One of the formats of RDF."""

    format: RdfFormat

    @property
    def name(self) -> str:
        return _NAMES[self.format][0]

    @property
    def title(self) -> str:
        return _NAMES[self.format][1]

    @property
    def media_types(self) -> tuple[str, ...]:
        return tuple(name for name, known in MEDIA_TYPES.items() if known == self.format and name not in _JSON)

    @property
    def endings(self) -> tuple[str, ...]:
        return tuple(name for name, known in ENDINGS.items() if known == self.format and name not in _JSON)

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _LOOKS[self.format](head.removeprefix(b"\xef\xbb\xbf"))

    def read(self, source: Source, options: Options) -> Model:
        report = Report(self.name)
        return Model(self._quads(source, options, report), report)

    def _quads(self, source: Source, options: Options, report: Report) -> Iterator[Quad]:
        repairs = Repairs()
        graph = options.graph
        base = graph.value if isinstance(graph, NamedNode) and graph.value.startswith(("http:", "https:")) else None
        yield from read_quads(
            source, self.format, base_iri=base, graph=graph, lenient=options.lenient, repairs=repairs
        )
        for before, after in repairs.examples:
            report.add(REPAIRED, before, f"written as {after}")
        if repairs.count:
            report.found[REPAIRED] = repairs.count

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:  # noqa: ARG002
        """Write the quads. A format of one graph takes those of all graphs as one."""
        report = Report(self.name)
        merged: set[object] = set()
        if self.format.supports_datasets:
            serialize(quads, sink, self.format, prefixes=PREFIXES)
        else:
            serialize(_triples(quads, merged), sink, self.format, prefixes=PREFIXES)
        if len(merged) > 1:
            report.add(
                NOT_EXPRESSED, "", f"{len(merged)} graphs were written as one: trig and nquads keep them apart"
            )
        return report


def _triples(quads: Iterable[Quad], graphs: set[object]) -> Iterator[Triple]:
    for quad in quads:
        graphs.add(quad.graph_name)
        yield quad.triple


def _looks_lines(head: bytes, terms: int) -> bool:
    lines = [line for line in head.splitlines()[:50] if line.strip() and not line.lstrip().startswith(b"#")]
    found = [_LINE.fullmatch(line) for line in lines[:-1] or lines]  # the last may be cut
    quads = any(each and each[1] for each in found)
    return bool(found) and all(found) and quads == (terms == len("spog"))


def _looks_turtle(head: bytes, *, graphs: bool) -> bool:
    bare = _COMMENT.sub(b"", _STRING.sub(b'""', head))
    if bare.lstrip()[:1] in (b"{", b"[") and not _DIRECTIVE.search(bare):
        return False
    if not _DIRECTIVE.search(bare) and not _STATEMENT.match(bare):
        return False
    # Without runs of spaces, which would take the search a time that grows with their square.
    return bool(_GRAPH.search(b" ".join(bare.split()))) == graphs


def _not_dtdl(head: bytes) -> bool:
    """DTDL looks like JSON-LD, but its context is no document that could be read."""
    return b'"dtmi:dtdl:context;' not in head


_LOOKS: dict[RdfFormat, Callable[[bytes], bool]] = {
    RdfFormat.N_TRIPLES: lambda head: _looks_lines(head, len("spo")),
    RdfFormat.N_QUADS: lambda head: _looks_lines(head, len("spog")),
    RdfFormat.TURTLE: lambda head: _looks_turtle(head, graphs=False),
    RdfFormat.TRIG: lambda head: _looks_turtle(head, graphs=True),
    RdfFormat.RDF_XML: lambda head: head.lstrip()[:1] == b"<" and bool(_XML.search(head)),
    RdfFormat.JSON_LD: lambda head: (
        head.lstrip()[:1] in (b"{", b"[") and bool(_KEYWORD.search(head)) and _not_dtdl(head)
    ),
}

# Lines first: each N-Triples document is Turtle as well, and read faster as what it is.
FORMS: tuple[RdfForm, ...] = tuple(
    RdfForm(each)
    for each in (
        RdfFormat.N_TRIPLES,
        RdfFormat.N_QUADS,
        RdfFormat.TURTLE,
        RdfFormat.TRIG,
        RdfFormat.RDF_XML,
        RdfFormat.JSON_LD,
    )
)
