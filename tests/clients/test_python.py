"""Clients written in Python: rdflib, SPARQLWrapper, Oxigraph's own SERVICE and LOAD, pandas."""

from __future__ import annotations

import http.client
import json
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pandas as pd
import pyoxigraph as ox
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLUpdateStore

from tests.clients.service import PRODUCT, ROWS, TOKEN
from tests.server.building import PREFIXES, SITE, ZONES
from tests.support.service import Service

A, P = rdflib.URIRef("urn:python:a"), rdflib.URIRef("urn:python:p")
FIRST, SECOND = rdflib.URIRef("urn:python:first"), rdflib.URIRef("urn:python:second")


@pytest.fixture
def wrapper() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of things that Python deprecates
        import SPARQLWrapper

        yield SPARQLWrapper


def update_store(service: Service, **options: Any) -> SPARQLUpdateStore:  # noqa: ANN401 - rdflib's
    return SPARQLUpdateStore(f"{service.url}/query", f"{service.url}/update", **options)


def rows(result: rdflib.query.Result) -> list[tuple[str, ...]]:
    return sorted(tuple(str(term) for term in row) for row in result)  # type: ignore[union-attr]


def test_rdflib_keeps_graphs_apart(service: Service) -> None:
    first, second = (rdflib.Graph(update_store(service), identifier=name) for name in (FIRST, SECOND))
    first.add((A, P, rdflib.Literal(1)))
    second.add((A, P, rdflib.Literal(2)))
    question = "SELECT ?o WHERE { <urn:python:a> <urn:python:p> ?o }"
    assert rows(first.query(question)) == [("1",)]
    assert rows(second.query(question)) == [("2",)]
    assert {FIRST, SECOND} <= set(update_store(service).contexts())
    second.update("DELETE { ?s ?p ?o } INSERT { ?s ?p 3 } WHERE { ?s ?p ?o }")
    assert (len(first), rows(first.query(question)), rows(second.query(question))) == (1, [("1",)], [("3",)])
    update_store(service).remove_graph(first)
    assert len(first) == 0
    assert len(second) == 1


def test_rdflib_commits_many_at_a_time(service: Service) -> None:
    store = update_store(service, autocommit=False)
    graph = rdflib.Graph(store, identifier="urn:python:many")
    for number in range(1000):
        graph.add((A, P, rdflib.Literal(f"number {number}\n\"'\\")))
    store.rollback()
    graph.add((A, P, rdflib.Literal("kept", lang="en")))
    store.commit()
    assert list(graph.objects(A, P)) == [rdflib.Literal("kept", lang="en")]


def test_rdflib_binds_variables(service: Service) -> None:
    graph = rdflib.Graph(update_store(service))
    zone = rdflib.URIRef(SITE + "zone1")
    assert rows(graph.query(ZONES, initBindings={"point": zone})) == [(SITE + "zone1", SITE + "vav1")]


def test_rdflib_raises_what_is_wrong(service: Service) -> None:
    graph = rdflib.Graph(update_store(service), identifier="urn:python:wrong")
    with pytest.raises(HTTPError, match="400") as refused:
        graph.update("INSERT DATA { ?s <urn:python:p> 1 }")
    with refused.value:
        assert json.load(refused.value)["title"] == "Query syntax"


def test_rdflib_sends_the_token_as_password(secret: Service) -> None:
    graph = rdflib.Graph(update_store(secret, auth=("anyone", TOKEN)), identifier="urn:python:secret")
    graph.add((A, P, rdflib.Literal("secret")))
    assert graph.query("ASK { <urn:python:a> ?p ?o }").askAnswer is True
    with pytest.raises(HTTPError, match="401") as refused:
        rdflib.Graph(update_store(secret), identifier="urn:python:secret").update("CLEAR ALL")
    refused.value.close()
    assert graph.query("ASK { <urn:python:a> ?p ?o }").askAnswer is True


