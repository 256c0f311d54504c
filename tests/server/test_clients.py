"""Clients that people really use, over real sockets."""

from __future__ import annotations

import io
import json
import signal
import socket
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import httpx2
import pandas as pd
import polars as pl
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore

from ontologies.identity import series_uuid
from tests.server.building import MODEL, READINGS, SITE, STEPS, ZONES
from tests.support.service import Service, serving

BRICK = rdflib.Namespace("https://brickschema.org/schema/Brick#")
BIG = "SELECT ?a ?b ?c { ?a ?p ?o . ?b ?q ?r . ?c ?s ?t . ?d ?u ?v }"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service") / "data", readers=2) as service:
        for path, body, kind in (("models?name=s.ttl", MODEL, "text/turtle"), ("readings", READINGS, "text/csv")):
            with urlopen(Request(f"{service.url}/{path}", body, {"Content-Type": kind})) as answer:
                assert answer.status == 200
        yield service


def busy(url: str) -> float:
    for line in httpx2.get(f"{url}/metrics").text.splitlines():
        if line.startswith("twinhouse_readers_busy "):
            return float(line.split()[1])
    raise AssertionError("no gauge of busy readers")


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
def test_rdflib_queries(service: Service, method: str) -> None:
    store = SPARQLStore(f"{service.url}/query", method=method)
    graph = rdflib.Graph(store)
    rows = {str(row[0]) for row in graph.query(ZONES)}  # type: ignore[index]
    assert rows == {SITE + "zone1", SITE + "zone2"}
    assert (rdflib.URIRef(SITE + "ahu"), BRICK.feeds, None) in graph
    assert len(graph.query("CONSTRUCT WHERE { ?a <https://brickschema.org/schema/Brick#feeds> ?b }").graph or ()) == 2
    assert graph.query("ASK {}").askAnswer is True


@pytest.mark.parametrize("path", ["update", "sparql"])
def test_rdflib_updates(service: Service, path: str) -> None:
    store = SPARQLUpdateStore(f"{service.url}/query", f"{service.url}/{path}")
    graph = rdflib.Graph(store, identifier="urn:rdflib:graph")
    triple = (rdflib.URIRef("urn:a:s"), rdflib.URIRef("urn:a:p"), rdflib.Literal(f"é {path}"))
    graph.add(triple)
    assert triple in graph
    graph.remove(triple)
    assert triple not in graph


def test_sparqlwrapper_queries_and_updates(service: Service) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of things that Python deprecates
        import SPARQLWrapper as wrapper  # noqa: N813 - a module

        def ask(text: str, form: str | None = None, method: str = "GET", path: str = "query") -> object:
            client = wrapper.SPARQLWrapper(f"{service.url}/{path}")
            client.setMethod(method)
            client.setQuery(text)
            if form:
                client.setReturnFormat(form)
            return client.query().convert()

        for method in ("GET", "POST"):
            found = ask(ZONES, wrapper.JSON, method)
            assert len(found["results"]["bindings"]) == 2  # type: ignore[index]
            assert "<result>" in ask(ZONES, None, method).toxml()  # type: ignore[attr-defined]
            assert b"zone1" in ask(ZONES, wrapper.CSV, method)  # type: ignore[operator]
            for form in (None, wrapper.TURTLE, wrapper.JSONLD, wrapper.RDFXML, wrapper.N3):
                assert ask("DESCRIBE <urn:site#zone1>", form, method)
        ask("INSERT DATA { <urn:w:s> <urn:w:p> 1 }", None, "POST", "update")
        assert ask("ASK { <urn:w:s> ?p ?o }", wrapper.JSON)["boolean"] is True  # type: ignore[index]


def test_pandas_and_polars_read_each_format(service: Service) -> None:
    url = f"{service.url}/readings?" + urlencode({"query": ZONES, "every": "1h"})
    csv = pd.read_csv(f"{url}&format=csv", parse_dates=["time"])
    with urlopen(f"{url}&format=parquet") as answer:
        parquet = pd.read_parquet(io.BytesIO(answer.read()))
    with urlopen(f"{url}&format=arrow") as answer:
        arrow = pl.read_ipc_stream(answer.read())
    with urlopen(f"{url}&format=ndjson") as answer:
        lines = pl.read_ndjson(answer.read())
    assert len(csv) == STEPS
    assert str(parquet["time"].dtype) == "datetime64[us, UTC]"
    assert str(csv["time"].dtype).endswith("UTC]")
    means = [frame["value"].mean() for frame in (csv, parquet, arrow, lines)]
    assert means == pytest.approx([21.0] * 4)
    bindings = pd.read_csv(f"{service.url}/query?" + urlencode({"query": ZONES, "format": "csv"}))
    assert set(bindings["vav"]) == {SITE + "vav1", SITE + "vav2"}


