from __future__ import annotations

import csv
import io
import threading
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from ontologies.namespaces import XSD
from server.negotiation import GRAPHS, RESULTS
from server.twin.hybrid.vocabulary import READINGS
from storage.graph.guard import Form, form
from tests.server.building import PREFIXES, SITE, Parameter
from tests.server.conftest import opened

POINTS = PREFIXES + "SELECT ?p WHERE { ?p a brick:Zone_Air_Temperature_Sensor } ORDER BY ?p"
EXPECTED = [SITE + "zone1", SITE + "zone2"]
CROSS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }"
FORM = {"content-type": "application/x-www-form-urlencoded"}
DIRECT = {"content-type": "application/sparql-update"}


def ask(client: TestClient, query: str, **parameters: Parameter) -> dict[str, Any]:
    answer = client.get("/query", params={"query": query, **parameters})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def found(answer: Response) -> list[str]:
    return [row["p"]["value"] for row in answer.json()["results"]["bindings"]]


@pytest.mark.parametrize("path", ["/query", "/sparql"])
def test_a_query_comes_by_get_form_or_body(site: TestClient, path: str) -> None:
    direct = {"content-type": "application/sparql-query; charset=utf-8"}
    answers = [
        site.get(path, params={"query": POINTS}),
        site.post(path, data={"query": POINTS}),
        site.post(path, content=POINTS, headers=direct),
    ]
    assert [found(answer) for answer in answers] == [EXPECTED] * 3


@pytest.mark.parametrize("path", ["/query", "/sparql"])
def test_the_method_query_asks_and_never_changes_anything(site: TestClient, path: str) -> None:
    direct = {"content-type": "application/sparql-query"}
    answers = [
        site.request("QUERY", path, content=POINTS, headers=direct),
        site.request("QUERY", path, data={"query": POINTS}),
        site.request("QUERY", path, params={"query": POINTS}, headers=FORM),
    ]
    assert [found(answer) for answer in answers] == [EXPECTED] * 3
    update = {"content-type": "application/sparql-update"}
    assert site.request("QUERY", path, content="CLEAR ALL", headers=update).status_code == 415
    assert site.request("QUERY", path, data={"update": "CLEAR ALL"}).status_code == 400
    assert site.request("QUERY", path, data={"query": "CLEAR ALL"}).status_code == 400


@pytest.mark.parametrize("path", ["/query", "/sparql"])
def test_a_byte_order_mark_before_a_query_is_none_of_it(site: TestClient, path: str) -> None:
    marked = "\ufeff" + POINTS
    answers = [
        site.get(path, params={"query": marked}),
        site.post(path, data={"query": marked}),
        site.post(path, content=marked, headers={"content-type": "application/sparql-query"}),
        site.post(path, content=b"\xef\xbb\xbf" + urlencode({"query": POINTS}).encode(), headers=FORM),
    ]
    assert [found(answer) for answer in answers] == [EXPECTED] * 4
    assert site.get(path, params={"query": "\ufeff" + marked}).status_code == 400
    assert "empty" in site.get(path, params={"query": "\ufeff\n"}).json()["detail"]


def test_a_byte_order_mark_before_an_update_is_none_of_it(client: TestClient) -> None:
    update = "\ufeffINSERT DATA {{ <urn:a> <urn:b> {} }}"
    answers = [
        client.post("/update", content=update.format(1), headers=DIRECT),
        client.post("/update", content=update.format(2), headers=DIRECT, params={"timeout": 9}),  # by another way
        client.post("/update", data={"update": update.format(3)}),
    ]
    assert [answer.status_code for answer in answers] == [204] * 3
    assert ask(client, "SELECT (COUNT(*) AS ?p) { ?s ?q ?o }")["results"]["bindings"][0]["p"]["value"] == "3"


