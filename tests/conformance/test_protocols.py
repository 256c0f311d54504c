"""SPARQL Protocol and Graph Store HTTP Protocol: the requests of the manifests, in order, and their answers."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from httpx2 import Response

from tests.conformance.cases import Case, Exchange, Expected, Kind
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.rdf import dataset
from tests.conformance.service import Service, media_type

_FORMATS = {
    "boolean": {"application/sparql-results+xml", "application/sparql-results+json"},
    "tabular": {
        "application/sparql-results+xml",
        "application/sparql-results+json",
        "text/tab-separated-values",
        "text/csv",
    },
    "RDF": {"application/rdf+xml", "text/turtle", "application/n-triples", "application/ld+json"},
}


@pytest.mark.parametrize("case", parameters(of(Kind.PROTOCOL, Kind.GRAPH_STORE)))
def test_exchange(case: Case, service: Service) -> None:
    """Expect each answer's status, media type and content; a Location is where later requests go."""
    assert case.exchanges
    service.load(case.data)
    location: dict[str, str] = {}
    for exchange in case.exchanges:
        answer = service.send(exchange, _path(exchange, location))
        _check(answer, exchange.expected)
        if exchange.expected.location:
            location[exchange.expected.location] = answer.headers["location"]


def _path(exchange: Exchange, location: dict[str, str]) -> str:
    """Return the path as we have it: `/sparql` without a slash, and `/store` for `/gsp`."""
    path = exchange.path.replace("/sparql/", "/sparql", 1).replace("/gsp", "/store", 1)
    for name, value in location.items():
        path = path.replace(name, value)
    return path


def _check(answer: Response, expected: Expected) -> None:
    met = str(answer.status_code).startswith(tuple(expected.statuses))
    assert met, f"expected {sorted(expected.statuses)}, got {answer.status_code} {answer.text}"
    if expected.format:
        assert media_type(answer) in _FORMATS[expected.format]
    if expected.boolean is not None:
        assert answer.json()["boolean"] is expected.boolean
    if expected.location:
        assert answer.headers.get("location"), "no Location"
    if expected.media_type:
        assert media_type(answer) == expected.media_type.partition(";")[0]
    if expected.body:
        assert _graph(answer.text) == _graph(expected.body)


def _graph(turtle: str) -> ox.Dataset:
    return dataset(list(ox.parse(turtle, ox.RdfFormat.TURTLE)))
