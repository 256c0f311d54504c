from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from server.negotiation import GRAPHS
from server.twin.hybrid.vocabulary import READINGS

TURTLE = {"content-type": "text/turtle"}
ONE = "<urn:a:s> <urn:a:p> 1 ."
TWO = "<urn:a:s> <urn:a:p> 2 ."
NAMED = {"graph": "urn:g:1"}


def triples(client: TestClient, **parameters: str) -> int:
    accept = {"accept": "application/n-quads"}
    return len(client.get("/store", params=parameters, headers=accept).text.splitlines())


def test_a_graph_is_put_replaced_added_to_and_deleted(client: TestClient) -> None:
    statuses = [client.put("/store", params=NAMED, content=text, headers=TURTLE).status_code for text in (ONE, TWO)]
    assert statuses == [201, 204]
    assert client.post("/store", params=NAMED, content=ONE, headers=TURTLE).status_code == 204
    assert triples(client, **NAMED) == 2
    assert client.delete("/store", params=NAMED).status_code == 204
    missing = [client.get("/store", params=NAMED), client.head("/store", params=NAMED)]
    assert [*missing, client.delete("/store", params=NAMED)][0].json()["type"].endswith(":no-such-graph")
    assert [answer.status_code for answer in missing] == [404, 404]


def test_the_default_graph_is_always_there(client: TestClient) -> None:
    assert client.get("/store?default").status_code == 200
    assert client.put("/store?default", content=ONE, headers=TURTLE).status_code == 204
    assert (triples(client, default=""), triples(client)) == (1, 1)
    assert client.delete("/store?default").status_code == 204
    assert triples(client, default="") == 0


@pytest.mark.parametrize("name", ["nquads", "trig", "jsonld"])
def test_the_whole_dataset_goes_out_and_comes_back(client: TestClient, name: str) -> None:
    client.put("/store", params=NAMED, content=ONE, headers=TURTLE)
    client.put("/store?default", content=TWO, headers=TURTLE)
    everything = client.get("/store", headers={"accept": GRAPHS[name]})
    assert client.delete("/store").status_code == 204
    assert triples(client) == 0
    back = client.put("/store", content=everything.content, headers={"content-type": GRAPHS[name]})
    assert back.status_code == 204
    assert (triples(client), triples(client, **NAMED)) == (2, 1)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_goes_out_in_each_format(client: TestClient, name: str) -> None:
    client.put("/store", params=NAMED, content=ONE, headers=TURTLE)
    answer = client.get("/store", params={**NAMED, "format": name})
    fmt = ox.RdfFormat.from_media_type(GRAPHS[name])
    assert fmt is not None
    assert [str(quad.triple) for quad in ox.parse(answer.content, fmt)] == [
        '<urn:a:s> <urn:a:p> "1"^^<http://www.w3.org/2001/XMLSchema#integer>'
    ]


def test_a_dataset_has_no_turtle(client: TestClient) -> None:
    assert client.get("/store", headers={"accept": "text/turtle"}).status_code == 406
    refused = client.put("/store", content=ONE, headers=TURTLE)
    assert (refused.status_code, "?graph" in refused.json()["hint"]) == (400, True)


def test_a_graph_without_a_name_gets_one(client: TestClient) -> None:
    made = client.post("/store", content=ONE, headers=TURTLE)
    assert made.status_code == 201
    got = client.get(made.headers["location"], headers={"accept": "application/n-triples"})
    assert (got.status_code, got.text.count("\n")) == (200, 1)


def test_several_documents_come_as_a_form(client: TestClient) -> None:
    parts = [("a", ("one.ttl", ONE, "text/turtle")), ("b", ("two.ttl", TWO, "text/turtle"))]
    assert client.post("/store", params=NAMED, files=parts).status_code == 201
    assert client.get("/store", params={**NAMED, "format": "ntriples"}).text.count("\n") == 2
    bad = [*parts, ("c", ("three.ttl", "no turtle", "text/turtle"))]
    assert client.post("/store", params={"graph": "urn:g:bad"}, files=bad).status_code == 400
    assert client.get("/store", params={"graph": "urn:g:bad"}).status_code == 404