@pytest.mark.parametrize("name", RESULTS)
def test_each_results_format_parses(site: TestClient, name: str) -> None:
    answer = site.get("/query", params={"query": POINTS, "format": name})
    assert answer.headers["content-type"].partition(";")[0] == RESULTS[name]
    match name:
        case "json":
            assert found(answer) == EXPECTED
        case "xml":
            assert [uri.text for uri in ET.fromstring(answer.text).iter() if uri.tag.endswith("}uri")] == EXPECTED  # noqa: S314
        case "csv":
            assert [row["p"] for row in csv.DictReader(io.StringIO(answer.text))] == EXPECTED
        case _:
            assert answer.text.split() == ["?p", *(f"<{iri}>" for iri in EXPECTED)]


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("query", ["CONSTRUCT WHERE { <urn:site#zone1> ?p ?o }", "DESCRIBE <urn:site#zone1>"])
def test_each_graph_format_parses(site: TestClient, name: str, query: str) -> None:
    answer = site.get("/query", params={"query": query}, headers={"accept": GRAPHS[name]})
    fmt = ox.RdfFormat.from_media_type(answer.headers["content-type"].partition(";")[0])
    assert fmt is not None
    subjects = {str(quad.subject) for quad in ox.parse(answer.content, fmt)}
    assert f"<{SITE}zone1>" in subjects


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/csv", "text/csv"),
        ("text/csv;q=0.2, application/sparql-results+xml;q=0.9", "application/sparql-results+xml"),
        ("text/*;q=0.9, application/sparql-results+xml;q=0.1", "text/csv"),
        ("*/*", "application/sparql-results+json"),
        ("application/json", "application/sparql-results+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/sparql-results+json"),
        ("*/*, application/sparql-results+json;q=0", "application/sparql-results+xml"),
        ("", "application/sparql-results+json"),
    ],
)
def test_accept_chooses(site: TestClient, accept: str, chosen: str) -> None:
    answer = site.get("/query", params={"query": POINTS}, headers={"accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == chosen
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize("accept", ["image/png", "text/turtle", "*/*;q=0"])
def test_what_nobody_can_write_is_406(site: TestClient, accept: str) -> None:
    assert site.get("/query", params={"query": POINTS}, headers={"accept": accept}).status_code == 406


def test_an_unknown_format_is_named(site: TestClient) -> None:
    answer = site.get("/query", params={"query": POINTS, "format": "xls"})
    assert answer.status_code == 400
    assert "xls" in answer.json()["detail"]


def test_arrow_and_parquet_have_typed_columns(site: TestClient) -> None:
    query = PREFIXES + 'SELECT ?p ?n ?t (1.5 AS ?d) WHERE { VALUES (?p ?n ?t) { (:a 1 "x") (:b 2 UNDEF) } }'
    arrow = site.get("/query", params={"query": query, "format": "arrow"})
    parquet = site.get("/query", params={"query": query}, headers={"accept": "application/vnd.apache.parquet"})
    tables = [pa.ipc.open_stream(arrow.content).read_all(), pq.read_table(io.BytesIO(parquet.content))]
    rows = [{"p": SITE + "a", "n": 1, "t": "x", "d": 1.5}, {"p": SITE + "b", "n": 2, "t": None, "d": 1.5}]
    assert [table.to_pylist() for table in tables] == [rows, rows]


def test_times_have_a_zone_in_arrow_and_parquet_if_they_have_one(site: TestClient) -> None:
    query = "SELECT (xsd:dateTime('2026-01-01T00:00:00') AS ?t) (xsd:dateTime('2026-01-01T00:00:00Z') AS ?u) {}"
    query = f"PREFIX xsd: <{XSD.iri}> {query}"
    arrow = pa.ipc.open_stream(site.get("/query", params={"query": query, "format": "arrow"}).content).read_all()
    parquet = pq.read_table(io.BytesIO(site.get("/query", params={"query": query, "format": "parquet"}).content))
    for table in (arrow, parquet):
        assert table.schema.types == [pa.timestamp("us"), pa.timestamp("us", "UTC")]


def test_ask_answers_yes_and_no(site: TestClient) -> None:
    assert ask(site, "ASK {}")["boolean"] is True
    assert site.get("/query", params={"query": "ASK { <urn:x:x> ?p ?o }", "format": "csv"}).text.strip() == "false"
    assert site.get("/query", params={"query": "ASK {}", "format": "arrow"}).status_code == 400


def test_the_default_graph_is_the_union_unless_the_client_chooses(filled: TestClient) -> None:
    insert = "INSERT DATA { <urn:x:d> <urn:x:p> 1 GRAPH <urn:g:1> { <urn:x:1> <urn:x:p> 1 } }"
    filled.post("/update", data={"update": insert})
    query = "SELECT ?s WHERE { ?s <urn:x:p> ?o }"

    def subjects(text: str = query, /, **parameters: Parameter) -> set[str]:
        return {row["s"]["value"] for row in ask(filled, text, **parameters)["results"]["bindings"]}

    assert subjects() == {"urn:x:d", "urn:x:1"}
    assert subjects(**{"default-graph-uri": "urn:g:1"}) == {"urn:x:1"}
    assert subjects(**{"default-graph-uri": ["urn:g:1", "urn:g:2"]}) == {"urn:x:1"}
    assert subjects(**{"named-graph-uri": "urn:g:1"}) == set()
    named = "SELECT ?s WHERE { GRAPH ?g { ?s <urn:x:p> ?o } }"
    assert subjects(named, **{"named-graph-uri": "urn:g:1"}) == {"urn:x:1"}
    assert subjects(named, **{"named-graph-uri": "urn:g:2"}) == set()


def test_a_strict_default_graph_is_the_default_graph_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "data", default_graph="strict") as client:
        client.post("/update", data={"update": "INSERT DATA { GRAPH <urn:g:1> { <urn:x:1> <urn:x:p> 1 } }"})
        assert ask(client, "ASK { ?s ?p ?o }")["boolean"] is False
        assert ask(client, "ASK { ?s ?p ?o }", **{"union-default-graph": "true"})["boolean"] is True


@pytest.mark.parametrize("parameters", ["union-default-graph=perhaps", "union-default-graph&named-graph-uri=urn:g:1"])
def test_a_union_that_cannot_be_meant_is_refused(client: TestClient, parameters: str) -> None:
    answer = client.get(f"/query?query=ASK%7B%7D&{parameters}")
    assert answer.status_code == 400
    assert "union-default-graph" in answer.json()["detail"]


def test_a_relative_graph_iri_is_refused(site: TestClient) -> None:
    answer = site.get("/query", params={"query": POINTS, "default-graph-uri": "graph"})
    assert answer.status_code == 400
    assert "absolute" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/query", "/update"])
def test_a_syntax_error_has_its_place(client: TestClient, path: str) -> None:
    text = "SELECT *\nWHERE { ?s ?p }" if path == "/query" else "INSERT DATA\n{ <urn:a:a> <urn:a:p> }"
    document = client.post(path, data={path[1:]: text}).json()
    assert (document["status"], document["line"]) == (400, 2)
    assert document["column"] > 1
    assert document["type"] == "urn:twinhouse:problem:query-syntax"


def test_a_syntax_error_is_400_whatever_is_accepted(site: TestClient) -> None:
    for accept in ("text/turtle", "application/sparql-results+xml"):
        assert site.get("/query", params={"query": "CONSTRCT"}, headers={"accept": accept}).status_code == 400


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/query", "SELECT * WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }"),
        ("/update", "LOAD <http://127.0.0.1:1/>"),
        ("/update", "INSERT { ?s ?p ?o } WHERE { service silent <http://127.0.0.1:1/> { ?s ?p ?o } }"),
        ("/readings", "SELECT ?point WHERE { SERVICE <http://127.0.0.1:1/> { ?point ?p ?o } }"),
    ],
)
def test_outbound_requests_are_refused(client: TestClient, path: str, text: str) -> None:
    sent = client.post(path, data={"update": text}) if path == "/update" else client.get(path, params={"query": text})
    assert sent.status_code == 403
    assert sent.json()["type"].endswith(":query-refused")


