"""SPARQL Service Description: its manifest names three tests and leaves it to the reader to write them."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from tests.conformance.cases import Case, Kind
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.rdf import TYPE, Graph, Resource
from tests.conformance.service import AUTHORITY, Service, media_type, must

SD = "http://www.w3.org/ns/sparql-service-description#"
_ENDPOINT = ox.NamedNode(f"{AUTHORITY}/sparql")

# What each property's value is an instance of (Service Description, section 3.4).
_RANGES = {
    "supportedLanguage": "Language",
    "extensionFunction": "Function",
    "extensionAggregate": "Aggregate",
    "languageExtension": "Feature",
    "feature": "Feature",
    "defaultDataset": "Dataset",
    "availableGraphs": "GraphCollection",
    "defaultGraph": "Graph",
    "namedGraph": "NamedGraph",
    "graph": "Graph",
}


@pytest.mark.parametrize("case", parameters(of(Kind.DESCRIPTION)))
def test_description(case: Case, service: Service) -> None:
    """Expect a GET of the endpoint, without a query, to describe it in RDF."""
    answer = must(service.client.get("/sparql", headers={"accept": "text/turtle"}))
    assert media_type(answer) == "text/turtle"
    graph = Graph(tuple(ox.parse(answer.content, ox.RdfFormat.TURTLE)))
    if case.name == "has-endpoint-triple":
        assert graph.subjects(SD + "endpoint", _ENDPOINT)
    if case.name == "conforms-to-schema":
        _check_schema(graph)


def _check_schema(graph: Graph) -> None:
    services = graph.subjects(SD + "endpoint", _ENDPOINT)
    assert [graph.text(service, TYPE) for service in services] == [SD + "Service"]
    assert all(_has_known_type(graph, service) for service in services)


def _has_known_type(graph: Graph, node: Resource) -> bool:
    """Tell whether the values of the vocabulary's properties are, where they say what they are, what they must be."""
    for name, kind in _RANGES.items():
        for value in graph.resources(node, SD + name):
            types = graph.texts(value, TYPE)
            if (types and SD + kind not in types) or not _has_known_type(graph, value):
                return False
    return True
