"""ASK and CONSTRUCT as a SELECT with the same WHERE, and its solutions as their answers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from ontologies.formats import format_of_media_type
from ontologies.namespaces import XSD
from server.twin.hybrid.algebra import Algebra, algebra, expression
from server.twin.hybrid.cells import CSV, FORMATS, JSON, TSV, XML, Format, Texts, joined, together
from server.twin.hybrid.trees import Const, Var
from storage.graph import escaping
from storage.graph.rewriting.syntax import Block, Term, Triple
from storage.graph.rewriting.tokens import NotUnderstood

_PLAIN = re.compile(r"0|[1-9]\d*")
_N_TRIPLES = ox.RdfFormat.N_TRIPLES.media_type
_ANSWERS = {
    JSON: ('{"head":{},"boolean":', "}"),
    XML: (
        '<?xml version="1.0"?><sparql xmlns="http://www.w3.org/2005/sparql-results#"><head></head><boolean>',
        "</boolean></sparql>",
    ),
    CSV: ("", ""),
    TSV: ("", ""),
}


@dataclass(frozen=True, slots=True)
class Form:
    """A query as a SELECT, how its rows are written, and the media type of the answer made of that."""

    select: str
    rows: Format
    media_type: str

    def answer(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Return the answer, of what has been written."""
        return chunks


@dataclass(frozen=True, slots=True)
class _Ask(Form):
    def answer(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        found = b"".join(chunks).count(b"\n") > 1
        before, after = _ANSWERS[self.media_type]
        yield f"{before}{'true' if found else 'false'}{after}".encode()


@dataclass(frozen=True, slots=True)
class _Construct(Form):
    def answer(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        triples = _distinct(chunks)
        if self.media_type == _N_TRIPLES:
            yield from triples
            return
        found = ox.parse(io.BytesIO(b"".join(triples)), ox.RdfFormat.N_TRIPLES)
        yield escaping.serialize((quad.triple for quad in found), format_of_media_type(self.media_type))


def _distinct(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield each line once: an answer is a graph."""
    seen = set[bytes]()
    for chunk in chunks:
        new = [line for line in dict.fromkeys(chunk.splitlines(keepends=True)) if line not in seen]
        seen.update(new)
        yield b"".join(new)


def form_of(text: str, media_type: str) -> Form:
    """Return the form of a query. Raises NotUnderstood for DESCRIBE, and for what a template has no rows for."""
    whole = algebra(text)
    if whole.names_dataset:
        raise NotUnderstood("FROM")
    query, rest = whole.query, text[whole.query.group.start : whole.query.end]
    match query.form:
        case "SELECT" if media_type in FORMATS:
            return Form(text, FORMATS[media_type], media_type)
        case "ASK" if media_type in FORMATS and not query.modifiers:
            return _Ask(f"{whole.prologue}SELECT (1 AS ?found) WHERE {rest} LIMIT 1", FORMATS[TSV], media_type)
        case "CONSTRUCT":
            triples = _template(whole)
            names = sorted({part[1:] for triple in triples for part in triple if part.startswith("?")})
            selected = " ".join(f"?{name}" for name in names)
            if not names:
                raise NotUnderstood("a template without variables")
            rows = Format(str, lambda _: "", _Template(triples).rows, "", "")
            return _Construct(f"{whole.prologue}SELECT {selected} WHERE {rest}", rows, media_type)
    raise NotUnderstood(f"{query.form}, or a format of its own")


def _template(whole: Algebra) -> list[tuple[str, str, str]]:
    """Return the triples of a template: variables with their question marks, constants as N-Triples has them.

    Blank nodes are as they are written.
    """
    head = whole.text[whole.query.start : whole.query.group.start]
    body = head[head.index("{") : head.rindex("}") + 1]
    inside = algebra(f"{whole.prologue}SELECT * WHERE {body}")
    triples = list[tuple[str, str, str]]()
    for element in inside.group.elements:
        if not isinstance(element, Block):
            raise NotUnderstood("a template with more than triples")
        triples += [_written(inside, triple) for triple in element.triples]
    return triples


def _written(inside: Algebra, triple: Triple) -> tuple[str, str, str]:
    verb = triple.verb
    if isinstance(verb, Term):
        predicate = f"?{verb.value}"
    elif verb.kind == "iri":
        predicate = f"<{verb.value}>"
    else:
        raise NotUnderstood("a path in a template")
    return _end(inside, triple.subject), predicate, _end(inside, triple.object)


def _end(inside: Algebra, term: Term) -> str:
    if term.kind == "blank":
        return f"_:{term.value}"
    match expression(inside, term.start):
        case Var(name):
            return f"?{name}"
        case Const(constant) if isinstance(constant, ox.NamedNode) or _is_kept(constant):
            return str(constant)
    raise NotUnderstood("a term of a template")


def _is_kept(constant: ox.Literal) -> bool:
    """Tell whether the engine gives a literal as it is written: numbers and times it may write in another way."""
    if constant.datatype == XSD["integer"]:
        return _PLAIN.fullmatch(constant.value) is not None
    return constant.datatype in (XSD["string"], XSD["boolean"]) or constant.language is not None


class _Template:
    """Makes triples of solutions. Each solution has blank nodes of its own (section 16.2.1)."""

    def __init__(self, triples: Sequence[tuple[str, str, str]]) -> None:
        self._triples = triples
        nodes = dict.fromkeys(part for triple in triples for part in triple if part.startswith("_:"))
        self._labels = {part: f"_:t{uuid4().hex}n{number}r" for number, part in enumerate(nodes)}
        self._done = 0

    def rows(self, names: Sequence[str], columns: Sequence[Texts]) -> Texts:
        """Return the lines of N-Triples that each row makes: none where a term is unbound, or may not stand there."""
        size = len(columns[0])
        cells = {f"?{name}": column for name, column in zip(names, columns, strict=True)}
        numbers = pa.array(range(self._done, self._done + size), pa.int64()).cast(pa.string())
        cells |= {part: joined(label, numbers) for part, label in self._labels.items()}
        self._done += size
        lines = [self._line([cells.get(part, part) for part in triple], size) for triple in self._triples]
        return together(lines, "")

    @staticmethod
    def _line(parts: Sequence[str | Texts], size: int) -> Texts:
        line = joined(*(piece for part in parts for piece in (part, " ")), ".\n")
        for part, starts in ((parts[0], ("<", "_:")), (parts[1], ("<",))):
            if not isinstance(part, str):
                line = pc.if_else(_begins(part, starts), line, None)
        return line if isinstance(line, pa.Array) else pa.array([str(line)] * size, pa.string())


def _begins(cells: Texts, starts: Sequence[str]) -> Texts:
    first, *others = (pc.starts_with(cells, start) for start in starts)
    for other in others:
        first = pc.or_(first, other)
    return first
