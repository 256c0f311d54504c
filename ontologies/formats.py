"""RDF documents in and out: Turtle, N-Triples, N-Quads, TriG, RDF/XML and JSON-LD.

A format is known by its media type (as registered with IANA) or by a file's ending. Blank nodes get new
labels on each reading, so those of two documents never meet.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import quote
from xml.parsers.expat import ExpatError, ParserCreate

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from ontologies.errors import FormatError, UnknownFormat
from ontologies.namespaces import RDF

FORMATS: tuple[RdfFormat, ...] = (
    RdfFormat.TURTLE,
    RdfFormat.N_TRIPLES,
    RdfFormat.N_QUADS,
    RdfFormat.TRIG,
    RdfFormat.RDF_XML,
    RdfFormat.JSON_LD,
)

# The registered one first: it is what we answer with. The others are what clients and files really say.
MEDIA_TYPES: dict[str, RdfFormat] = {
    **{known.media_type: known for known in FORMATS},
    "application/x-turtle": RdfFormat.TURTLE,
    "application/turtle": RdfFormat.TURTLE,
    "text/plain": RdfFormat.N_TRIPLES,
    "text/x-nquads": RdfFormat.N_QUADS,
    "application/xml": RdfFormat.RDF_XML,
    "text/xml": RdfFormat.RDF_XML,
    "application/json": RdfFormat.JSON_LD,
}
ENDINGS: dict[str, RdfFormat] = {
    **{known.file_extension: known for known in FORMATS},
    "turtle": RdfFormat.TURTLE,
    "ntriples": RdfFormat.N_TRIPLES,
    "nquads": RdfFormat.N_QUADS,
    "xml": RdfFormat.RDF_XML,
    "owl": RdfFormat.RDF_XML,
    "json": RdfFormat.JSON_LD,
}

_HINTS = {
    "No scheme found": "begin it with what its relative IRIs are relative to, as @base <https://example.com/> .",
    "LoadDocumentCallback": "contexts of elsewhere are not fetched: write the context into the document itself",
}
_BUFFER = 16 << 20  # bytes of the engine's parsers, which hold a token as a whole
_TOO_LONG = "a literal, an IRI or a comment has more than 16 MiB; keep what is so large in a file, and name that here"
_PIECE = 1 << 20
_EXAMPLES = 5
# RFC 3987: what no IRI may hold, anywhere, and a percent sign that begins no escape.
_REFUSED = re.compile(r"""[\x00-\x20<>"{}|^`\\\x7f-\x9f]|%(?![0-9A-Fa-f]{2})""")
_LAST_RESORT = "urn:twinhouse:repaired:"
_BCP47_LONGEST = 8
_MOST_REMEMBERED = 100_000  # IRIs, so that memory does not grow with the document
# RDF 1.2: no literal without a language may have these.
_TAGGED_ONLY = (RDF["langString"], RDF["dirLangString"])

Graph = NamedNode | BlankNode | DefaultGraph
Term = NamedNode | BlankNode | Literal | Triple


@dataclass(slots=True)
class Repairs:
    """What a lenient reading had to change: how many terms, and the first few before and after."""

    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, before: str, after: str) -> None:
        self.count += 1
        if len(self.examples) < _EXAMPLES and (before, after) not in self.examples:
            self.examples.append((before, after))


def format_of_file(name: str) -> RdfFormat:
    """Return the format that a file name's ending stands for (``model.ttl``)."""
    ending = name.rpartition(".")[2].lower()
    if "." not in name or ending not in ENDINGS:
        raise UnknownFormat(f"{name!r} has no ending of an RDF format; known: {', '.join(sorted(ENDINGS))}")
    return ENDINGS[ending]


def format_of_media_type(text: str) -> RdfFormat:
    """Return the format of a media type, whatever its parameters (``text/turtle; charset=utf-8``)."""
    essence = text.partition(";")[0].strip().lower()
    if essence not in MEDIA_TYPES:
        raise UnknownFormat(f"{text!r} is no RDF media type; known: {', '.join(sorted(MEDIA_TYPES))}")
    return MEDIA_TYPES[essence]


def read_quads(
    source: bytes | IO[bytes] | Path,
    fmt: RdfFormat,
    *,
    base_iri: str | None = None,
    graph: Graph | None = None,
    lenient: bool = False,
    repairs: Repairs | None = None,
) -> Iterator[Quad]:
    """Read a document, a quad at a time; what belongs to its default graph goes into ``graph``.

    A lenient reading repairs the IRIs and language tags that a strict one refuses, so that what comes out
    can be written and read again by anyone; ``repairs`` counts them.
    """
    mend = _Mender(repairs if repairs is not None else Repairs()) if lenient else None
    for quad in _parsed(source, fmt, base_iri, lenient):
        name = quad.graph_name
        moved = graph if graph is not None and isinstance(name, DefaultGraph) else None
        if mend is not None:
            yield mend.quad(quad, moved or name)
        else:
            yield quad if moved is None else Quad(quad.subject, quad.predicate, quad.object, moved)


