"""RealEstateCore 4 as Turtle: Brick's terms as REC's where it has them, and what it takes to have them back.

The document begins with what its terms stand for, where that is another term:

    rec:Level twh:writtenFor "https://brickschema.org/schema/Brick#Floor"^^xsd:anyURI .

Where a term stands for several (``brick:Floor`` and ``brick:Storey``), that is the most frequent one, and each
statement with another is described as an ``rdf:Statement`` with ``twh:predicate`` and ``twh:object``, its own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import IO

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from ontologies.errors import FormatError
from ontologies.migration import shown
from ontologies.models.form import Model, Options, Source
from ontologies.models.rdf import RdfForm
from ontologies.models.report import NOT_EXPRESSED, RENAMED, Report, times
from ontologies.namespaces import HAYSTACK, PREFIXES, RDF, TWH, XSD, compact
from ontologies.rec_terms import is_rec, rec_term

_TURTLE = RdfForm(RdfFormat.TURTLE)
_FOR, _PREDICATE, _OBJECT = TWH["writtenFor"], TWH["predicate"], TWH["object"]
_MARK = re.compile(rb"\btwh:writtenFor\b|<urn:twinhouse:writtenFor>")
_TYPE = RDF["type"]
_IRI = XSD["anyURI"]
_rec_term = lru_cache(maxsize=10_000)(rec_term)
Subject = NamedNode | BlankNode | Triple
Term = NamedNode | BlankNode | Literal | Triple
Naming = Callable[[NamedNode], NamedNode]


@dataclass(frozen=True, slots=True)
class RealEstateCore:
    """RealEstateCore 4, as Turtle."""

    name: str = "rec"
    title: str = "RealEstateCore 4 (Turtle)"
    media_types: tuple[str, ...] = ()
    endings: tuple[str, ...] = ("rec.ttl",)

    def recognises(self, name: str, head: bytes) -> bool:
        return _MARK.search(head) is not None and _TURTLE.recognises(name, head)

    def read(self, source: Source, options: Options) -> Model:
        """Read REC, and what was written for another term as that term; all of it is in memory meanwhile."""
        model = _TURTLE.read(source, options)
        model.report.form = self.name
        return Model(_restored(model.quads), model.report)

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:  # noqa: ARG002
        """Write the quads, all in memory meanwhile. The report tells what was renamed, and what REC lacks."""
        report = Report(self.name)
        triples = list(dict.fromkeys(quad.triple for quad in quads))
        used = Counter(term for triple in triples for term in _terms_of(triple))
        meant = _meant(used)
        written: defaultdict[Triple, list[Triple]] = defaultdict(list)
        for triple in triples:
            written[_renamed(triple, _rec_term)].append(triple)
        others = {new: olds for new, olds in written.items() if olds != [_renamed(new, lambda t: meant.get(t, t))]}
        document = chain(_dictionary(meant), _statements(others), written)
        serialize(document, sink, RdfFormat.TURTLE, prefixes=PREFIXES)
        _tell(triples, used, report)
        return report


FORMS = (RealEstateCore(),)


def _terms_of(triple: Triple) -> Iterator[NamedNode]:
    yield triple.predicate
    if isinstance(triple.object, NamedNode):
        yield triple.object


def _renamed(triple: Triple, name: Naming) -> Triple:
    value = triple.object
    return Triple(triple.subject, name(triple.predicate), name(value) if isinstance(value, NamedNode) else value)


def _meant(used: Counter[NamedNode]) -> dict[NamedNode, NamedNode]:
    """Return what each term of REC stands for in this document, the most frequent of several."""
    meant: dict[NamedNode, NamedNode] = {}
    for old, _ in sorted(used.items(), key=lambda pair: (-pair[1], pair[0].value)):
        meant.setdefault(_rec_term(old), old)
    return {new: old for new, old in meant.items() if new != old}


def _dictionary(meant: dict[NamedNode, NamedNode]) -> Iterator[Triple]:
    for new, old in sorted(meant.items(), key=lambda pair: pair[0].value):
        yield Triple(new, _FOR, Literal(old.value, datatype=_IRI))


def _statements(others: dict[Triple, list[Triple]]) -> Iterator[Triple]:
    """Describe what the dictionary does not give back: each statement as it is written, and its own terms."""
    for new, olds in others.items():
        for old in olds:
            node = BlankNode()
            yield Triple(node, _TYPE, RDF["Statement"])
            yield Triple(node, RDF["subject"], new.subject)
            yield Triple(node, RDF["predicate"], new.predicate)
            yield Triple(node, RDF["object"], new.object)
            yield Triple(node, _PREDICATE, Literal(old.predicate.value, datatype=_IRI))
            if isinstance(old.object, NamedNode):
                yield Triple(node, _OBJECT, Literal(old.object.value, datatype=_IRI))


def _restored(quads: Iterable[Quad]) -> Iterator[Quad]:
    listed = list(quads)
    meant = {
        quad.subject: _iri_in(quad.object)
        for quad in listed
        if quad.predicate == _FOR and isinstance(quad.subject, NamedNode)
    }
    described = {quad.subject for quad in listed if quad.predicate == _PREDICATE}
    said: defaultdict[Subject, dict[NamedNode, Term]] = defaultdict(dict)
    for quad in listed:
        if quad.subject in described:
            said[quad.subject][quad.predicate] = quad.object
    others = _others(said.values())
    for quad in listed:
        if quad.predicate != _FOR and quad.subject not in described:
            for triple in others.get(quad.triple) or (_renamed(quad.triple, lambda term: meant.get(term, term)),):
                yield Quad(triple.subject, triple.predicate, triple.object, quad.graph_name)


def _others(statements: Iterable[dict[NamedNode, Term]]) -> dict[Triple, list[Triple]]:
    """Return the statements that were described: those written, and what each of them was."""
    others: defaultdict[Triple, list[Triple]] = defaultdict(list)
    for said in statements:
        subject, predicate, value = (said.get(RDF[part]) for part in ("subject", "predicate", "object"))
        if value is None or not isinstance(predicate, NamedNode) or not isinstance(subject, NamedNode | BlankNode):
            raise FormatError(
                "an rdf:Statement with twh:predicate lacks its rdf:subject, rdf:predicate or rdf:object"
            )
        own = _iri_in(said[_OBJECT]) if _OBJECT in said else value
        others[Triple(subject, predicate, value)].append(Triple(subject, _iri_in(said[_PREDICATE]), own))
    return others


def _iri_in(term: Term) -> NamedNode:
    try:
        return NamedNode(term.value if isinstance(term, Literal) else "")
    except ValueError:
        raise FormatError(f"{term} is no IRI: the terms that others were written for are literals of IRIs") from None


def _tell(triples: Iterable[Triple], used: Counter[NamedNode], report: Report) -> None:
    for old, count in used.most_common():
        if (new := _rec_term(old)) != old:
            report.add(RENAMED, shown(old), f"written as {compact(new.value)}, {times(count)}", count)
    said = Counter(_rec_term(triple.predicate) for triple in triples)
    said.update(_rec_term(value) for value in _classes(triples))
    tags = sum(count for term, count in said.items() if term in HAYSTACK)
    if tags:
        report.add(NOT_EXPRESSED, "", f"{tags:,} tags of Haystack are kept as they are", tags)
    for term, count in said.most_common():
        if term not in HAYSTACK and not is_rec(term):
            report.add(NOT_EXPRESSED, compact(term.value), f"REC has no such term: it is kept, {times(count)}", count)


def _classes(triples: Iterable[Triple]) -> Iterator[NamedNode]:
    return (
        value for triple in triples if triple.predicate == _TYPE and isinstance(value := triple.object, NamedNode)
    )
