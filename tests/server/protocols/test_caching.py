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
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/")):
        again = client.get(path, params=parameters, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    client.post("/update", data={"update": "INSERT DATA { <urn:s:2> <urn:p:p> 2 }"})
    changed = client.get(path, params=parameters, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_a_query_by_post_is_answered_whatever_the_client_has(client: TestClient) -> None:
    tag = client.get("/query", params=QUERY).headers["etag"]
    assert client.post("/query", data=QUERY, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("function", ["NOW()", "rand()", "UUID()", "StrUUID()"])
def test_an_answer_that_is_another_each_time_has_no_tag(client: TestClient, function: str) -> None:
    answer = client.get("/query", params={"query": f"SELECT ({function} AS ?x) {{}}"})
    assert (answer.status_code, "etag" in answer.headers) == (200, False)