def test_an_update_is_no_query_and_a_query_no_update(client: TestClient) -> None:
    as_query = client.get("/query", params={"query": "INSERT DATA { <urn:a:a> <urn:a:p> 1 }"})
    as_update = client.post("/update", data={"update": "SELECT * WHERE { ?s ?p ?o }"})
    assert (as_query.status_code, "/update" in as_query.json()["hint"]) == (400, True)
    assert (as_update.status_code, "/query" in as_update.json()["hint"]) == (400, True)
    assert ask(client, "ASK { ?s ?p ?o }")["boolean"] is False


@pytest.mark.parametrize("path", ["/update", "/sparql"])
def test_an_update_comes_by_form_or_body_and_is_seen_at_once(client: TestClient, path: str) -> None:
    for n in range(20):
        text = f"INSERT DATA {{ <urn:a:{n}> <urn:a:p> {n} }}"
        direct = {"content-type": "application/sparql-update"}
        sent = client.post(path, data={"update": text}) if n % 2 else client.post(path, content=text, headers=direct)
        assert (sent.status_code, sent.content) == (204, b"")
        assert ask(client, f"ASK {{ <urn:a:{n}> ?p {n} }}")["boolean"] is True


def test_updates_that_come_together_stand_or_fail_each_for_itself(client: TestClient) -> None:
    def sent(number: int) -> Response:
        text = {
            0: f"INSERT DATA {{ <urn:a:{number}> <urn:a:p> }}",
            1: f"INSERT DATA {{ GRAPH <{READINGS}> {{ <urn:a:{number}> <urn:a:p> 1 }} }}",
            2: f"INSERT DATA {{ <urn:a:{number}> <urn:a:p> 1 }} ; CREATE GRAPH <urn:g:there>",
        }.get(number % 8, f"INSERT DATA {{ <urn:a:{number}> <urn:a:p> {number} }}")
        return client.post("/update", data={"update": text})

    assert client.post("/update", data={"update": "CREATE GRAPH <urn:g:there>"}).status_code == 204
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(sent, range(64)))
    kinds = {0: "query-syntax", 1: "readings-are-read-only", 2: "query-evaluation"}
    for number, answer in enumerate(answers):
        said = answer.json()["type"] if answer.content else ""
        assert said.removeprefix("urn:twinhouse:problem:") == kinds.get(number % 8, "")
    rows = ask(client, "SELECT ?o { ?s <urn:a:p> ?o }")["results"]["bindings"]
    kept = [number for number in range(64) if number % 8 > 2]
    assert sorted(int(row["o"]["value"]) for row in rows) == kept
    changes = [change for change in client.get("/changes").json()["changes"] if not change["made"]]
    assert [(change["added"], change["who"]) for change in changes] == [(1, "anonymous")] * len(kept)


