"""A server that is told to stop: what it lets end, what it gives up, and what its clients are told."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from httpx2 import Response

from tests.support.service import Service, serving

TRIPLES = b"".join(b"<urn:a:%d> <urn:a:p> %d .\n" % (number, number) for number in range(500_000))
ENDLESS = "{ ?a ?p ?o . ?b ?q ?r . ?c ?s ?t . ?d ?u ?v . ?e ?w ?x }"
TURTLE, SPARQL = {"content-type": "text/turtle"}, {"content-type": "application/sparql-update"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def service(data: Path) -> Iterator[Service]:
    with serving(data, readers=1) as service:
        few = b"".join(b"<urn:a:s> <urn:a:p> %d .\n" % number for number in range(200))
        assert (
            httpx2.put(f"{service.url}/store?graph=urn:a:g", content=few, headers=TURTLE, timeout=60).status_code
            == 201
        )
        yield service


def stopped_during(service: Service, begun: Callable[[], bool], ask: Callable[[], Response]) -> Response:
    """Return the answer of a server that is told to stop once something has begun."""
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask)
        while not begun() and not asked.done():
            time.sleep(0.01)
        assert service.stop() in (0, -signal.SIGTERM)
        return asked.result(60)


def is_closing(answer: Response) -> bool:
    return (answer.status_code, answer.json()["type"], answer.headers["retry-after"]) == (
        503,
        "urn:twinhouse:problem:closing",
        "1",
    )


def triples(data: Path) -> int:
    with serving(data, readers=1) as service:
        counted = {"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "format": "csv"}
        return int(httpx2.get(f"{service.url}/query", params=counted, timeout=60).text.split()[1])


@pytest.mark.parametrize(
    ("method", "path", "file"),
    [
        ("PUT", "/store?graph=urn:a:large", "*.nq"),  # is read apart
        ("PUT", "/store", "*.store/*"),
        ("POST", "/store?graph=urn:a:large", "next"),  # is read, and makes a copy
        ("POST", "/models?name=large.ttl", "*.nq"),
    ],
)
def test_a_large_load_is_given_up(service: Service, data: Path, method: str, path: str, file: str) -> None:
    def ask() -> Response:
        kind = {"content-type": "application/trig" if path == "/store" else "text/turtle"}
        return httpx2.request(method, f"{service.url}{path}", content=TRIPLES, headers=kind, timeout=60)

    assert is_closing(stopped_during(service, lambda: any((data / "loading").glob(file)), ask))
    assert triples(data) == 200
    assert not any((data / "loading").iterdir())


def asked(service: Service, path: str, **parameters: str) -> Response:
    return httpx2.get(f"{service.url}{path}", params=parameters, timeout=60)


def begun(service: Service) -> bool:
    """Tell whether a client's query has begun: those without an id are the server's own."""
    return any(query["id"] is not None for query in asked(service, "/queries").json()["queries"])


READING = "OPTIONAL { ?o <http://www.w3.org/ns/sosa/hasSimpleResult> ?m }"
LONG: dict[str, dict[str, str]] = {
    "rows": {"path": "/query", "query": f"SELECT (COUNT(*) AS ?n) {ENDLESS}"},
    "a table": {"path": "/query", "query": f"SELECT (COUNT(*) AS ?n) {ENDLESS}", "format": "arrow"},
    "readings in SPARQL": {
        "path": "/query",
        "query": f"SELECT * {{ {{ SELECT (MAX(?a) AS ?m) {ENDLESS} }} {READING} }}",
    },
    "readings": {"path": "/readings", "query": f"SELECT (MAX(?a) AS ?point) {ENDLESS}"},
}


@pytest.mark.parametrize("parameters", LONG.values(), ids=LONG)
def test_a_query_that_does_not_end_is_told(service: Service, parameters: dict[str, str]) -> None:
    assert is_closing(stopped_during(service, lambda: begun(service), lambda: asked(service, **parameters)))


def test_readings_that_take_for_ever_are_given_up(service: Service) -> None:
    """The engine of the readings is busy in a thread of the server, and has to be told."""
    series = "00000000-0000-4000-8000-000000000001"
    lines = [f"{series},2026-01-01T{hour:02d}:{minute:02d}:00Z,1" for hour in range(24) for minute in range(60)]
    table = {"content-type": "text/csv"}
    body = "\n".join(("id,time,value", *lines))
    assert httpx2.post(f"{service.url}/readings", content=body, headers=table, timeout=60).status_code == 200
    model = f"""PREFIX ref: <https://brickschema.org/schema/Brick/ref#> INSERT DATA {{
        <urn:point> ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "{series}" ] }}"""
    assert httpx2.post(f"{service.url}/update", content=model, headers=SPARQL, timeout=60).status_code == 204
    all_with_all = "".join(f"?o{n} sosa:madeBySensor <urn:point> ; sosa:hasSimpleResult ?v{n} . " for n in range(4))
    query = f"PREFIX sosa: <http://www.w3.org/ns/sosa/> SELECT (MAX(?v0 + ?v3) AS ?m) {{ {all_with_all} }}"
    assert asked(service, "/query", query=query, explain="plan").json()["path"] == "pushed"
    assert is_closing(stopped_during(service, lambda: begun(service), lambda: asked(service, "/query", query=query)))


def test_an_answer_that_does_not_end_breaks(service: Service) -> None:
    def sends() -> bool:
        return [each["state"] for each in asked(service, "/queries").json()["queries"]] == ["sending"]

    with pytest.raises(httpx2.RemoteProtocolError):
        stopped_during(service, sends, lambda: asked(service, "/query", query=f"SELECT * {ENDLESS}"))


def test_an_update_that_does_not_end_changes_nothing(service: Service, data: Path) -> None:
    def ask() -> Response:
        text = f"INSERT {{ ?a ?b ?c }} WHERE {{ GRAPH <urn:a:g> {ENDLESS} }}"
        return httpx2.post(f"{service.url}/update", content=text, headers=SPARQL, timeout=60)

    began = time.monotonic()
    assert is_closing(stopped_during(service, lambda: time.monotonic() > began + 0.5, ask))
    assert triples(data) == 200
