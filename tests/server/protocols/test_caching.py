"""A client that has an answer already gets 304 until the graph changes."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

QUERY = {"query": "SELECT * { ?s ?p ?o }"}
TRIPLE = b"<urn:s:1> <urn:p:p> 1 ."


@pytest.mark.parametrize(("path", "parameters"), [("/query", QUERY), ("/store", {"graph": "urn:g:1"})])
def test_what_has_not_changed_is_not_sent_again(client: TestClient, path: str, parameters: dict[str, str]) -> None:
    client.put("/store?graph=urn:g:1", content=TRIPLE, headers={"content-type": "text/turtle"})
    tag = client.get(path, params=parameters).headers["etag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.get(path, params=parameters, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    client.post("/update", data={"update": "INSERT DATA { <urn:s:2> <urn:p:p> 2 }"})
    changed = client.get(path, params=parameters, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "parameters"), [("/query", QUERY), ("/store", {"graph": "urn:g:1"})])
def test_what_is_to_match_is_not_sent_where_it_does_not(
    client: TestClient, path: str, parameters: dict[str, str], method: str
) -> None:
    client.put("/store?graph=urn:g:1", content=TRIPLE, headers={"content-type": "text/turtle"})
    tag = client.get(path, params=parameters).headers["etag"]
    statuses = [
        client.request(method, path, params=parameters, headers={"if-match": match}).status_code
        for match in ("*", tag, '"other"')
    ]
    assert statuses == [200, 412, 412]


def test_a_query_by_post_is_answered_whatever_the_client_has(client: TestClient) -> None:
    tag = client.get("/query", params=QUERY).headers["etag"]
    assert client.post("/query", data=QUERY, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("function", ["NOW()", "rand()", "UUID()", "StrUUID()"])
def test_an_answer_that_is_another_each_time_has_no_tag(client: TestClient, function: str) -> None:
    answer = client.get("/query", params={"query": f"SELECT ({function} AS ?x) {{}}"})
    assert (answer.status_code, "etag" in answer.headers) == (200, False)


@pytest.mark.parametrize(
    ("path", "parameters", "accept"),
    [("/query", QUERY, "text/csv"), ("/store", {"graph": "urn:g:1"}, "application/n-triples")],
)
def test_a_tag_of_another_format_is_another(
    client: TestClient, path: str, parameters: dict[str, str], accept: str
) -> None:
    """A cache that has the first form would take a 304 for its confirmation (RFC 9111, section 4.3.4)."""
    client.put("/store?graph=urn:g:1", content=TRIPLE, headers={"content-type": "text/turtle"})
    tag = client.get(path, params=parameters).headers["etag"]
    other = client.get(path, params=parameters, headers={"accept": accept, "if-none-match": tag})
    assert (other.status_code, other.headers["etag"] == tag) == (200, False)


WRITES = [("PUT", TRIPLE), ("POST", TRIPLE), ("DELETE", b"")]


@pytest.mark.parametrize(("method", "content"), WRITES)
@pytest.mark.parametrize("where", ["/store?graph=urn:g:1", "/store?default", "/store"])
def test_what_is_there_is_kept_from_a_write_that_wants_nothing_there(
    client: TestClient, method: str, content: bytes, where: str
) -> None:
    trig = {"content-type": "application/trig"}
    client.put(where, content=b"<urn:s:0> <urn:p:p> 0 .", headers=trig)
    before = client.get("/store")
    for name, value in (
        ("if-none-match", "*"),
        ("if-none-match", before.headers["etag"]),
        ("if-match", before.headers["etag"]),
        ("if-match", '"other"'),
    ):
        answer = client.request(method, where, content=content, headers={**trig, name: value})
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (412, "precondition-failed")
    assert client.get("/store").content == before.content
    assert client.request(method, where, content=content, headers={**trig, "if-match": "*"}).status_code == 204


def test_a_graph_is_made_once(client: TestClient) -> None:
    once = {"content-type": "text/turtle", "if-none-match": "*"}
    missing = client.put(
        "/store?graph=urn:g:1", content=TRIPLE, headers={"content-type": "text/turtle", "if-match": "*"}
    )
    statuses = [client.put("/store?graph=urn:g:1", content=TRIPLE, headers=once).status_code for _ in range(2)]
    assert (missing.status_code, statuses) == (412, [201, 412])