def test_a_deadline_ends_a_query_and_the_next_one_runs(site: TestClient) -> None:
    answer = site.get("/query", params={"query": CROSS, "timeout": "0.2"})
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:twinhouse:problem:deadline-exceeded")
    assert found(site.get("/query", params={"query": POINTS})) == EXPECTED


def test_a_deadline_ends_an_update_which_changes_nothing_and_the_next_one_runs(client: TestClient) -> None:
    numbers = " ".join(map(str, range(1000)))
    values = " ".join(f"VALUES ?{name} {{ {numbers} }}" for name in "abcd")
    endless = f"INSERT DATA {{ <urn:a:s> <urn:a:p> 1 }} ; INSERT {{ <urn:a:s> <urn:a:p> ?a }} WHERE {{ {values} }}"
    for path in ("/update", "/sparql"):
        late = client.post(path, data={"update": endless, "timeout": "0.2"})
        assert (late.status_code, late.json()["type"]) == (504, "urn:twinhouse:problem:deadline-exceeded")
    assert client.post("/update", data={"update": "INSERT DATA { <urn:a:s> <urn:a:p> 2 }"}).status_code == 204
    assert ask(client, "SELECT ?o { <urn:a:s> ?p ?o }")["results"]["bindings"][0]["o"]["value"] == "2"
    assert client.post("/update", data={"update": endless, "timeout": "soon"}).status_code == 400


@pytest.mark.parametrize("timeout", ["0", "-1", "soon", "nan", "inf", "1_0", "\u0661", "1e999", "1" * 400])
def test_a_timeout_is_a_number_of_seconds(site: TestClient, timeout: str) -> None:
    assert site.get("/query", params={"query": POINTS, "timeout": timeout}).status_code == 400


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv", "arrow"])
def test_too_many_rows_are_413(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / "data", query_rows=3) as client:
        query = "SELECT * WHERE { VALUES ?n { 1 2 3 %s } }"
        enough = client.get("/query", params={"query": query % "", "format": name})
        more = client.get("/query", params={"query": query % "4", "format": name})
        assert (enough.status_code, more.status_code) == (200, 413)