@pytest.mark.parametrize("directly", [False, True])
def test_sparqlwrapper_names_the_dataset(service: Service, wrapper: Any, directly: bool) -> None:  # noqa: ANN401
    for number, graph in enumerate(("urn:wrapper:1", "urn:wrapper:2")):
        insert = wrapper.SPARQLWrapper(f"{service.url}/sparql")
        insert.setMethod(wrapper.POST)
        insert.setQuery(f"INSERT DATA {{ GRAPH <{graph}> {{ <urn:wrapper:s> <urn:wrapper:p> {number} }} }}")
        insert.query()
    client = wrapper.SPARQLWrapper(f"{service.url}/query", returnFormat=wrapper.JSON)
    if directly:
        client.setMethod(wrapper.POST)
        client.setRequestMethod(wrapper.POSTDIRECTLY)
    client.addDefaultGraph("urn:wrapper:1")
    client.addNamedGraph("urn:wrapper:2")
    client.setQuery("SELECT ?o ?n WHERE { ?s <urn:wrapper:p> ?o GRAPH ?g { ?s <urn:wrapper:p> ?n } }")
    [row] = client.query().convert()["results"]["bindings"]
    assert (row["o"]["value"], row["n"]["value"]) == ("0", "1")


def test_sparqlwrapper_tells_errors_apart(service: Service, secret: Service, wrapper: Any) -> None:  # noqa: ANN401
    def ask(url: str, text: str, password: str | None = None) -> Any:  # noqa: ANN401 - its JSON
        client = wrapper.SPARQLWrapper(url, returnFormat=wrapper.JSON)
        client.setQuery(text)
        if password:
            client.setCredentials("anyone", password)
        return client.query().convert()

    errors = wrapper.SPARQLExceptions
    with pytest.raises(errors.QueryBadFormed, match="query-syntax"):
        ask(f"{service.url}/query", "SELECT ?x { ?x a }")
    with pytest.raises(errors.EndPointNotFound):
        ask(f"{service.url}/nowhere", "ASK {}")
    with pytest.raises(errors.Unauthorized):
        ask(f"{secret.url}/query", "ASK {}")
    assert ask(f"{secret.url}/query", "ASK {}", TOKEN)["boolean"] is True


def test_another_store_asks_by_service(service: Service) -> None:
    store = ox.Store()
    store.load(f'<{SITE}zone2> <urn:owner> "Ada" .', ox.RdfFormat.TURTLE)
    found = store.query(
        f"""{PREFIXES} SELECT ?owner ?box WHERE {{ ?point <urn:owner> ?owner
          SERVICE <{service.url}/query> {{ ?box a brick:VAV ; brick:hasPoint ?point }} }}"""
    )
    assert isinstance(found, ox.QuerySolutions)
    assert [(row["owner"].value, row["box"].value) for row in found] == [("Ada", SITE + "vav2")]


def test_another_store_loads_a_graph(service: Service) -> None:
    rdflib.Graph(update_store(service), identifier="urn:python:loaded").add((A, P, rdflib.Literal("é", lang="fr")))
    store = ox.Store()
    store.update(f"LOAD <{service.url}/store?graph=urn:python:loaded>")
    assert [quad.object for quad in store] == [ox.Literal("é", language="fr")]


def test_rdflib_asks_by_service(service: Service) -> None:
    found = rdflib.Graph().query(f"{PREFIXES} SELECT ?box {{ SERVICE <{service.url}/query> {{ ?box a brick:VAV }} }}")
    assert rows(found) == [(SITE + "vav1",), (SITE + "vav2",)]


def csv_url(service: Service, limit: str = "") -> str:
    return f"{service.url}/query?" + urlencode({"query": f"SELECT ?a ?b ?c {PRODUCT} {limit}", "format": "csv"})


def test_a_frame_is_read_from_the_url_of_a_query(service: Service) -> None:
    frame = pd.read_csv(csv_url(service, f"LIMIT {ROWS}"))
    assert frame.shape == (ROWS, 3)


def test_a_frame_is_never_half_an_answer(service: Service) -> None:
    with pytest.raises(http.client.IncompleteRead):
        pd.read_csv(csv_url(service))
