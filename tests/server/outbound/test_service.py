"""SERVICE through the whole server: the engine, the gateway, and other servers on loopback."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import pyoxigraph as ox
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from server.twin.service import Twin
from tests.server.conftest import opened
from tests.server.outbound.asking import ask, everything, problem, update
from tests.support.peer import JSON, ROWS, Peer, Reply, Silence, endless, moved, raw, reply, typed

XML = b"""<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="x"/></head>
<results><result><binding name="x"><uri>urn:1</uri></binding></result></results></sparql>"""
XML_TYPE = "application/sparql-results+xml"
ASKED = "SELECT * {{ SERVICE {} <{}> {{ ?x a ?y }} }}"


# SERVICE


def test_a_service_is_asked(twin: TestClient, peer: Peer) -> None:
    peer.replies["/sparql?v=1"] = typed(JSON, ROWS)
    answer = ask(twin, f"PREFIX p: <{peer.url}> SELECT ?x {{ SERVICE <{peer.url}sparql?v=1> {{ ?x a p:service }} }}")
    assert answer.status_code == 200
    assert [row["x"]["type"] for row in answer.json()["results"]["bindings"]] == ["uri", "bnode"]
    assert "etag" not in answer.headers
    [asked] = peer.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/sparql-query")
    assert asked.headers["accept"].startswith(JSON)
    assert f"<{peer.url}service>".encode() in asked.body


@pytest.mark.parametrize("media_type", [XML_TYPE, "application/xml;charset=utf-8", "text/xml"])
def test_results_in_xml(twin: TestClient, peer: Peer, media_type: str) -> None:
    peer.replies["/"] = typed(media_type, XML + b"<!-- done -->\n")
    assert ask(twin, ASKED.format("", peer.url), format="csv").text == "x,y\r\nurn:1,\r\n"


def test_each_service_is_asked_once_a_query(twin: TestClient, peer: Peer) -> None:
    """Also where the engine asks for it once a solution."""
    peer.replies["/"] = typed(JSON, ROWS)
    text = f"SELECT * {{ VALUES ?n {{ 1 2 3 }} LATERAL {{ SERVICE <{peer.url}> {{ ?x a ?y }} }} }}"
    assert len(ask(twin, text).json()["results"]["bindings"]) == 6
    assert len(peer.asked) == 1
    ask(twin, text)
    assert len(peer.asked) == 2


def test_a_service_within_a_service_is_the_others_to_ask(twin: TestClient, peer: Peer) -> None:
    peer.replies["/a"] = typed(JSON, ROWS)
    ask(twin, f"SELECT * {{ SERVICE <{peer.url}a> {{ ?x a ?y SERVICE <{peer.url}b> {{ ?x ?p ?y }} }} }}")
    assert peer.paths() == ["/a"]
    assert f"SERVICE <{peer.url}b>".encode() in peer.asked[0].body
    assert peer.asked[0].body.count(b"127.0.0.1") == 1


@pytest.mark.parametrize(
    ("form", "params"), [("arrow", {}), ("parquet", {}), ("csv", {}), ("json", {"timeout": "20"}), ("tsv", {})]
)
def test_in_every_format(twin: TestClient, peer: Peer, form: str, params: dict[str, str]) -> None:
    peer.replies["/"] = typed(JSON, ROWS)
    assert ask(twin, ASKED.format("", peer.url), format=form, **params).status_code == 200
    assert len(peer.asked) == 1


def test_in_the_join(twin: TestClient, peer: Peer) -> None:
    uuid = "00000000-0000-4000-8000-000000000001"
    twin.post("/readings", content=f"id,time,value\n{uuid},2026-01-01,1\n", headers={"content-type": "text/csv"})
    rows = ROWS.replace(b"urn:1", uuid.encode()).replace(b'"x"', b'"point"').replace(b'"uri"', b'"literal"')
    peer.replies["/"] = typed(JSON, rows)
    query = f"SELECT ?point {{ SERVICE <{peer.url}> {{ ?point a ?y }} }}"
    answer = twin.get("/readings", params={"query": query, "format": "csv"})
    assert answer.text.splitlines()[1:] == [f"{uuid},2026-01-01T00:00:00Z,1,,"]


def test_in_an_update(twin: TestClient, peer: Peer) -> None:
    peer.replies["/"] = typed(JSON, ROWS)
    text = f"INSERT {{ ?x a <urn:T> }} WHERE {{ SERVICE <{peer.url}> {{ ?x a ?y }} FILTER(isIRI(?x)) }}"
    assert update(twin, text).status_code == 204
    assert everything(twin) == ["<urn:1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:T> ."]


NO_RESULTS: list[tuple[Reply, str]] = [
    (reply(500, {}, b"the cause"), "answered 500 Said: the cause"),
    (typed("text/html", b"<html>"), "it answered with text/html, not with SPARQL results"),
    (typed("text/csv", b"x\r\nurn:1\r\n"), "it answered with text/csv"),
    (reply(200, {}, ROWS), "no Content-Type"),
    (typed(JSON, ROWS, cut=90), "it left before the end of its answer"),
    (raw(f"HTTP/1.1 200 OK\r\nContent-Type: {XML_TYPE}\r\n\r\n".encode() + XML[:-20]), "it left before the end"),
    (typed(XML_TYPE, XML[:-20]), "it left before the end of its answer"),
    (typed(JSON, b'{"head":{},"boolean":true}'), "it answered true or false"),
    (typed(JSON, b"oops"), "its answer cannot be read"),
    (typed(JSON, b""), "its answer cannot be read"),
    (endless(JSON, b" " * 65536), "more bytes than the setting body_megabytes allows"),
    (moved("/"), "more than 5 redirects"),
    (moved("http://me:secret@127.0.0.1/"), "redirects to what is no URL"),
]


@pytest.mark.parametrize(("answer", "said"), NO_RESULTS, ids=[said for _, said in NO_RESULTS])
def test_a_service_that_fails_fails_the_query_unless_it_is_silent(
    twin: TestClient, peer: Peer, answer: Reply, said: str
) -> None:
    peer.replies["/"] = answer
    status, detail = problem(ask(twin, ASKED.format("", peer.url)))
    assert (status, detail.startswith(f"SERVICE <{peer.url}> failed: ")) == (502, True), detail
    assert said in detail
    quiet = ask(twin, ASKED.format("SILENT", peer.url))
    assert (quiet.status_code, quiet.json()["results"]["bindings"]) == (200, [{}])


@pytest.mark.parametrize("body", [ROWS[:-20], ROWS[:-2] + b"!"])
def test_an_answer_that_breaks_off_is_never_a_part_of_one(twin: TestClient, peer: Peer, body: bytes) -> None:
    """Where nothing but the answer itself tells that it is not whole."""
    peer.replies["/"] = raw(b"HTTP/1.1 200 OK\r\nContent-Type: " + JSON.encode() + b"\r\n\r\n" + body)
    status, detail = problem(ask(twin, ASKED.format("", peer.url)))
    assert (status, "cannot be read" in detail) == (502, True), detail


def test_a_late_service_ends_in_time_and_silence_goes_on_without_it(twin: TestClient, peer: Peer) -> None:
    late = peer.replies["/"] = Silence()
    quiet = ask(twin, ASKED.format("SILENT", peer.url), timeout="3")
    assert (quiet.status_code, quiet.json()["results"]["bindings"]) == (200, [{}])
    assert late.left.wait(20)
    status, detail = problem(ask(twin, ASKED.format("", peer.url), timeout="3"))
    assert status == 502
    # Of the three seconds some may have gone by before, and a fifth is left for the rest.
    assert re.fullmatch(rf"SERVICE <{re.escape(peer.url)}> failed: no answer within [12]\.\d s", detail), detail


def server_of(client: TestClient) -> Twin:
    found: Twin = client.app.state.twin  # type: ignore[attr-defined] # it is a Starlette
    return found


def test_a_query_that_is_cancelled_lets_go_of_its_service(twin: TestClient, peer: Peer) -> None:
    late = peer.replies["/"] = Silence()
    answers: list[Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(twin, ASKED.format("", peer.url))))
    asking.start()
    assert late.begun.wait(20)
    [asked] = server_of(twin).readers.results()
    assert peer.host in asked.text
    asked.cancel()
    assert late.left.wait(20)
    asking.join()
    assert answers[0].status_code >= 400


def test_a_reader_that_is_killed_lets_go_of_its_service(twin: TestClient, peer: Peer) -> None:
    late = peer.replies["/"] = Silence()
    answers: list[Response] = []
    asking = threading.Thread(target=lambda: answers.append(ask(twin, ASKED.format("", peer.url))))
    asking.start()
    assert late.begun.wait(20)
    [asked] = server_of(twin).readers.results()
    assert asked.reader is not None
    os.kill(asked.reader.pid, signal.SIGKILL)
    assert late.left.wait(20)
    asking.join()
    assert answers[0].status_code == 500
    assert ask(twin, "ASK {}").status_code == 200


# What is not allowed


@pytest.mark.parametrize("silent", ["", "SILENT"])
def test_a_host_that_is_not_listed_is_not_asked(twin: TestClient, stranger: Peer, silent: str) -> None:
    for answer in (ask(twin, ASKED.format(silent, stranger.url)), update(twin, f"LOAD {silent} <{stranger.url}>")):
        status, detail = problem(answer)
        assert (status, "outbound_hosts" in detail, stranger.host in detail) == (403, True, True)


def test_a_redirect_to_another_is_refused(twin: TestClient, peer: Peer, stranger: Peer) -> None:
    peer.replies["/"] = moved(stranger.url)
    for answer in (ask(twin, ASKED.format("", peer.url)), update(twin, f"LOAD <{peer.url}>")):
        status, detail = problem(answer)
        assert (status, "is not allowed" in detail, stranger.host in detail) == (403, True, True)
    assert ask(twin, ASKED.format("SILENT", peer.url)).json()["results"]["bindings"] == [{}]
    assert update(twin, f"LOAD SILENT <{peer.url}>").status_code == 204


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {{ VALUES ?s {{ <{0}> }} SERVICE ?s {{ ?x a ?y }} }}",
        "SELECT * {{ SERVICE <http://user:pw@127.0.0.1/> {{ ?x a ?y }} }}",
        "SELECT * {{ SERVICE <ftp://127.0.0.1/> {{ ?x a ?y }} }}",
        "SELECT * {{ SERVICE <http://2130706433/> {{ ?x a ?y }} }}",
        "SELECT * {{ ?x a 5SERVICE <{0}> {{ ?x a ?y }} }}",
        "SELECT * {{ FILTER(1<'> SERVICE <{0}> {{}}') }}",
        "SELECT * {{ \\u0053ERVICE <{0}> {{ ?x a ?y }} }}",
        "SELECT * {{" + "SERVICE <{0}> {{ ?x a ?y }} " * 101 + "}}",
    ],
)
def test_what_is_unclear_or_no_url_is_refused(twin: TestClient, peer: Peer, text: str) -> None:
    status, detail = problem(ask(twin, text.format(peer.url)))
    assert (status, "is not allowed" in detail) == (403, True), detail
    assert peer.asked == []


@pytest.mark.parametrize("iri", ["ftp://127.0.0.1/", "somewhere://127.0.0.1/", "urn:a", "http://user:pw@127.0.0.1/"])
def test_silence_goes_on_where_there_is_no_url(twin: TestClient, peer: Peer, iri: str) -> None:
    quiet = ask(twin, ASKED.format("SILENT", iri))
    assert (quiet.status_code, quiet.json()["results"]["bindings"]) == (200, [{}])
    loaded = f"LOAD SILENT <{iri}> INTO GRAPH <urn:g> ; INSERT DATA {{ <urn:a> <urn:b> <urn:c> }}"
    assert update(twin, loaded).status_code == 204
    assert everything(twin) == ["<urn:a> <urn:b> <urn:c> ."]
    assert problem(update(twin, f"LOAD <{iri}>"))[0] == 403
    assert peer.asked == []


def test_a_mistake_has_the_place_of_the_text_as_it_came(twin: TestClient, peer: Peer) -> None:
    text = f"SELECT * {{\n SERVICE <{peer.url}> {{ ?x a ?y }} ! }}"
    with pytest.raises(SyntaxError) as caught:
        ox.Store().query(text)
    document = ask(twin, text).json()
    assert (document["status"], document["line"]) == (400, 2)
    assert f"error at {document['line']}:{document['column']}:" in str(caught.value)
    assert problem(update(twin, f"LOAD <{peer.url}> INTO nowhere"))[0] == 400


def test_nothing_of_the_gateway_is_told(twin: TestClient, peer: Peer) -> None:
    peer.replies["/"] = typed(JSON, ROWS)
    text = f"SELECT * {{ BIND('SERVICE <{peer.url}>' AS ?t) SERVICE <{peer.url}> {{ ?x a ?y }} }}"
    assert ask(twin, text).json()["results"]["bindings"][0]["t"]["value"] == f"SERVICE <{peer.url}>"


def test_the_service_description_says_so(twin: TestClient, tmp_path: Path) -> None:
    def federates(server: TestClient) -> bool:
        return "BasicFederatedQuery" in server.get("/sparql", headers={"accept": "text/turtle"}).text

    with opened(tmp_path / "other") as other:
        assert (federates(twin), federates(other)) == (True, False)