def _parsed(source: bytes | IO[bytes] | Path, fmt: RdfFormat, base_iri: str | None, lenient: bool) -> Iterator[Quad]:
    with _without_mark(source) as found:
        document, path = (None, found) if isinstance(found, Path) else (found, None)
        try:
            yield from parse(document, fmt, path=path, base_iri=base_iri, rename_blank_nodes=True, lenient=lenient)
        except SyntaxError as error:
            line = error.lineno or (_line_of_xml_error(source) if fmt == RdfFormat.RDF_XML else None)
            raise FormatError(f"{fmt.name}: {_explained(error.msg)}", line=line, column=error.offset) from error
        except ValueError as error:
            raise FormatError(str(error)) from error
        except MemoryError as error:
            if "buffer maximal size" not in str(error):
                raise
            raise FormatError(f"{fmt.name}: {_TOO_LONG}", line=_line_of_long_token(source, fmt)) from None


@contextmanager
def _without_mark(source: bytes | IO[bytes] | Path) -> Iterator[bytes | IO[bytes] | Path]:
    """Lend a document without the byte order mark that Windows begins it with, which no format of RDF has."""
    if isinstance(source, bytes):
        yield source.removeprefix(BOM_UTF8)
    elif isinstance(source, Path):
        with source.open("rb") as file:
            yield file if file.read(len(BOM_UTF8)) == BOM_UTF8 else source
    else:
        if source.seekable():
            begins = source.tell()
            if source.read(len(BOM_UTF8)) != BOM_UTF8:
                source.seek(begins)
        yield source


def _line_of_long_token(source: bytes | IO[bytes] | Path, fmt: RdfFormat) -> int | None:
    """Return the line where a token begins that is longer than the parser's buffer, which does not tell it.

    It is where a parser that reads a file has read to, but for its buffer. That of JSON reads otherwise.
    """
    if fmt == RdfFormat.JSON_LD:
        return None
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as found:
        file = BytesIO(found) if isinstance(found, bytes) else found
        if not file.seekable():
            return None
        file.seek(0)
        with suppress(MemoryError):
            deque(parse(file, fmt, lenient=True), maxlen=0)
        start = max(file.tell() - _BUFFER, 0)
        file.seek(0)
        return 1 + sum(piece.count(b"\n") for piece in _pieces(file, start))


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(size, _PIECE))):
        size -= len(piece)
        yield piece


def _line_of_xml_error(source: bytes | IO[bytes] | Path) -> int | None:
    """Return the line where a document stops being XML, which the parser does not tell."""
    if not isinstance(source, bytes | Path):
        return None
    parser = ParserCreate()
    try:
        parser.Parse(source if isinstance(source, bytes) else source.read_bytes(), True)
    except ExpatError as error:
        return error.lineno
    return None


def _explained(message: str) -> str:
    """Return a parser's message with what to do, where it does not say that."""
    return next((f"{message}; {hint}" for part, hint in _HINTS.items() if part in message), message)


def repair_iri(iri: str) -> str:
    """Return an IRI that RFC 3987 allows: the very same where it does already, else percent-encoded."""
    for candidate in (iri, _REFUSED.sub(_escape, iri), quote(iri, safe=":/?#@!$&'()*+,;=%-._~")):
        if _is_iri(candidate):
            return candidate
    return _LAST_RESORT + quote(iri, safe="")


def _escape(found: re.Match[str]) -> str:
    return quote(found[0], safe="")


def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True


class _Mender:
    """Repairs terms, remembering the IRIs that it has looked at lately. What is sound stays the very same object."""

    def __init__(self, repairs: Repairs) -> None:
        self._repairs = repairs
        self._iris: dict[str, NamedNode | None] = {}

    def quad(self, quad: Quad, graph: Graph) -> Quad:
        triple = quad.triple
        mended = self._triple(triple)
        name = self._iri(graph) if isinstance(graph, NamedNode) else graph
        if mended is triple and name == quad.graph_name:
            return quad
        return Quad(mended.subject, mended.predicate, mended.object, name)

    def _triple(self, triple: Triple) -> Triple:
        subject, predicate, term = triple.subject, triple.predicate, triple.object
        mended = (
            self._iri(subject) if isinstance(subject, NamedNode) else subject,
            self._iri(predicate),
            self._object(term),
        )
        if mended[0] is subject and mended[1] is predicate and mended[2] is term:
            return triple
        return Triple(*mended)

    def _object(self, term: Term) -> Term:
        match term:
            case NamedNode():
                return self._iri(term)
            case Literal():
                return self._literal(term)
            case Triple():
                return self._triple(term)
            case _:
                return term

    def _iri(self, node: NamedNode) -> NamedNode:
        value = node.value
        if value not in self._iris:
            if len(self._iris) >= _MOST_REMEMBERED:
                self._iris.clear()
            repaired = repair_iri(value)
            self._iris[value] = None if repaired == value else NamedNode(repaired)
        known = self._iris[value]
        if known is None:
            return node
        self._repairs.add(value, known.value)
        return known

    def _literal(self, literal: Literal) -> Literal:
        if literal.language is not None:
            return self._tagged(literal, literal.language)
        datatype = literal.datatype
        if datatype in _TAGGED_ONLY:
            self._repairs.add(str(literal), literal.value)
            return Literal(literal.value)
        mended = self._iri(datatype)
        return literal if mended is datatype else Literal(literal.value, datatype=mended)

    def _tagged(self, literal: Literal, language: str) -> Literal:
        try:
            return Literal(literal.value, language=language, direction=literal.direction)
        except ValueError:
            kept = language.partition("-")[0][:_BCP47_LONGEST]
            self._repairs.add(language, kept)
            return Literal(literal.value, language=kept, direction=literal.direction)
