"""Clients written in JavaScript, in node, over real sockets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.clients.service import PRODUCT, ROWS, TOKEN, TURTLE
from tests.server.building import PREFIXES, SITE, ZONES
from tests.support.node import installed, run_script
from tests.support.service import Service, serving

HERE = Path(__file__).parent / "node"
BRICK = "https://brickschema.org/schema/Brick#"
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts and the packages that they import."""
    packages = installed(HERE)
    folder = tmp_path_factory.mktemp("node")
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return folder


def term(value: str) -> dict[str, str]:
    return {"type": "NamedNode", "value": value}


def literal(value: str, kind: str, language: str = "") -> dict[str, str]:
    return {"type": "Literal", "value": value, "language": language, "datatype": kind}


def plain(terms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return terms without what they leave empty."""
    return [{name: value for name, value in each.items() if value is not None} for each in terms]


@pytest.mark.parametrize("path", ["query", "sparql"])
@pytest.mark.parametrize("options", [{}, {"method": "GET"}, {"directPost": True}, {"method": "QUERY"}], ids=str)
def test_fetcher_asks_in_every_way(scripts: Path, service: Service, path: str, options: dict[str, Any]) -> None:
    found = run_script(scripts / "fetcher.mjs", "ask", f"{service.url}/{path}", json.dumps(options))
    assert found["yes"] is True
    assert found["no"] is False
    assert plain(found["rows"]) == [term(BRICK + "Zone_Air_Temperature_Sensor")]
    assert BRICK + "hasPoint" in found["predicates"]


@pytest.mark.parametrize("path", ["update", "sparql"])
@pytest.mark.parametrize("options", [{}, {"directPost": True}], ids=str)
def test_fetcher_updates(scripts: Path, service: Service, path: str, options: dict[str, Any]) -> None:
    inserted = f'INSERT DATA {{ <urn:node:s> <urn:node:{path}> 7, "grün & 50 %"@de }}'
    text = f"DELETE WHERE {{ <urn:node:s> ?p ?o }} ; {inserted}"
    urls = f"{service.url}/query", f"{service.url}/{path}"
    found = run_script(scripts / "fetcher.mjs", "update", *urls, json.dumps(options), text)
    language = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
    assert plain(found) == [literal("7", XSD + "integer"), literal("grün & 50 %", language, "de")]


def test_fetcher_tells_what_is_wrong(scripts: Path, service: Service) -> None:
    found = run_script(scripts / "fetcher.mjs", "errors", service.url)
    assert "HTTP status 400" in found["query"]
    assert "line 1, column" in found["query"]
    assert "HTTP status 400" in found["update"]
    assert "HTTP status 404" in found["nowhere"]


def test_fetcher_brings_its_token(scripts: Path, secret: Service) -> None:
    found = run_script(scripts / "fetcher.mjs", "token", f"{secret.url}/query", TOKEN)
    assert found["right"] is True
    assert "HTTP status 401" in found["without"]
    assert "HTTP status 401" in found["wrong"]


def test_fetcher_reads_a_long_answer(scripts: Path, service: Service) -> None:
    query = f"SELECT ?a ?b ?c {PRODUCT} LIMIT {ROWS}"
    assert run_script(scripts / "fetcher.mjs", "rows", f"{service.url}/query", query) == {
        "count": ROWS,
        "error": None,
    }


@pytest.mark.parametrize(
    ("case", "query"),
    [
        ("rows", f"SELECT ?a ?b ?c {PRODUCT}"),
        ("triples", f"CONSTRUCT {{ ?a ?b ?c . ?c ?b ?a . ?b ?c ?a }} {PRODUCT}"),
    ],
)
def test_fetcher_notices_an_answer_that_breaks_off(scripts: Path, service: Service, case: str, query: str) -> None:
    found = run_script(scripts / "fetcher.mjs", case, f"{service.url}/query", query)
    assert found["count"] > 100
    assert found["error"] == "TypeError: terminated"


def test_what_sparqljs_generates_is_understood(scripts: Path, service: Service) -> None:
    texts = [
        ZONES,
        PREFIXES
        + """SELECT ?class (COUNT(DISTINCT ?x) AS ?n) (GROUP_CONCAT(?l; SEPARATOR=", ") AS ?all) WHERE {
          ?ahu a brick:AHU ; (brick:feeds/brick:hasPoint)|^brick:isPointOf|brick:hasPoint ?x . ?x a ?class
          OPTIONAL { ?x rdfs:label ?l FILTER (STRLEN(?l) > 2 && !REGEX(?l, "^x\\\\.", "i")) }
          MINUS { ?x a brick:Fan_Status } VALUES ?ahu { :ahu } FILTER NOT EXISTS { ?x brick:feeds+ ?y }
        } GROUP BY ?class HAVING (COUNT(*) > 0) ORDER BY DESC(?n) ?class LIMIT 5""",
    ]
    generated = run_script(scripts / "generator.mjs", "again", json.dumps(texts))
    for text, again in zip(texts, generated, strict=True):
        answers = [httpx2.post(f"{service.url}/query", data={"query": each}, timeout=30) for each in (text, again)]
        assert answers[0].raise_for_status().json()["results"]["bindings"]
        assert answers[0].json() == answers[1].raise_for_status().json()


def test_comunica_finds_the_endpoint_and_asks_it(scripts: Path, service: Service) -> None:
    found = run_script(scripts / "comunica.mjs", "ask", f"{service.url}/sparql", ZONES)
    assert plain(found["rows"]) == [term(SITE + "zone1"), term(SITE + "zone2")]
    assert found["yes"] is True
    assert found["no"] is False
    assert found["described"] >= 2


def test_comunica_updates(scripts: Path, service: Service) -> None:
    found = run_script(scripts / "comunica.mjs", "update", f"{service.url}/sparql")
    assert [each["value"] for each in found] == ["2.5", "é"]


def test_comunica_joins_an_endpoint_with_a_graph_elsewhere(scripts: Path, service: Service, tmp_path: Path) -> None:
    owners = f'<{SITE}zone2> <urn:owner> "Ada" . <{SITE}elsewhere> <urn:owner> "Bob" .'
    query = PREFIXES + "SELECT ?owner WHERE { ?box a brick:VAV ; brick:hasPoint ?point . ?point <urn:owner> ?owner }"
    with serving(tmp_path / "data", readers=1) as other:
        graph = f"{other.url}/store?graph=urn:owners"
        httpx2.put(graph, content=owners, headers=TURTLE, timeout=60).raise_for_status()
        found = run_script(scripts / "comunica.mjs", "join", f"{service.url}/query", graph, query)
    assert [each["value"] for each in found] == ["Ada"]


def test_comunica_tells_what_is_wrong(scripts: Path, service: Service) -> None:
    said = run_script(scripts / "comunica.mjs", "error", f"{service.url}/query")
    assert "HTTP status 400" in said
    assert "urn:no-such-function" in said


def test_comunica_notices_an_answer_that_breaks_off(scripts: Path, service: Service) -> None:
    found = run_script(scripts / "comunica.mjs", "rows", f"{service.url}/query", f"SELECT ?a ?b ?c {PRODUCT}")
    assert found["error"] == "TypeError: terminated"