def test_an_empty_graph_is_there_once_it_was_put(client: TestClient) -> None:
    assert client.put("/store", params={"graph": "urn:g:empty"}, content="", headers=TURTLE).status_code == 201
    assert client.get("/store", params={"graph": "urn:g:empty"}).status_code == 200


@pytest.mark.parametrize("parameters", [{"graph": "relative"}, {"graph": "urn:g:<"}, {"graph": ""}])
def test_a_graph_has_an_absolute_iri(client: TestClient, parameters: dict[str, str]) -> None:
    assert client.put("/store", params=parameters, content=ONE, headers=TURTLE).status_code == 400


def test_a_graph_is_named_or_the_default_not_both(client: TestClient) -> None:
    assert client.get("/store?default&graph=urn:g:1").status_code == 400


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_bad_document_changes_nothing(client: TestClient, method: str) -> None:
    client.put("/store", params=NAMED, content=ONE, headers=TURTLE)
    bad = client.request(method, "/store", params=NAMED, content=f"{TWO}\n<urn:a:s> <urn:a:p>", headers=TURTLE)
    assert (bad.status_code, bad.json()["type"], bad.json()["line"]) == (400, "urn:twinhouse:problem:bad-model", 2)
    assert '"1"' in client.get("/store", params={**NAMED, "format": "ntriples"}).text


def test_a_document_with_graphs_does_not_fit_into_one(client: TestClient) -> None:
    quads = {"content-type": "application/n-quads"}
    answer = client.put(
        "/store", params=NAMED, content="<urn:a:s> <urn:a:p> 1 <urn:g:2> .".replace("1", '"1"'), headers=quads
    )
    assert answer.status_code == 400
    assert triples(client) == 0


def test_lenient_repairs_what_strict_refuses(client: TestClient) -> None:
    text = "<urn:a:b c> <urn:a:p> 1 ."
    statuses = [
        client.put("/store", params={**NAMED, **more}, content=text, headers=TURTLE).status_code
        for more in ({}, {"lenient": "true"})
    ]
    assert statuses == [400, 201]


def test_relative_iris_of_a_document_are_those_of_its_graph(client: TestClient) -> None:
    graph = {"graph": "http://site.example/building/"}
    client.put("/store", params=graph, content="<room> <urn:a:p> 1 .", headers=TURTLE)
    assert "http://site.example/building/room" in client.get("/store", params=graph).text


