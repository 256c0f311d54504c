"""SPARQL 1.1 Service Description: what the endpoint can do, in RDF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox
from starlette.requests import Request
from starlette.responses import Response

from ontologies.formats import format_of_media_type
from ontologies.namespaces import RDF
from server.negotiation import GRAPHS, choose
from server.protocols.http import accepted, settings_of
from server.settings import Settings

_SD = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS = "http://www.w3.org/ns/formats/"
_RESULT_FORMATS = ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV")
_GRAPH_FORMATS = ("Turtle", "N-Triples", "RDF_XML", "JSON-LD", "TriG", "N-Quads")
_LANGUAGES = ("SPARQL10Query", "SPARQL11Query", "SPARQL11Update")


def describe(request: Request) -> Response:
    """Describe the endpoint that the request came to."""
    media_type = choose(list(GRAPHS.values()), accepted(request))
    settings = settings_of(request)
    features = [name for name, on in _features(settings).items() if on]
    triples = _triples(str(request.url.replace(path="/sparql", query="", fragment="")), features)
    body = ox.serialize(triples, format=format_of_media_type(media_type))
    return Response(body, media_type=media_type)


def _features(settings: Settings) -> dict[str, bool]:
    return {
        "UnionDefaultGraph": settings.default_graph == "union",
        "BasicFederatedQuery": bool(settings.outbound_hosts),
    }


def _triples(endpoint: str, features: Iterable[str]) -> Iterator[ox.Triple]:
    service, data, graph = (ox.BlankNode() for _ in range(3))
    yield ox.Triple(service, RDF["type"], _sd("Service"))
    yield ox.Triple(service, _sd("endpoint"), ox.NamedNode(endpoint))
    for name in _LANGUAGES:
        yield ox.Triple(service, _sd("supportedLanguage"), _sd(name))
    for name in (*_RESULT_FORMATS, *_GRAPH_FORMATS):
        yield ox.Triple(service, _sd("resultFormat"), ox.NamedNode(_FORMATS + name))
    for name in _GRAPH_FORMATS:
        yield ox.Triple(service, _sd("inputFormat"), ox.NamedNode(_FORMATS + name))
    for name in features:
        yield ox.Triple(service, _sd("feature"), _sd(name))
    yield ox.Triple(service, _sd("defaultDataset"), data)
    yield ox.Triple(data, RDF["type"], _sd("Dataset"))
    yield ox.Triple(data, _sd("defaultGraph"), graph)
    yield ox.Triple(graph, RDF["type"], _sd("Graph"))


def _sd(name: str) -> ox.NamedNode:
    return ox.NamedNode(_SD + name)
