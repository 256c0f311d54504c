"""Two servers, each a process of its own, that ask each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.server.cli.conftest import run
from tests.support.server import running_server

CAMPUS = "INSERT DATA { <urn:b1> a <urn:Building> . <urn:b2> a <urn:Building> }"
LIBRARY = "INSERT DATA { <urn:ahu> <urn:in> <urn:b2> ; <urn:made> [ <urn:by> 'ACME'@en ] }"
JOIN = "SELECT ?b ?ahu {{ ?b a <urn:Building> . SERVICE {silent} <{url}/query> {{ ?ahu <urn:in> ?b }} }}"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[str]:
    """A server that asks nobody."""
    with running_server(tmp_path / "library") as url:
        assert httpx2.post(f"{url}/update", data={"update": LIBRARY}).status_code == 204
        yield url


def found(url: str, query: str) -> list[str]:
    answer = httpx2.get(f"{url}/query", params={"query": query, "format": "csv"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()[1:]


def test_a_server_asks_another(library: str, tmp_path: Path) -> None:
    allowed = ("--outbound-host", "data.example.org", "--outbound-host", library.removeprefix("http://"))
    with running_server(tmp_path / "campus", *allowed) as campus:
        assert httpx2.post(f"{campus}/update", data={"update": CAMPUS}).status_code == 204
        assert found(campus, JOIN.format(url=library, silent="")) == ["urn:b2,urn:ahu"]
        load = f"LOAD <{library}/store?default> INTO GRAPH <urn:library>"
        assert httpx2.post(f"{campus}/update", data={"update": load}).status_code == 204
        assert found(campus, "SELECT ?by { GRAPH <urn:library> { ?ahu <urn:made>/<urn:by> ?by } }") == ["ACME"]
        elsewhere = httpx2.get(f"{campus}/query", params={"query": JOIN.format(url=campus, silent="SILENT")})
        assert (elsewhere.status_code, "outbound_hosts" in elsewhere.json()["detail"]) == (403, True)
    back = httpx2.get(f"{library}/query", params={"query": JOIN.format(url="http://localhost", silent="")})
    assert back.status_code == 403


def test_a_server_that_asks_itself_ends(tmp_path: Path) -> None:
    """Also with no reader left for the question that it asks."""
    options = ("--outbound-host", "127.0.0.1", "--readers", "1", "--query-seconds", "3")
    with running_server(tmp_path / "data", *options) as url:
        query = f"SELECT * {{ SERVICE <{url}/query> {{ ?s ?p ?o }} }}"
        answer = httpx2.get(f"{url}/query", params={"query": query}, timeout=60)
        assert (answer.status_code, "SERVICE" in answer.json()["detail"]) == (502, True)
        assert found(url, "SELECT (1 AS ?one) {}") == ["1"]


def test_the_environment_names_hosts_too(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINHOUSE_OUTBOUND_HOSTS", f"data.example.org, {library.removeprefix('http://')}")
    assert run("update", CAMPUS, "--data", tmp_path / "campus").exit_code == 0
    query = JOIN.format(url=library, silent="")
    assert run("query", query, "--data", tmp_path / "campus").stdout.splitlines() == ["b,ahu", "urn:b2,urn:ahu"]
    monkeypatch.setenv("TWINHOUSE_OUTBOUND_HOSTS", "")
    assert run("query", query, "--data", tmp_path / "campus").exit_code == 1


def test_a_host_that_is_none_is_named(tmp_path: Path) -> None:
    result = run("serve", "--data", tmp_path / "data", "--port", "0", "--outbound-host", "http://a.org/sparql")
    assert (result.exit_code, '"http://a.org/sparql" is no host' in result.stderr) == (1, True)
    assert not (tmp_path / "data").exists()
