"""Queries over graph and readings, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

from ontologies.formats import format_of_media_type
from tests.server.building import ALL, NUMBERS, PREFIXES, START, STEPS, ZONE_1

SOSA = PREFIXES + "PREFIX sosa: <http://www.w3.org/ns/sosa/> PREFIX twh: <urn:twinhouse:>\n"


def ask(client: TestClient, text: str) -> list[dict[str, str]]:
    """Return the solutions, of each term its value."""
    answer = client.post("/query", content=SOSA + text, headers={"content-type": "application/sparql-query"})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return [{name: term["value"] for name, term in row.items()} for row in body["results"]["bindings"]]


def test_counts_readings(site: TestClient) -> None:
    assert ask(site, "SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor ?p }") == [{"n": str(ALL)}]
    assert ask(site, "SELECT (COUNT(*) AS ?n) { ?o a sosa:Observation ; sosa:resultTime ?t }") == [{"n": str(ALL)}]


def test_history_of_a_point(site: TestClient) -> None:
    rows = ask(
        site,
        "SELECT ?o ?t ?v { ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v } ORDER BY ?t",
    )
    assert len(rows) == STEPS
    assert rows[1] == {
        "o": f"urn:twinhouse:observation:{ZONE_1}:20260105T003000Z",
        "t": "2026-01-05T00:30:00Z",
        "v": "20.1",
    }


def test_current_value(site: TestClient) -> None:
    rows = ask(site, "SELECT ?v ?t { :mode brick:lastKnownValue [ brick:value ?v ; brick:timestamp ?t ] }")
    assert rows == [{"v": "vacant", "t": "2026-01-05T23:30:00Z"}]


def test_status(site: TestClient) -> None:
    assert ask(site, "SELECT ?s { ?o sosa:madeBySensor :mode ; twh:status ?s }") == [{"s": "test"}]


def test_a_query_without_the_vocabulary_sees_none(site: TestClient) -> None:
    assert not ask(site, "SELECT ?o { ?o ?p 20.1e0 }")


def test_readings_are_a_graph(site: TestClient) -> None:
    rows = ask(
        site, "SELECT (COUNT(*) AS ?n) { GRAPH twh:readings { ?o sosa:hasSimpleResult ?v FILTER(isNumeric(?v)) } }"
    )
    assert rows == [{"n": str(NUMBERS)}]


def test_buckets_and_aggregates_of_ours(site: TestClient) -> None:
    rows = ask(
        site,
        """SELECT ?h (twh:last(?v, ?t) AS ?last) (twh:median(?v) AS ?median) (twh:timeWeightedMean(?v, ?t) AS ?mean)
             (twh:percentile(?v, 50) AS ?half) (twh:integral(?v, ?t) AS ?hours) {
             ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v
             BIND(twh:bucket(?t, "PT2H", "Europe/Berlin") AS ?h)
           } GROUP BY ?h ORDER BY ?h LIMIT 2""",
    )
    assert rows[1].pop("h") == "2026-01-05T01:00:00Z"
    assert {name: round(float(value), 9) for name, value in rows[1].items()} == {
        "last": 20.5,
        "median": 20.35,
        "mean": 20.3,
        "half": 20.35,
        "hours": 30.45,
    }


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
def test_an_ask_of_readings_is_answered_as_any(site: TestClient, name: str) -> None:
    for of_readings, of_graph in (
        ("?o sosa:madeBySensor :zone1", ""),
        ("?o sosa:madeBySensor :silent", "FILTER(1 > 2)"),
    ):
        asked, plain = (
            site.get("/query", params={"query": f"{SOSA} ASK {{ {where} }}", "format": name})
            for where in (of_readings, of_graph)
        )
        assert (asked.content, asked.headers["content-type"]) == (plain.content, plain.headers["content-type"])


@pytest.mark.parametrize("name", ["turtle", "ntriples", "jsonld"])
def test_a_graph_is_made_of_readings(site: TestClient, name: str) -> None:
    where = "?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v FILTER(?v > 24.5)"
    text = f"{SOSA} CONSTRUCT {{ ?p :warm ?v ; a :Warm }} {{ {where} }}"
    assert site.get("/query", params={"query": text, "explain": "plan"}).json()["path"] == "pushed"
    answer = site.get("/query", params={"query": text, "format": name})
    quads = ox.parse(answer.content, format_of_media_type(answer.headers["content-type"].partition(";")[0]))
    assert sorted(quad.object.value for quad in quads) == ["24.6", "24.7", "urn:site#Warm"]


def test_a_reading_has_an_address(site: TestClient) -> None:
    triples = site.get(f"/observations/{ZONE_1}/20260105T003000Z", headers={"accept": "application/n-triples"}).text
    assert sorted(line.split("> ")[1].rpartition("/")[2] for line in triples.splitlines()) == [
        "22-rdf-syntax-ns#type",
        "hasSimpleResult",
        "madeBySensor",
        "madeObservation",
        "resultTime",
    ]
    described = site.get(
        "/query", params={"query": f"DESCRIBE <urn:twinhouse:observation:{ZONE_1}:20260105T003000Z>"}
    )
    assert "20.1" in described.text
    assert site.get(f"/observations/{ZONE_1}/20260105T003000.5Z").status_code == 404
    assert site.get(f"/observations/{ZONE_1}/yesterday").status_code == 404


def test_explains(site: TestClient) -> None:
    text = (
        SOSA
        + "SELECT (AVG(?v) AS ?m) { :vav1 brick:hasPoint ?p . ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v }"
    )
    document = site.get("/query", params={"query": text, "explain": "true"}).json()
    assert (document["path"], document["rows"]) == ("pushed", {"graph": 1, "points": 1, "answer": 1})
    assert "avg(r0.value)" in document["series"][0]
    assert site.get("/query", params={"query": text, "explain": "plan"}).json()["path"] == "pushed"
    document = site.get(
        "/query", params={"query": text.replace("AVG(?v)", "SUM(STRLEN(STR(?v)))"), "explain": "true"}
    ).json()
    assert (document["path"], document["rows"]["materialised"]) == ("mixed", STEPS)
    assert site.get("/query", params={"query": "ASK {}", "explain": "true"}).json()["path"] == "graph"


_VALUES = "?o sosa:madeBySensor ?p ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v"


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT ?p (GROUP_CONCAT(STR(?v) ; separator=',') AS ?all) {{ {_VALUES} }} GROUP BY ?p",
        f"SELECT (GROUP_CONCAT(?l) AS ?all) {{ ?p rdfs:label ?l . {_VALUES} }}",
        f"CONSTRUCT {{ [] :of ?p ; :at ?t }} {{ {_VALUES} FILTER(?v > 24) }}",
        f"SELECT ?p ?v {{ {{ {_VALUES} FILTER(?v > 24) }} UNION {{ ?p brick:lastKnownValue/brick:value ?v }} }}",
        f"SELECT ?c (AVG(?v) AS ?m) {{ {{ ?p a ?c ; rdfs:label 'Fan' . {_VALUES} FILTER(?v < 9) }} UNION"
        f" {{ ?e a ?c ; brick:hasPoint ?p . {_VALUES} FILTER(?v < 9) }} }} GROUP BY ?c",
        f"SELECT (twh:integral(?v, ?t) AS ?all) {{ ?e brick:hasPoint ?p FILTER(?p = :zone1) {_VALUES} }}",
    ],
)
def test_is_pushed_down(site: TestClient, text: str) -> None:
    document = site.get("/query", params={"query": SOSA + text, "explain": "true"}).json()
    path = "mixed" if "brick:value" in text else "pushed"  # one branch is answered first, the other is a path
    assert (document["path"], document["rows"].get("materialised", 0)) == (path, 0)


@pytest.mark.parametrize(
    "condition",
    [
        '?v > "abc"^^xsd:integer',
        '?v > "1_0"^^xsd:integer',
        '?v < "1e9"^^xsd:decimal',
        '?v > "-infinite"^^xsd:double',
        '?t > "20260105T000000Z"^^xsd:dateTime',
        '?t > "2026-01-05 00:00:00Z"^^xsd:dateTime',
        '?t < NOW() - "1h"^^xsd:dayTimeDuration',
        'IF("maybe"^^xsd:boolean, ?v > 0, ?v > 0)',
    ],
)
def test_a_constant_that_is_none_of_its_datatype_is_an_error(site: TestClient, condition: str) -> None:
    assert ask(site, f"SELECT ?v {{ {_VALUES} FILTER({condition}) }}") == []
    assert len(ask(site, f"SELECT ?v {{ {_VALUES} FILTER(COALESCE({condition}, true)) }}")) == ALL


def test_describes_no_more_than_a_pattern_has(site: TestClient) -> None:
    where = f"VALUES ?p {{ :zone1 }} {_VALUES} FILTER(?v > 24.55)"
    described = site.get("/query", params={"query": f"{SOSA} DESCRIBE ?o {{ {where} }}", "format": "ntriples"}).text
    assert sorted({line.split()[0][-17:] for line in described.splitlines()}) == [
        "20260105T230000Z>",
        "20260105T233000Z>",
    ]
    for nodes, readings in (("?o", 2), ("?p", STEPS), ("?p ?o :fan", 2 * STEPS + 2)):
        text = f"{SOSA} DESCRIBE {nodes} {{ {where} }}"
        document = site.get("/query", params={"query": text, "explain": "true"}).json()
        assert document["rows"]["materialised"] == readings


def test_blank_nodes_of_a_template_are_each_solution_s_own(site: TestClient) -> None:
    text = f"{SOSA} CONSTRUCT {{ _:r :of ?p . ?p :has [ :value ?v ] }} {{ {_VALUES} FILTER(?v > 24.45) }}"
    triples = site.get("/query", params={"query": text, "format": "ntriples"}).text.splitlines()
    nodes = {part for line in triples for part in line.split() if part.startswith("_:")}
    assert (len(triples), len(nodes)) == (9, 6)


def _fill_minutes(client: TestClient, minutes: int) -> None:
    lines = [f"{ZONE_1},{(START + timedelta(minutes=n)).isoformat()}Z,{n % 24}\n" for n in range(minutes)]
    csv = "id,time,value\n" + "".join(lines)
    assert client.post("/readings", content=csv, headers={"content-type": "text/csv"}).status_code == 200


@pytest.mark.timeout(60)
def test_all_combinations_of_readings_end_at_the_deadline(filled: TestClient) -> None:
    _fill_minutes(filled, 2000)
    readings = " ".join(f"?o{n} sosa:madeBySensor :zone1 ; sosa:hasSimpleResult ?v{n} ." for n in range(4))
    text = f"SELECT * {{ {readings} FILTER(?v0 > ?v1 && ?v1 > ?v2 && ?v2 > ?v3 && ?v3 > ?v0) }}"
    assert filled.get("/query", params={"query": SOSA + text, "timeout": "1"}).status_code == 504


def test_too_many_combinations_of_readings_are_left_to_the_graph(filled: TestClient) -> None:
    _fill_minutes(filled, 4000)
    readings = " ".join(
        f"?o{n} sosa:madeBySensor :zone1 ; sosa:resultTime ?t{n} ; sosa:hasSimpleResult ?v{n} ." for n in range(3)
    )
    filters = "FILTER(?v0 <= ?v1 && ?v1 <= ?v2)"
    for where, path in (
        (readings, "pushed"),
        (f"{readings} {filters}", "mixed"),
        (f"{readings} {filters} FILTER(?t1 = ?t0)", "pushed"),
        (f'{readings} {filters} FILTER(?t2 < "2026-01-05T00:10:00Z"^^xsd:dateTime)', "pushed"),
    ):
        text = f"{SOSA} SELECT ?v2 {{ {where} }} LIMIT 1"
        document = filled.get("/query", params={"query": text, "explain": "true"}).json()
        assert (document["path"], document["rows"]["answer"]) == (path, 1)
