from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from server.twin.touching import leaves_points
from tests.server.building import PREFIXES, SITE

POINT = 'ref:hasExternalReference [ ref:hasTimeseriesId "new" ]'


@pytest.mark.parametrize(
    "text",
    [
        'INSERT DATA { :zone1 rdfs:label "where a LOAD of points is" }',
        "INSERT DATA { GRAPH <urn:notes> { :zone1 a :Noted ; :at 1 ; :ok true } }",
        "INSERT DATA { :a :b 1 } ; INSERT DATA { :a :b 2 }",
        "DELETE DATA { :a :b 1 }",
        "DELETE DATA { GRAPH <urn:g> { :a :b 1 ; a :Noted } }",
        "INSERT { ?s :b 1 } WHERE { ?s ?p ?o }",
        "DELETE { ?p :note ?x } INSERT { GRAPH ?g { ?p :note 'new' } } WHERE { GRAPH ?g { ?p brick:hasUnit ?x } }",
        "WITH <urn:g> DELETE { ?s rdfs:label ?l } WHERE { ?s a brick:Sensor ; rdfs:label ?l }",
        "DELETE WHERE { ?s :note ?o }",
        "INSERT DATA { :a :b 1 } ; DELETE WHERE { ?s :note [ :of ?o ] }",
    ],
)
def test_what_says_nothing_of_points_leaves_them(text: str) -> None:
    assert leaves_points(PREFIXES + text)


@pytest.mark.parametrize(
    "text",
    [
        f"INSERT DATA {{ :new {POINT} }}",
        "INSERT DATA { :a :b 1 } ; INSERT DATA { GRAPH <urn:g> { :vav1 brick:hasPoint :new } }",
        "INSERT DATA { :new a brick:Temperature_Sensor }",
        "DELETE DATA { :a a brick:Temperature_Sensor }",
        "INSERT { ?s ?q 1 } WHERE { ?s ?p ?o ; :says ?q }",
        "INSERT { ?s a ?c } WHERE { ?s :was ?c }",
        "INSERT { GRAPH ?g { ?s brick:isPointOf ?o } } WHERE { GRAPH ?g { ?s :in ?o } }",
        "INSERT DATA { :a :b 1 } ; DELETE { ?s ref:hasExternalReference ?r } WHERE { ?s :old ?r }",
        "DELETE WHERE { ?s ?p ?o }",
        "DELETE WHERE { ?s :note ?o ; brick:hasPoint ?q }",
        "DELETE { ?s <hasPoint> ?o } WHERE { ?s :note ?o }",
        "INSERT { ?s :in (1 2) } WHERE { ?s :note ?o }",
        "CLEAR ALL",
        "DROP GRAPH <urn:g>",
    ],
)
def test_what_may_touch_points_does(text: str) -> None:
    assert not leaves_points(PREFIXES + text)


def test_points_are_as_the_last_update_says(filled: TestClient) -> None:
    def number(update: str) -> int:
        assert filled.post("/update", data={"update": PREFIXES + update}).status_code == 204
        return len(filled.get("/points").json()["data"])

    assert number("INSERT DATA { :a :b 1 }") == 5
    assert number(f"INSERT DATA {{ :new {POINT} }}") == 6
    assert number("INSERT DATA { :a :b 2 }") == 6
    assert number("DELETE { ?s rdfs:label ?l } INSERT { ?s :called ?l } WHERE { ?s rdfs:label ?l }") == 6
    assert number("DELETE WHERE { :new ref:hasExternalReference ?r . ?r ref:hasTimeseriesId ?i }") == 5
    assert filled.get("/readings", params={"point": SITE + "new"}).status_code == 400