@pytest.mark.parametrize("path", ["/query", "/sparql", "/update"])
def test_an_unknown_parameter_is_named(client: TestClient, path: str) -> None:
    text = {"update": "CLEAR ALL"} if path == "/update" else {"query": "ASK {}"}
    answer = client.post(path, data={**text, "default-graf-uri": "x"})
    assert (answer.status_code, "default-graf-uri" in answer.json()["detail"]) == (400, True)


def test_a_parameter_may_come_once(client: TestClient) -> None:
    assert client.get("/query?query=ASK{}&query=ASK{}").status_code == 400
    assert client.get("/query").status_code == 400


MOVE = "DELETE { ?s <urn:p:p> ?o } INSERT { GRAPH <urn:g:out> { ?s <urn:p:p> ?o } } WHERE { ?s <urn:p:p> ?o }"


def graph_size(client: TestClient, graph: str) -> int:
    answer = client.post("/query", data={"query": f"SELECT * {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}", "format": "tsv"})
    return answer.text.count("\n") - 1


def test_using_names_the_dataset_of_an_update(client: TestClient) -> None:
    for number in (1, 2, 3):
        data = f"INSERT DATA {{ GRAPH <urn:g:{number}> {{ <urn:s:{number}> <urn:p:p> {number} }} }}"
        client.post("/update", data={"update": data})
    graphs = "using-graph-uri=urn:g:1&using-graph-uri=urn:g:3"
    assert client.post(f"/update?{graphs}", data={"update": MOVE}).status_code == 204
    assert graph_size(client, "urn:g:out") == 2


def test_using_and_a_dataset_in_the_text_are_a_conflict(client: TestClient) -> None:
    text = "WITH <urn:g:1> DELETE WHERE { ?s ?p ?o }"
    assert client.post("/update?using-graph-uri=urn:g:2", data={"update": text}).status_code == 400
    assert client.post("/update?using-graph-uri=urn:a%20b", data={"update": MOVE}).status_code == 400


def test_an_update_over_the_union_of_all_graphs(client: TestClient) -> None:
    for graph in ("", "GRAPH <urn:g:1>", "GRAPH <urn:g:2>"):
        pattern = f"{{ <urn:s:{len(graph)}> <urn:p:p> '{graph}' }}"
        data = f"INSERT DATA {{ {graph} {pattern} }}" if graph else f"INSERT DATA {pattern}"
        assert client.post("/update", data={"update": data}).status_code == 204
    assert client.post("/update?using-union-graph", data={"update": MOVE}).status_code == 204
    assert graph_size(client, "urn:g:out") == 3
    assert client.get("/graphs").json()["graphs"] == ["urn:g:1", "urn:g:2", "urn:g:out"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ("using-union-graph&using-graph-uri=urn:g:1", MOVE),
        ("using-union-graph", f"WITH <urn:g:1> {MOVE}"),
        ("using-union-graph", f"{MOVE} ; {MOVE}"),
    ],
)
def test_a_union_that_cannot_be_is_400(client: TestClient, parameters: str, text: str) -> None:
    assert client.post(f"/update?{parameters}", data={"update": text}).status_code == 400


def test_a_query_in_the_url_and_in_the_body_is_400(client: TestClient) -> None:
    answer = client.post(
        "/query?query=ASK{}", content=b"ASK {}", headers={"content-type": "application/sparql-query"}
    )
    assert answer.status_code == 400


def test_relative_iris_resolve_against_the_endpoint(client: TestClient) -> None:
    assert client.post("/update", data={"update": "INSERT DATA { <#s> <p> 1 }"}).status_code == 204
    answer = client.get("/query", params={"query": "ASK { <http://testserver/update#s> <http://testserver/p> 1 }"})
    assert answer.json()["boolean"] is True


def test_the_endpoint_describes_itself(client: TestClient) -> None:
    answer = client.get("/sparql", headers={"accept": "text/turtle"})
    assert (answer.status_code, "UnionDefaultGraph" in answer.text) == (200, True)


