"""Updates beside readings."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.server.twin.hybrid.test_queries import SOSA, ask

_COUNTED = "SELECT (COUNT(*) AS ?n) { ?p :warmest ?v }"


def _update(client: TestClient, text: str, **parameters: str) -> tuple[int, str]:
    headers = {"content-type": "application/sparql-update"}
    answer = client.post("/update", content=SOSA + text, params=parameters, headers=headers)
    return answer.status_code, answer.text and answer.json()["title"]


def test_a_where_sees_readings(filled: TestClient) -> None:
    warmest = """INSERT { GRAPH :found { ?p :warmest ?v } } USING twh:readings WHERE {
        { SELECT ?p (MAX(?x) AS ?v) { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?x FILTER(?x > 2) } GROUP BY ?p }
    }"""
    assert _update(filled, warmest) == (204, "")
    rows = ask(filled, "SELECT ?p ?v { ?p :warmest ?v } ORDER BY ?p")
    assert [(row["p"][-5:], row["v"]) for row in rows] == [("zone1", "24.7"), ("zone2", "22")]


def test_the_default_graph_of_an_update_has_no_readings(filled: TestClient) -> None:
    text = "INSERT { GRAPH :found { ?p :warmest ?v } } WHERE { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v }"
    assert _update(filled, text) == (204, "")
    assert ask(filled, _COUNTED) == [{"n": "0"}]
    assert _update(filled, text, **{"using-union-graph": "true"}) == (204, "")
    assert ask(filled, "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?p :warmest ?v }") == [{"n": "4"}]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { GRAPH twh:readings { :a sosa:madeBySensor :b } }",
        "DELETE DATA { GRAPH <urn:twinhouse:readings> { :a sosa:madeBySensor :b } }",
        "DELETE WHERE { GRAPH twh:readings { ?o sosa:madeBySensor :zone1 } }",
        "WITH twh:readings DELETE { ?o ?p ?q } WHERE { ?o ?p ?q }",
        "CLEAR GRAPH twh:readings",
        "DROP SILENT GRAPH twh:readings",
        "COPY twh:readings TO :other",
        "INSERT { GRAPH twh:readings { ?a :b ?c } } WHERE { ?a rdfs:label ?c }",
    ],
)
def test_readings_are_read_only(site: TestClient, text: str) -> None:
    assert _update(site, text) == (400, "Readings are read only")


def test_the_graph_of_readings_is_no_document(site: TestClient) -> None:
    answer = site.put("/store", params={"graph": "urn:twinhouse:readings"}, content=b"")
    assert answer.json()["type"] == "urn:twinhouse:problem:readings-are-read-only"


@pytest.mark.parametrize("where", ["POST /store", "PUT /store", "POST /models?name=site.trig"])
def test_nor_is_it_in_a_document(site: TestClient, where: str) -> None:
    body = f"{SOSA} GRAPH :own {{ :a :b :c }} GRAPH twh:readings {{ :o sosa:madeBySensor :zone1 }}"
    method, _, url = where.partition(" ")
    answer = site.request(method, url, content=body, headers={"content-type": "application/trig"})
    assert (answer.status_code, answer.json()["title"]) == (400, "Readings are read only")
    assert ask(site, "SELECT (COUNT(*) AS ?n) { GRAPH :own { ?s ?p ?o } }") == [{"n": "0"}]


def test_terms_of_readings_are_ordinary_elsewhere(filled: TestClient) -> None:
    assert _update(filled, "INSERT DATA { GRAPH :g { :x sosa:madeBySensor :own ; sosa:hasSimpleResult 5 } }") == (
        204,
        "",
    )
    assert ask(filled, "SELECT ?v { ?o sosa:madeBySensor :own ; sosa:hasSimpleResult ?v }") == [{"v": "5"}]
    assert len(ask(filled, "SELECT ?v { ?o sosa:madeBySensor :zone1 ; sosa:hasSimpleResult ?v }")) == 48


def test_only_a_first_operation_sees_readings(filled: TestClient) -> None:
    text = """INSERT DATA { :a :b :c } ; INSERT { ?p :warmest 1 } USING twh:readings
        WHERE { ?o sosa:madeBySensor ?p }"""
    assert _update(filled, text) == (400, "Bad request")
