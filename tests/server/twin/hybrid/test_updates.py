"""Updates beside readings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.server.building import FAN
from tests.server.conftest import fill, opened
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


def test_operations_see_what_those_before_them_do(filled: TestClient) -> None:
    text = """INSERT DATA { GRAPH :marked { :zone1 :watched true } } ;
        INSERT { GRAPH :found { ?p :warmest ?v } } USING twh:readings USING :marked WHERE {
            { SELECT ?p (MAX(?x) AS ?v) { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?x } GROUP BY ?p }
            ?p :watched true } ;
        DELETE { GRAPH :marked { ?p :watched true } } WHERE { GRAPH :marked { ?p :watched true } } ;
        INSERT { GRAPH :found { :all :count ?n } } USING twh:readings USING :marked USING :found WHERE {
            SELECT (COUNT(*) AS ?n) {
                ?o sosa:madeBySensor ?p . ?p :warmest ?v FILTER NOT EXISTS { ?p :watched true } } }"""
    assert _update(filled, text) == (204, "")
    found = ask(filled, "SELECT ?s ?v { GRAPH :found { ?s :warmest|:count ?v } } ORDER BY ?s")
    assert [(row["s"][9:], row["v"]) for row in found] == [("all", "48"), ("zone1", "24.7")]
    assert ask(filled, "SELECT ?p { ?p :watched true }") == []


def test_operations_see_the_points_that_those_before_them_make(filled: TestClient) -> None:
    """Also the kinds of numbers, which the graph says."""
    text = f"""INSERT DATA {{ GRAPH :new {{ :twin ref:hasExternalReference [ a ref:TimeseriesReference ;
            ref:hasTimeseriesId "{FAN}" ] ; twh:datatype xsd:boolean }} }} ;
        INSERT {{ GRAPH :found {{ ?p :was ?v }} }} USING twh:readings WHERE {{
            ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v VALUES ?p {{ :twin :fan }} }}"""
    assert _update(filled, text) == (204, "")
    rows = ask(filled, "SELECT ?p (GROUP_CONCAT(DISTINCT STR(?v)) AS ?all) { ?p :was ?v } GROUP BY ?p ORDER BY ?p")
    both = {"0", "1", "false", "true"}  # as the triples of one observation, which is both points'
    assert {row["p"][9:]: set(row["all"].split()) for row in rows} == {"fan": both, "twin": both}


@pytest.mark.parametrize(
    "last",
    [
        "CREATE GRAPH :made",
        "INSERT { GRAPH ?g { :x :y :z } } USING twh:readings WHERE { BIND(twh:readings AS ?g) }",
        "INSERT { GRAPH :g { ?o :y :z } } USING twh:readings WHERE { ?o sosa:madeBySensor :zone1 } FILTER",
    ],
)
def test_operations_are_made_all_or_none(filled: TestClient, last: str) -> None:
    text = f"""CREATE GRAPH :made ; INSERT DATA {{ :a :b :c }} ; INSERT {{ GRAPH :found {{ ?p :warmest 1 }} }}
        USING twh:readings WHERE {{ ?o sosa:madeBySensor ?p }} ; {last}"""
    assert _update(filled, text)[0] == 400
    assert ask(filled, _COUNTED) == [{"n": "0"}]
    assert "urn:site#made" not in filled.get("/graphs").text


def test_an_operation_behind_one_that_asks_elsewhere(filled: TestClient) -> None:
    text = """INSERT { :a :b ?c } WHERE { SERVICE <http://localhost:9/> { ?a ?b ?c } } ;
        INSERT { ?p :warmest 1 } USING twh:readings WHERE { ?o sosa:madeBySensor ?p }"""
    assert _update(filled, text) == (400, "Bad request")


_ANY = "INSERT { GRAPH ?g { :x :y :z } }"
_NAMED = {
    "by BIND": f"{_ANY} WHERE {{ BIND(twh:readings AS ?g) }}",
    "by VALUES": f"{_ANY} WHERE {{ VALUES ?g {{ :other twh:readings }} }}",
    "by a function": f"{_ANY} WHERE {{ BIND(IRI(CONCAT('urn:twin', 'house:read', 'ings')) AS ?g) }}",
    "by chance": f"{_ANY} WHERE {{ BIND(IF(RAND() < 2, IRI(CONCAT('urn:twin', 'house:readings')), :no) AS ?g) }}",
    "by what the graph says": f"{_ANY} WHERE {{ GRAPH :names {{ ?x :is ?g }} }}",
    "by a text of the graph": f"{_ANY} WHERE {{ GRAPH :names {{ ?x :called ?n }} BIND(IRI(?n) AS ?g) }}",
    "by an operation before": f"INSERT DATA {{ :n :is twh:readings }} ; {_ANY} WHERE {{ :n :is ?g }}",
    "in DELETE": "WITH :names DELETE { GRAPH ?g { :x :y :z } } WHERE { ?x :is ?g }",
    "in a union": f"{_ANY} USING :names WHERE {{ {{ GRAPH ?g {{ ?a ?b ?c }} }} UNION {{ ?x :is ?g }} }}",
    "over readings": "INSERT { GRAPH ?g { ?p :y :z } } USING NAMED twh:readings WHERE {"
    " GRAPH ?g { ?o sosa:madeBySensor ?p } }",
    "in OPTIONAL": f"{_ANY} USING :names WHERE {{ OPTIONAL {{ ?x :is ?g }} }}",
    "without spaces": "INSERT{:a :b 1GRAPH?g{:x :y :z}}USING :names WHERE{?x :is ?g}",
    "behind a comment": "INSERT { GRAPH # which\n?g { :x :y :z } } USING :names WHERE { ?x :is ?g }",
}


@pytest.fixture(scope="module")
def naming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A building of this module's own with a graph that names that of readings."""
    with opened(tmp_path_factory.mktemp("naming") / "data") as client:
        fill(client)
        said = ":n :is twh:readings ; :called 'urn:twinhouse:readings'"
        assert _update(client, f"INSERT DATA {{ GRAPH :names {{ {said} }} }}") == (204, "")
        yield client


@pytest.mark.parametrize("how", list(_NAMED))
def test_readings_are_read_only_however_they_are_named(naming: TestClient, how: str) -> None:
    code, title = _update(naming, f"INSERT DATA {{ :before :it :all }} ; {_NAMED[how]}")
    assert code == 400
    assert title == ("Readings are read only" if how != "without spaces" else "Bad request")
    assert ask(naming, "SELECT ?o { VALUES ?s { :before :x } ?s ?p ?o }") == []


@pytest.mark.parametrize("how", ["t:ings", "b:house:readings", "<./twinhouse:readings>"])
def test_readings_are_read_only_however_they_are_written(site: TestClient, how: str) -> None:
    prologue = "PREFIX t: <urn:twinhouse:read> PREFIX b: <urn:twin> BASE <urn:x>"
    text = f"{prologue} INSERT DATA {{ GRAPH {how} {{ <urn:a> <urn:b> <urn:c> }} }}"
    answer = site.post("/update", content=text, headers={"content-type": "application/sparql-update"})
    assert answer.json()["type"] == "urn:twinhouse:problem:readings-are-read-only"


@pytest.mark.parametrize(
    "where",
    [
        "GRAPH ?g { ?x :is ?n }",
        "VALUES ?g { :names :more }",
        "GRAPH :names { ?x :called ?n } BIND(IRI(CONCAT('urn:', STR(STRLEN(?n)))) AS ?g)",
        "{ GRAPH ?g { ?x :is ?n } } UNION { BIND(:names AS ?g) }",
    ],
)
def test_other_graphs_are_written_by_variables(naming: TestClient, where: str) -> None:
    before = len(ask(naming, "SELECT ?g { GRAPH ?g { ?made :here :now } }"))
    text = f"INSERT {{ GRAPH ?g {{ _:b :here :now }} }} WHERE {{ {where} }}"
    assert _update(naming, text) == (204, "")
    assert len(ask(naming, "SELECT ?g { GRAPH ?g { ?made :here :now } }")) > before


def test_an_annotation_in_a_template_is_no_graph(naming: TestClient) -> None:
    text = "INSERT { GRAPH ?g { ?x :kept ?n {| :since 1 |} } } WHERE { GRAPH ?g { ?x :called ?n } }"
    assert _update(naming, text) == (204, "")
    assert ask(naming, "SELECT * { GRAPH ?g { << ?x :kept ?n >> :since ?since } }")


def test_with_names_a_default_graph_by_a_prefix(naming: TestClient) -> None:
    text = "WITH :names INSERT { :found :n ?n } WHERE { ?x :called ?n FILTER NOT EXISTS { ?o sosa:madeBySensor ?x } }"
    assert _update(naming, text) == (204, "")
    assert len(ask(naming, "SELECT ?n { GRAPH :names { :found :n ?n } }")) == 1