@pytest.mark.parametrize("path", ["/query", "/sparql", "/update"])
def test_another_kind_of_body_is_415(client: TestClient, path: str) -> None:
    answer = client.post(path, content=b"ASK {}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "application/sparql-" in answer.json()["hint"]


def test_a_body_that_is_not_text_is_400(client: TestClient) -> None:
    answer = client.post("/query", content=b"ASK {} # \xff", headers={"content-type": "application/sparql-query"})
    assert (answer.status_code, "UTF-8" in answer.json()["detail"]) == (400, True)


def test_a_text_of_more_than_16_mib_is_413(client: TestClient) -> None:
    body = b"update=" + b"#" * (16 << 20)
    for path in ("/update", "/sparql"):
        assert client.post(path, content=body, headers=FORM).status_code == 413


def test_head_has_the_headers_alone(site: TestClient) -> None:
    for path in ("/query", "/sparql"):
        answer = site.head(path, params={"query": POINTS})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "application/sparql-results+json"


def test_another_method_is_405_and_says_which_are_allowed(site: TestClient) -> None:
    answer = site.put("/query", content=b"")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (
        405,
        {"GET", "HEAD", "OPTIONS", "POST", "QUERY"},
    )
    assert site.get("/update").status_code == 405


def test_the_etag_changes_with_the_graph_alone(filled: TestClient) -> None:
    def etag() -> str:
        return filled.get("/query", params={"query": "ASK {}"}).headers["etag"]

    first = etag()
    assert (first, first[:2]) == (etag(), "W/")
    filled.post("/update", data={"update": "INSERT DATA { <urn:a:a> <urn:a:p> 1 }"})
    assert etag() != first


@pytest.mark.parametrize("where", ["/update?update=", "/update form"])
def test_a_parameter_that_is_not_utf_8_is_refused(client: TestClient, where: str) -> None:
    """It would be stored with U+FFFD in the place of what was meant."""
    update = "INSERT+DATA{<urn:s:1>+<urn:p:p>+%22%C3%A9+%FF%22}"
    form = where.endswith("form")
    answer = client.post(
        "/update" if form else where + update, content=f"update={update}" if form else "", headers=FORM
    )
    assert (answer.status_code, answer.json()["detail"]) == (400, "%FF in a parameter is not UTF-8")
    assert client.get("/store").content == b""


@pytest.mark.parametrize("path", ["/query", "/update"])
def test_a_long_text_is_not_read_by_the_thread_that_serves_all(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    threads = set[int]()

    def noted(text: str) -> Form:
        threads.add(threading.get_ident())
        return form(text)

    monkeypatch.setattr("server.twin.reading.form", noted)
    monkeypatch.setattr("server.protocols.sparql.form", noted)
    text = "#" * 10_000 + ("\nASK {}" if path == "/query" else "\nCLEAR ALL")
    kind = "query" if path == "/query" else "update"
    answer = client.post(path, content=text, headers={"content-type": f"application/sparql-{kind}"})
    assert answer.is_success
    assert client.portal is not None
    assert len(threads) == 1
    assert client.portal.call(threading.get_ident) not in threads


@pytest.mark.parametrize("depth", [100_000])
def test_what_is_too_deep_says_so(client: TestClient, depth: int) -> None:
    text = f"SELECT * {{ FILTER({'(' * depth}1{')' * depth}) }}"
    answer = client.post("/query", content=text, headers={"content-type": "application/sparql-query"})
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the query has parts that are too deep in each other",
    )
    update = f"INSERT {{ <urn:s:1> <urn:p:p> 1 }} WHERE {{ {'{' * depth} {'}' * depth} }}"
    answer = client.post("/update", content=update, headers={"content-type": "application/sparql-update"})
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the update has parts that are too deep in each other",
    )
    assert client.get("/query", params={"query": "ASK {}"}).status_code == 200


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_nan_and_the_infinities_are_values(site: TestClient, name: str) -> None:
    values = " ".join(f'"{text}"^^<http://www.w3.org/2001/XMLSchema#double>' for text in ("INF", "-INF", "NaN"))
    query = f"SELECT ?x {{ VALUES ?x {{ {values} UNDEF }} }}"
    body = site.get("/query", params={"query": query, "format": name}).content
    table = pa.ipc.open_stream(body).read_all() if name == "arrow" else pq.read_table(io.BytesIO(body))
    assert [str(value) for value in table.column("x").to_pylist()] == ["inf", "-inf", "nan", "None"]


