"""JSON-LD 1.1 for people: compacted, with a context of the prefixes and of what each property holds.

Blank nodes that are mentioned once stand where they are mentioned. Reading is that of any JSON-LD.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple

from ontologies.models.form import Model, Options, Source
from ontologies.models.rdf import RdfForm
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import PREFIXES, RDF, XSD

Json = Any
_TYPE = RDF["type"]
_STRING, _BOOLEAN, _INTEGER = XSD["string"], XSD["boolean"], XSD["integer"]
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")
_MIXED = object()
_BASES = sorted(PREFIXES.items(), key=lambda pair: -len(pair[1]))
Node = NamedNode | BlankNode
Term = NamedNode | BlankNode | Literal | Triple


@dataclass(frozen=True, slots=True)
class CompactJsonLd:
    """JSON-LD, written compacted."""

    name: str = "jsonld-compact"
    title: str = "JSON-LD, compacted with a context"
    media_types: tuple[str, ...] = ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"',)
    endings: tuple[str, ...] = ("compact.jsonld",)

    def recognises(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - it is read as any JSON-LD
        return False

    def read(self, source: Source, options: Options) -> Model:
        return RdfForm(RdfFormat.JSON_LD).read(source, options)

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:  # noqa: ARG002
        """Write the quads, which are all in memory meanwhile."""
        report = Report(self.name)
        sink.write(json.dumps(_document(quads, report), ensure_ascii=False, indent=1).encode() + b"\n")
        return report


FORMS = (CompactJsonLd(),)


@dataclass(slots=True)
class _Graph:
    """The statements of a graph by subject and predicate, and how often each blank node is mentioned."""

    nodes: defaultdict[Node, defaultdict[NamedNode, list[Term]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    mentions: Counter[Term] = field(default_factory=Counter)


def _document(quads: Iterable[Quad], report: Report) -> Json:
    graphs: defaultdict[Node | DefaultGraph, _Graph] = defaultdict(_Graph)
    kinds: dict[NamedNode, object] = {}
    for quad in quads:
        if isinstance(quad.subject, Triple) or isinstance(quad.object, Triple):
            report.add(NOT_EXPRESSED, str(quad.predicate), "a statement about a statement")
            continue
        graph = graphs[quad.graph_name]
        graph.nodes[quad.subject][quad.predicate].append(quad.object)
        if isinstance(quad.object, BlankNode):
            graph.mentions[quad.object] += 1
        kind = _kind(quad.object)
        kinds[quad.predicate] = kind if kinds.get(quad.predicate, kind) == kind else _MIXED
    writer = _Writer(kinds)
    members = list(writer.graph(graphs[DefaultGraph()])) if DefaultGraph() in graphs else []
    for name, graph in sorted(((n, g) for n, g in graphs.items() if not isinstance(n, DefaultGraph)), key=_by_name):
        members.append({"@id": writer.iri(name), "@graph": list(writer.graph(graph))})
    return {"@context": writer.context(), "@graph": members}


def _by_name(pair: tuple[Node, _Graph]) -> str:
    return str(pair[0])


def _kind(term: Term) -> object:
    """Return what all values of a property have to share for the context to say it: a datatype, or @id."""
    if isinstance(term, Literal):
        return _MIXED if term.language is not None else term.datatype
    return "@id"


class _Writer:
    """Writes nodes, and remembers what the context has to say for that."""

    def __init__(self, kinds: dict[NamedNode, object]) -> None:
        self._kinds = kinds
        self._prefixes: set[str] = set()
        self._coerced: dict[str, str] = {}

    def context(self) -> Json:
        prefixes = {prefix: PREFIXES[prefix] for prefix in sorted(self._prefixes)}
        return prefixes | {name: {"@type": kind} for name, kind in sorted(self._coerced.items())}

    def iri(self, node: Node) -> str:
        """Return a node's name, compact where its prefix is known."""
        if isinstance(node, BlankNode):
            return f"_:{node.value}"
        for prefix, base in _BASES:
            local = node.value[len(base) :]
            if local and node.value.startswith(base) and not local.startswith("//"):
                self._prefixes.add(prefix)
                return f"{prefix}:{local}"
        return node.value

    def graph(self, graph: _Graph) -> Iterable[Json]:
        nested = {node for node in graph.nodes if isinstance(node, BlankNode) and graph.mentions[node] == 1}
        done: set[Node] = set()
        roots = sorted((node for node in graph.nodes if node not in nested), key=str)
        # A ring of blank nodes hangs on nothing: one of them has to begin it.
        for node in (*roots, *sorted(nested, key=str)):
            if node not in done:
                yield self._node(node, graph, nested, done, named=node in nested or graph.mentions[node] > 0)

    def _node(self, node: Node, graph: _Graph, nested: set[BlankNode], done: set[Node], *, named: bool) -> Json:
        done.add(node)
        found: dict[str, Json] = {"@id": self.iri(node)} if named or isinstance(node, NamedNode) else {}
        for predicate, terms in sorted(graph.nodes[node].items(), key=lambda pair: (pair[0] != _TYPE, str(pair[0]))):
            if predicate == _TYPE and self._kinds[predicate] == "@id":
                values: list[Json] = [
                    self.iri(t) for t in sorted(terms, key=str) if isinstance(t, NamedNode | BlankNode)
                ]
                found["@type"] = values[0] if len(values) == 1 else values
                continue
            values = [self._value(predicate, term, graph, nested, done) for term in sorted(terms, key=str)]
            found[self.iri(predicate)] = values[0] if len(values) == 1 else values
        return found

    def _value(
        self, predicate: NamedNode, term: Term, graph: _Graph, nested: set[BlankNode], done: set[Node]
    ) -> Json:
        if isinstance(term, Literal):
            return self._literal(predicate, term)
        if isinstance(term, BlankNode) and term in nested and term not in done:
            return self._node(term, graph, nested, done, named=False)
        assert not isinstance(term, Triple)  # noqa: S101 - they were left out
        if self._kinds[predicate] != "@id":
            return {"@id": self.iri(term)}
        self._coerced[self.iri(predicate)] = "@id"
        return self.iri(term)

    def _literal(self, predicate: NamedNode, literal: Literal) -> Json:
        text, kind = literal.value, literal.datatype
        if literal.language is not None:
            tagged = {"@value": text, "@language": literal.language}
            direction = getattr(literal, "direction", None)
            return tagged if direction is None else {**tagged, "@direction": str(direction)}
        if kind == _STRING and self._kinds[predicate] in (_STRING, _MIXED):
            return text
        if kind == _BOOLEAN and text in ("true", "false"):
            return text == "true"
        if kind == _INTEGER and _WHOLE.fullmatch(text):
            return int(text)
        if self._kinds[predicate] != kind or kind in (_BOOLEAN, _INTEGER):
            return {"@value": text, "@type": self.iri(kind)}
        self._coerced[self.iri(predicate)] = self.iri(kind)
        return text