def test_a_chunked_upload_is_stored(service: Service) -> None:
    chunks = (part.encode() for part in ("id,time,value\n", "chunked,2026-01-01,", "1\n"))
    answer = httpx2.post(f"{service.url}/readings", content=chunks, headers={"content-type": "text/csv"})
    assert answer.json()["readings"] == 1


def test_a_client_that_leaves_in_mid_stream_frees_the_reader(service: Service) -> None:
    for _ in range(5):  # more often than there are readers
        with httpx2.stream("GET", f"{service.url}/query", params={"query": BIG, "format": "csv"}) as answer:
            next(answer.iter_bytes())
    assert httpx2.get(f"{service.url}/query", params={"query": "ASK {}"}).json()["boolean"] is True
    while busy(service.url):
        pass  # the test's own time limit ends a wait in vain


def test_a_client_that_leaves_before_the_first_byte_frees_the_reader(service: Service) -> None:
    slow = urlencode({"query": BIG.replace("?a ?b ?c", "(COUNT(*) AS ?n)", 1), "timeout": 1})
    port = int(service.url.rpartition(":")[2])
    for _ in range(4):
        with closing(socket.create_connection(("127.0.0.1", port))) as connection:
            connection.sendall(f"GET /query?{slow} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert httpx2.get(f"{service.url}/query", params={"query": "ASK {}"}, timeout=30).json()["boolean"] is True
    while busy(service.url):
        pass


def test_a_client_that_leaves_in_mid_upload_stores_nothing(service: Service) -> None:
    port = int(service.url.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port))) as connection:
        head = "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b"id,time,value\nhalf,2026-01-01,1\n")
    answer = httpx2.get(f"{service.url}/latest", params={"point": "half"})
    assert answer.status_code == 400


def test_livez_answers_while_all_readers_are_busy(service: Service) -> None:
    streams = [
        httpx2.stream("GET", f"{service.url}/query", params={"query": BIG, "format": "csv", "timeout": 20})
        for _ in range(2)
    ]
    with streams[0] as first, streams[1] as second:
        for answer in (first, second):
            next(answer.iter_bytes())
        assert httpx2.get(f"{service.url}/livez").json() == {"status": "live"}
        body, kind = "id,time,value\nbusy,2026-01-01,1\n", {"content-type": "text/csv"}
        assert httpx2.post(f"{service.url}/readings", content=body, headers=kind).status_code == 200


def test_more_waiting_queries_than_threads_do_not_stop_the_answers_that_go_on(service: Service) -> None:
    url = f"{service.url}/query?" + urlencode({"query": BIG + " LIMIT 5000", "format": "tsv"})

    def lines(_: int) -> int:
        return len(httpx2.get(url, timeout=60).raise_for_status().text.splitlines())

    with ThreadPoolExecutor(50) as clients:
        assert set(clients.map(lines, range(50))) == {5001}


def test_a_term_signal_during_a_stream_cuts_it_and_closes_cleanly(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("term") / "data"
    with serving(data, readers=2) as service:
        post = partial(httpx2.post, timeout=60)
        post(f"{service.url}/models?name=s.ttl", content=MODEL, headers={"content-type": "text/turtle"})
        post(f"{service.url}/readings", content=READINGS, headers={"content-type": "text/csv"})
        asked = {"query": BIG, "format": "csv"}
        with httpx2.stream("GET", f"{service.url}/query", params=asked, timeout=60) as answer:
            chunks = answer.iter_bytes()
            next(chunks)
            service.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx2.RemoteProtocolError):
                for _ in chunks:
                    pass
        assert service.process.wait(30) in (0, -signal.SIGTERM)
    assert list((data / "series/readings").rglob("*.parquet"))
    assert not list((data / "snapshots").iterdir())


def test_an_answer_that_passes_a_limit_in_mid_stream_breaks_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("limit") / "data", readers=1, query_rows=200_000) as service:
        rows = "".join(f"a,{n},1\n" for n in range(200_001))
        answer = httpx2.post(
            f"{service.url}/readings?time_unit=s",
            content="id,time,value\n" + rows,
            headers={"content-type": "text/csv"},
            timeout=60,
        )
        [series] = answer.json()["unknown"]["ids"]
        parameters = {"query": f"SELECT ?point {{ VALUES ?point {{ '{series_uuid(series)}' }} }}", "format": "ndjson"}
        for more, whole in (({"limit": 200_000}, True), ({}, False)):
            with httpx2.stream("GET", f"{service.url}/readings", params={**parameters, **more}, timeout=60) as stream:
                assert stream.status_code == 200
                if whole:
                    assert sum(1 for line in stream.iter_lines() if json.loads(line)) == 200_000
                else:
                    with pytest.raises(httpx2.RemoteProtocolError):
                        stream.read()
