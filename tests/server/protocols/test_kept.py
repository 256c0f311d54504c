"""Answers from memory: the same as those from a reader, for everyone who may ask, until the graph changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from tests.server.conftest import opened

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
ROWS = 4000
ALL = "SELECT * { ?s ?p ?o }"  # more than one chunk, less than what is kept
LARGE = "SELECT * { ?s ?p ?o . VALUES ?x { 1 2 3 4 5 } }"  # more than what is kept


@pytest.fixture(autouse=True)
def nothing_is_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.protocols.sparql._COSTLY", math.inf)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with opened(tmp_path / "data") as client:
        update(client, " ".join(f"<urn:s{n}> <urn:p> {n} ." for n in range(ROWS)))
        yield client


def update(client: TestClient, data: str) -> None:
    assert client.post("/update", data={"update": f"INSERT DATA {{ {data} }}"}).status_code == 204


def ask(client: TestClient, query: str = COUNT, **more: str) -> Response:
    return client.get("/query", params={"query": query, **more})


def counted(client: TestClient) -> tuple[int, int]:
    """Return hits and answers."""
    numbers = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    return int(float(numbers["twinhouse_cache_hits"])), int(float(numbers["twinhouse_cache_answers"]))


def same(one: Response, other: Response) -> bool:
    changing = {"x-request-id", "date", "transfer-encoding", "content-length"}
    headers = [{k: v for k, v in answer.headers.items() if k not in changing} for answer in (one, other)]
    return (one.status_code, one.content) == (other.status_code, other.content) and headers[0] == headers[1]


@pytest.mark.parametrize("query", [COUNT, ALL, "ASK {}", "CONSTRUCT WHERE { <urn:s1> ?p ?o }"])
def test_the_same_again_is_from_memory_and_the_same(client: TestClient, query: str) -> None:
    answers = [ask(client, query) for _ in range(3)] + [client.post("/query", data={"query": query})]
    assert all(same(answers[0], other) for other in answers[1:])
    assert counted(client) == (2, 1)


def test_a_costly_answer_is_kept_at_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.protocols.sparql._COSTLY", 0.0)
    assert same(ask(client), ask(client))
    assert counted(client) == (1, 1)


def test_what_is_asked_once_is_not_kept(client: TestClient) -> None:
    ask(client)
    assert counted(client) == (0, 0)
    update(client, "<urn:new> <urn:p> 1")
    ask(client)
    assert counted(client) == (0, 1)


def test_another_format_dataset_or_endpoint_is_another_answer(client: TestClient) -> None:
    assert same(ask(client), ask(client))
    assert ask(client, format="csv").text == f"n\r\n{ROWS}\r\n"
    assert b'"0"' in ask(client, **{"default-graph-uri": "urn:none"}).content
    assert client.get("/sparql", params={"query": COUNT}).status_code == 200
    assert counted(client) == (0, 4)


def test_a_change_of_the_graph_is_seen_at_once(client: TestClient) -> None:
    for number in range(3):
        assert b'"%d"' % (ROWS + number) in ask(client).content
        assert b'"%d"' % (ROWS + number) in ask(client).content
        update(client, f"<urn:new> <urn:p> {number}")
    assert counted(client) == (2, 1)


@pytest.mark.parametrize(
    "query", ["SELECT (NOW() AS ?t) {}", "SELECT (RAND() AS ?t) {}", "SELECT (UUID() AS ?t) {}", LARGE]
)
def test_what_changes_each_time_or_is_large_is_not_kept(client: TestClient, query: str) -> None:
    first, second = ask(client, query), ask(client, query)
    assert (first.content == second.content) is (query == LARGE)
    assert counted(client) == (0, 0)


def test_head_keeps_no_part_of_an_answer(client: TestClient) -> None:
    assert client.head("/query", params={"query": ALL}).status_code == 200
    assert len(ask(client, ALL).json()["results"]["bindings"]) == ROWS
    assert client.head("/query", params={"query": ALL}).content == b""
    assert counted(client) == (1, 1)


def test_an_error_is_not_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "data", query_rows=3) as client:
        update(client, "<urn:a> <urn:p> 1, 2, 3, 4")
        assert [ask(client, ALL).status_code, ask(client, ALL).status_code] == [413, 413]
        assert counted(client) == (0, 0)


def test_whoever_may_not_ask_gets_nothing_from_memory(tmp_path: Path) -> None:
    with opened(tmp_path / "data", anonymous="none", token="s" * 20) as client:
        for _ in range(2):
            assert client.get(
                "/query", params={"query": COUNT}, headers={"authorization": f"Bearer {'s' * 20}"}
            ).is_success
        assert ask(client).status_code == 401


def test_with_no_memory_nothing_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "data", cache_megabytes=0) as client:
        assert same(ask(client), ask(client))
        assert counted(client) == (0, 0)
