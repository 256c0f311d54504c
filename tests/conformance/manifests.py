"""Reads the suites' manifests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import urljoin

import pyoxigraph as ox

from tests.conformance import archive
from tests.conformance.cases import Case, Kind, Sources
from tests.conformance.exchanges import exchanges
from tests.conformance.rdf import TYPE, Graph, Resource, Term, document

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"

_MANIFEST = re.compile(re.escape(archive.ROOT) + r"(?P<suite>sparql1\d)/(?P<category>[^/]+)/manifest[^/]*\.ttl")
_FROM = re.compile(r"\bFROM\s+(?P<named>NAMED\s+)?<(?P<iri>[^>]*)>", re.IGNORECASE)


@cache
def cases() -> tuple[Case, ...]:
    """Return every entry of every manifest, in the order of the suites; none where the archive is missing."""
    return tuple(_all()) if archive.present() else ()


def of(*kinds: Kind) -> list[Case]:
    """Return the cases of some kinds."""
    return [case for case in cases() if case.kind in kinds]


def _all() -> Iterator[Case]:
    for url in archive.files():
        if found := _MANIFEST.fullmatch(url):
            graph = Graph(document(url))
            for entry in _entries(graph):
                yield _case(graph, entry, found["suite"], found["category"])


def _entries(graph: Graph) -> Iterator[Resource]:
    for manifest in graph.subjects(TYPE, ox.NamedNode(MF + "Manifest")):
        for head in graph.objects(manifest, MF + "entries"):
            yield from (item for item in graph.items(head) if isinstance(item, Resource))


def _case(graph: Graph, entry: Resource, suite: str, category: str) -> Case:
    action = graph.objects(entry, MF + "action")
    text = _text(graph, action[0]) if action else ""
    result = graph.resources(entry, MF + "result")
    return Case(
        suite,
        category,
        entry.value.rpartition("#")[2],
        _kind(graph, entry),
        frozenset(name.removeprefix(MF) for name in graph.texts(entry, MF + "requires")),
        text=text,
        data=_data(graph, entry, action, text),
        result=graph.text(entry, MF + "result"),
        after=_sources(graph, result[0]) if result else Sources(),
        lax=graph.text(entry, MF + "resultCardinality") == MF + "LaxCardinality",
        exchanges=tuple(exchanges(graph, action[0])) if action else (),
        endpoints=tuple(_endpoints(graph, action[0])) if action else (),
    )


def _kind(graph: Graph, entry: Resource) -> Kind:
    kind = graph.text(entry, TYPE)
    assert kind is not None
    return Kind(kind.rpartition("#")[2].removesuffix("11"))


def _text(graph: Graph, action: Term) -> str:
    """Return the URL of the query or update: the action itself in a syntax test, else a part of it."""
    if found := graph.text(action, QT + "query") or graph.text(action, UT + "request"):
        return found
    return str(getattr(action, "value", "")) if str(action).startswith("<") else ""


def _data(graph: Graph, entry: Resource, action: list[Term], text: str) -> Sources:
    found = _sources(graph, action[0]) if action else Sources()
    own = _sources(graph, entry)  # the protocol's manifest has the data beside the action
    if found == own == Sources() and text.endswith(".rq"):
        return _named_in_text(text)
    return Sources(found.default, found.named + own.named)


def _sources(graph: Graph, node: Term) -> Sources:
    default = [*graph.texts(node, QT + "data"), *graph.texts(node, UT + "data")]
    nodes = [*graph.objects(node, QT + "graphData"), *graph.objects(node, UT + "graphData")]
    return Sources(tuple(default), tuple(_named(graph, item) for item in nodes))


def _endpoints(graph: Graph, action: Term) -> Iterator[tuple[str, Sources]]:
    for node in graph.resources(action, QT + "serviceData"):
        iri = graph.text(node, QT + "endpoint")
        assert iri is not None
        yield iri, _sources(graph, node)


def _named(graph: Graph, node: Term) -> tuple[str, str]:
    """Return the name and the file of a graph, which is its own name or has a label."""
    file = graph.text(node, UT + "graph") or graph.text(node, QT + "graph") or str(getattr(node, "value", ""))
    return graph.text(node, LABEL) or file, file


def _named_in_text(url: str) -> Sources:
    """Return the files that FROM and FROM NAMED ask for: a client of a store loads them first."""
    names = {urljoin(url, found["iri"]) for found in _FROM.finditer(archive.text(url))}
    return Sources((), tuple((name, name) for name in sorted(names) if name in archive.files()))
