"""Over HTTP: a triple that several graphs have counts once, whatever has become of the graphs."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.server.building import MODEL
from tests.server.conftest import opened

TURTLE = {"content-type": "text/turtle"}
TRIPLE = "<urn:a> <urn:p> <urn:b> ."
GRAPHS = ("urn:g", "urn:h", "urn:i")


ALL = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


def counted(client: TestClient, text: str = ALL, graphs: tuple[str, ...] = ()) -> int:
    asked = {"query": text, "format": "json", "default-graph-uri": graphs}
    answer = client.get("/query", params=asked)
    assert answer.status_code == 200, answer.text
    [row] = answer.json()["results"]["bindings"]
    return int(row["n"]["value"])


def put(client: TestClient, graph: str, content: str = TRIPLE) -> None:
    assert client.put("/store", params={"graph": graph}, content=content, headers=TURTLE).status_code < 300


@pytest.mark.parametrize("changes", ["all", "none"])
def test_one_triple_in_several_graphs(changes: str, tmp_path: Path) -> None:
    with opened(tmp_path / "data", changes=changes) as client:
        for graph in GRAPHS:
            put(client, graph)
            assert counted(client) == 1
        update = {"content-type": "application/sparql-update"}
        assert client.post("/update", content=f"INSERT DATA {{ {TRIPLE} }}", headers=update).status_code < 300
        assert counted(client) == 1
        assert counted(client, graphs=GRAPHS) == 1
        assert counted(client, "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == 3
    with opened(tmp_path / "data", changes=changes) as client:
        assert counted(client) == 1
        for graph in GRAPHS:
            assert client.delete("/store", params={"graph": graph}).status_code < 300
            assert counted(client) == 1
        put(client, GRAPHS[0], f"{TRIPLE} <urn:a> <urn:p> <urn:c> .")
        assert counted(client) == 2


def test_a_change_that_is_undone(client: TestClient) -> None:
    put(client, GRAPHS[0])
    put(client, GRAPHS[1])
    assert client.delete("/store", params={"graph": GRAPHS[1]}).status_code < 300
    newest = client.get("/changes").json()["changes"][0]["number"]
    assert client.post(f"/changes/{newest}/undo").status_code < 300
    assert counted(client, "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == 2
    assert counted(client) == 1


def test_a_model_under_two_names(client: TestClient) -> None:
    text = """PREFIX brick: <https://brickschema.org/schema/Brick#>
        SELECT (COUNT(*) AS ?n) { ?x a ?class ; brick:hasPoint ?y . ?y a ?kind }"""
    counts = list[int]()
    for name in ("one.ttl", "two.ttl"):
        assert client.post("/models", params={"name": name}, content=MODEL, headers=TURTLE).status_code == 200
        counts.append(counted(client, text))
    assert counts[0] == counts[1] > 0
    points = client.get("/points", headers={"accept": "text/csv"}).text.splitlines()
    assert len(set(points)) == len(points) > 1