def test_head_has_the_headers_alone(client: TestClient) -> None:
    answer = client.head("/store?default", headers={"accept": "application/n-triples"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/n-triples"


def test_a_body_without_a_known_type_is_415(client: TestClient) -> None:
    for headers in ({}, {"content-type": "image/png"}):
        assert client.put("/store?default", content=ONE, headers=headers).status_code == 415


def in_lines(graph: str, more: str = "") -> str:
    """Return a large document of N-Quads, in a graph, with two blank nodes in the default graph."""
    return "".join(f'<urn:a:s> <urn:a:p> "{n}" <{graph}> .\n' for n in range(21_000)) + f"_:b <urn:a:p> _:c .\n{more}"


def in_trig(graph: str, more: str = "") -> str:
    """Return the same as TriG."""
    body = "".join(f'<urn:a:s> <urn:a:p> "{n}" .\n' for n in range(21_000))
    return f"<{graph}> {{\n{body}}}\n_:b <urn:a:p> _:c .\n{more}"


@pytest.mark.parametrize(("kind", "document"), [("application/n-quads", in_lines), ("application/trig", in_trig)])
def test_a_large_document_takes_the_place_of_everything_or_changes_nothing(
    client: TestClient, kind: str, document: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.twin.loading.LARGE", -1)
    monkeypatch.setattr("server.protocols.spooled.IN_MEMORY", 1)

    def sent(method: str, content: str) -> Response:
        return client.request(method, "/store", content=content, headers={"content-type": kind})

    assert client.put("/store", params=NAMED, content=ONE, headers=TURTLE).status_code == 201
    broken, large = document("urn:g:2", "<urn:a:s> <urn:a:p> ."), document("urn:g:2")
    for method in ("PUT", "POST"):
        answer = sent(method, broken)
        place = answer.json()["line"], answer.json()["column"]
        assert (answer.status_code, place) == (400, (broken.count("\n") + 1, 21))
    assert sent("PUT", document(READINGS)).json()["type"].endswith(":readings-are-read-only")
    assert (triples(client), triples(client, **NAMED)) == (1, 1)
    assert sent("PUT", large).status_code == 204
    assert (triples(client), triples(client, graph="urn:g:2")) == (21_001, 21_000)
    assert client.post("/store", params=NAMED, content=ONE, headers=TURTLE).status_code == 201
    assert sent("POST", large).status_code == 204  # beside what is there
    assert triples(client) == 21_003  # its blank nodes are others each time
    assert client.delete("/store").status_code == 204
    assert sent("POST", large).status_code == 204
    assert triples(client) == 21_001
    assert list((tmp_path / "data" / "loading").iterdir()) == []


FORM = {"content-type": "multipart/form-data; boundary=edge"}
PART = b'--edge\r\nContent-Disposition: form-data; name="f"; filename="a.ttl"\r\nContent-Type: text/turtle%s\r\n\r\n'
DOCUMENT = PART % b"" + ONE.encode() + b"\r\n"
FIELD = b'--edge\r\nContent-Disposition: form-data; name="graph"\r\n\r\nurn:g:2\r\n'


@pytest.mark.parametrize(
    ("form", "status", "detail"),
    [
        (DOCUMENT, 400, "before its last boundary"),
        (DOCUMENT[:-5], 400, "before its last boundary"),
        (DOCUMENT + FIELD + b"--edge--\r\n", 400, "is no document"),
        (b"--edge--\r\n", 400, "has no documents"),
        (PART % b"; charset=latin-1" + ONE.encode() + b"\r\n--edge--\r\n", 415, "latin-1"),
        (DOCUMENT + b"--edge--\r\n", 204, ""),
    ],
)
def test_a_form_is_taken_with_all_its_parts_or_not_at_all(
    client: TestClient, form: bytes, status: int, detail: str
) -> None:
    client.put("/store", params=NAMED, content=b"", headers=TURTLE)
    answer = client.post("/store", params=NAMED, content=form, headers=FORM)
    assert (answer.status_code, detail in answer.text) == (status, True)
    assert triples(client) == (status == 204)


def test_the_iri_of_a_graph_is_the_url_to_the_letter(client: TestClient) -> None:
    """Graph Store HTTP Protocol, section 4.1: escapes are a part of it."""
    for name in ("a%20b", "%C3%A9", "a%2Fb", "a/b"):
        assert client.put(f"/store/{name}", content=ONE, headers=TURTLE).status_code == 201
        assert client.get("/store", params={"graph": f"http://testserver/store/{name}"}).status_code == 200
    assert len(client.get("/graphs").json()["graphs"]) == 4


@pytest.mark.parametrize("value", ["false", "0", "urn:g:1"])
def test_default_has_no_value(client: TestClient, value: str) -> None:
    assert client.put(f"/store?default={value}", content=ONE, headers=TURTLE).status_code == 400
    assert triples(client) == 0


def test_a_literal_that_is_too_long_as_n_quads_is_refused_as_such(client: TestClient) -> None:
    literal = '"""' + "\n" * (9 << 20) + '"""'
    for where in ("/store?default", "/store?graph=urn:g:1"):
        answer = client.put(where, content=f"<urn:a> <urn:b> {literal} .", headers={"content-type": "text/turtle"})
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:twinhouse:problem:term-too-long")
    update = {"content-type": "application/sparql-update"}
    assert client.get("/store").text == ""
    made = client.post("/update", content=f"INSERT DATA {{ <urn:a> <urn:b> {literal} }}", headers=update)
    assert made.status_code == 204  # it is recorded, but not read again
    count = {"query": "SELECT (STRLEN(?o) AS ?n) { ?s ?p ?o }", "format": "csv"}
    assert client.get("/query", params=count).text.split() == ["n", str(9 << 20)]
    assert client.post("/changes/1/undo").json()["type"] == "urn:twinhouse:problem:term-too-long"
    assert client.post("/update", content="CLEAR ALL", headers=update).status_code == 204