def test_xml_keeps_carriage_returns(client: TestClient) -> None:
    """A reader takes a bare one for a line feed."""
    client.post("/update", data={"update": r'INSERT DATA { <urn:s:1> <urn:p:p> "a\r\nb" }'})
    results = client.get("/query?query=SELECT+?o+{+?s+?p+?o+}&format=xml").text
    graph = client.get("/store?default&format=rdfxml").text
    assert [ET.fromstring(text).find(".//*[.='a\r\nb']") is not None for text in (results, graph)] == [True, True]  # noqa: S314 - ours


@pytest.mark.parametrize("character", ["\x01", "\0", "\x1f", "\ufffe", "\uffff"])
def test_xml_is_refused_for_what_it_cannot_hold(client: TestClient, character: str) -> None:
    client.post("/update", data={"update": f'INSERT DATA {{ <urn:s:1> <urn:p:p> "a\x7f\ufffd{character}b" }}'})
    for path in ("/query?query=SELECT+?o+{+?s+?p+?o+}&format=xml", "/store?default&format=rdfxml"):
        refused = client.get(path)
        assert refused.status_code == 406
        assert f"U+{ord(character):04X}" in refused.json()["detail"]
    for name in ("json", "csv", "tsv"):
        answer = client.get(f"/query?query=SELECT+?o+{{+?s+?p+?o+}}&format={name}")
        assert "b" in answer.text


RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


@pytest.mark.parametrize(
    ("triple", "name"),
    [
        ("<urn:s:1> <urn:p:1> 1", "rdfxml"),
        (f"<urn:s:1> <{RDF}li> 1", "rdfxml"),
        ("<urn:s:1> <urn:p:p> <<( <urn:s:1> <urn:p:p> 1 )>>", "jsonld"),
    ],
)
def test_graphs_are_refused_in_a_format_that_does_not_have_them(client: TestClient, triple: str, name: str) -> None:
    client.post("/update", data={"update": f"INSERT DATA {{ GRAPH <urn:g:1> {{ {triple} }} }}"})
    construct = "CONSTRUCT+WHERE+{+?s+?p+?o+}"
    for path in (f"/query?query={construct}&", "/store?graph=urn:g:1&", "/models?graph=urn:g:1&"):
        refused = client.get(f"{path}{'as' if 'models' in path else 'format'}={name}")
        assert (path, refused.status_code) == (path, 406)
    assert client.get("/store?graph=urn:g:1&format=turtle").status_code == 200


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_tables_are_refused_for_triple_terms_that_are_too_deep(client: TestClient, name: str) -> None:
    for depth, status in ((20, 200), (100, 406)):
        term = "<<( <urn:a> <urn:b> " * depth + "1" + " )>>" * depth
        query = f"SELECT ?t {{ BIND({term} AS ?t) }}"
        answer = client.post("/query", data={"query": query, "format": name})
        assert answer.status_code == status
    assert "too deep" in answer.json()["detail"]
    assert client.post("/query", data={"query": query, "format": "json"}).status_code == 200


@pytest.mark.parametrize("limit", ["1.5", "9" * 5000, "x"])
def test_a_limit_that_is_no_number_is_a_syntax_error_beside_readings(site: TestClient, limit: str) -> None:
    prefix = "PREFIX sosa: <http://www.w3.org/ns/sosa/>"
    query = f"{prefix} SELECT ?v {{ ?o sosa:hasSimpleResult ?v }} LIMIT {limit}"
    assert site.post("/query", data={"query": query}).status_code == 400


def test_a_long_query_that_names_readings_is_answered(site: TestClient) -> None:
    """It is too long to be planned, and so all readings are there for it."""
    query = "PREFIX sosa: <http://www.w3.org/ns/sosa/> SELECT ?p { ?p sosa:hasSimpleResult ?v }"
    texts = ["PREFIX a: <urn:a> " * number + query for number in (1, 100_000)]
    few, many = (site.post("/query", data={"query": text}).json()["results"]["bindings"] for text in texts)
    assert len(few) == len(many) > 0


def test_a_long_update_that_may_write_readings_is_refused(client: TestClient) -> None:
    update = f"INSERT DATA {{ <urn:a> <urn:b> {'1, ' * 200_000} <{READINGS}> }}"
    answer = client.post("/update", content=update, headers=DIRECT)
    assert (answer.status_code, answer.json()["hint"]) == (400, "send it in parts")
