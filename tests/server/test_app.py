"""What holds for every route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from server.app import ROUTES, create_app
from server.protocols.parameters import PARAMETERS, PATH_PARAMETERS
from server.settings import Settings
from tests.server.building import ZONE_1
from tests.server.conftest import HOST

ROOT = Path(__file__).resolve().parents[2]
METHODS = [(route, method) for route in ROUTES for method in sorted(route.methods or ())]
FOREIGN = ("/write", "/api/v2/write")  # their errors have another form: see protocols/test_influx.py
LENIENT = ("/", "/openapi.json", "/livez", "/readyz", "/metrics", "/ping", "/health")
STRICT = [(r, m) for r, m in METHODS if r.path not in (*LENIENT, *FOREIGN)]
WITH_BODY = ("POST", "PUT", "QUERY")
TYPES = {"/readings": "text/csv", "/update": "application/sparql-update", "/query": "application/sparql-query"}


def _name(value: object) -> str:
    return value.path if isinstance(value, Route) else str(value)


def sent(client: TestClient, route: Route, method: str, params: Mapping[str, str] | None = None) -> Response:
    headers = {"content-type": TYPES.get(route.path, "application/sparql-query" if method in WITH_BODY else "")}
    if route.path in ("/store", "/models"):
        headers = {"content-type": "text/turtle"}
    body = b"{}" if method in WITH_BODY else None
    path = route.path.replace("{uuid}", ZONE_1)
    return client.request(method, path, headers=headers, content=body, params=params)


def is_problem(answer: Response) -> bool:
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["type"].startswith("urn:twinhouse:problem:")
    assert document["status"] == answer.status_code >= 400
    return bool(document["title"] and document["detail"])


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path not in FOREIGN], ids=_name)
def test_another_method_is_a_problem_that_lists_the_right_ones(site: TestClient, route: Route) -> None:
    answer = sent(site, route, "PATCH")
    assert (answer.status_code, is_problem(answer)) == (405, True)
    assert set(answer.headers["allow"].split(", ")) == {*(route.methods or ()), "OPTIONS"}


@pytest.mark.parametrize(("route", "method"), STRICT, ids=_name)
def test_an_unknown_parameter_is_a_problem_that_lists_the_right_ones(
    site: TestClient, route: Route, method: str
) -> None:
    answer = sent(site, route, method, params={"nonsense": "1"})
    assert answer.status_code == 400
    if method == "HEAD":
        return
    assert is_problem(answer)
    assert "nonsense" in answer.json()["detail"]
    known = {parameter.name for parameter in PARAMETERS.get(route.path, ())}
    accepted = set(re.findall(r"[\w-]+", answer.json()["hint"].removeprefix("parameters: ")))
    assert accepted <= known
    assert accepted == known or len(METHODS_OF[route.path]) > 1


METHODS_OF = {route.path: {m for r, m in METHODS if r is route and m != "HEAD"} for route in ROUTES}


@pytest.mark.parametrize("path", [path for path in PARAMETERS if path not in FOREIGN])
def test_the_methods_of_a_route_together_accept_what_is_listed(site: TestClient, path: str) -> None:
    [route] = [route for route in ROUTES if route.path == path]
    hints = [sent(site, route, method, params={"nonsense": "1"}).json()["hint"] for method in METHODS_OF[path]]
    accepted = {name for hint in hints for name in re.findall(r"[\w-]+", hint.removeprefix("parameters: "))}
    if path == "/sparql":
        answer = site.post(path, data={"update": "", "nonsense": "1"})
        accepted |= set(re.findall(r"[\w-]+", answer.json()["hint"].removeprefix("parameters: ")))
    assert accepted == {parameter.name for parameter in PARAMETERS[path]}


@pytest.mark.parametrize("path", ["/nothing", "/points/a/b", "/query/x"])
def test_another_path_is_a_problem(site: TestClient, path: str) -> None:
    answer = site.get(path)
    assert (answer.status_code, is_problem(answer), answer.json()["type"][-9:]) == (404, True, "not-found")


def test_an_error_of_our_own_tells_nothing_of_the_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("server.twin.service.Twin.seal", broken)
    settings = Settings(data=tmp_path / "data", readers=1, allowed_hosts=HOST)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        answer = client.post("/seal")
        assert (answer.status_code, is_problem(answer), "secret" in answer.text) == (500, True, False)
        assert 'twinhouse_requests_total{method="POST",route="/seal",status="500"} 1.0' in client.get("/metrics").text


def test_every_answer_has_a_request_id_of_its_own(site: TestClient) -> None:
    ids = {site.get(path).headers["x-request-id"] for path in ("/livez", "/livez", "/nothing", "/query")}
    assert len(ids) == 4


def test_it_lives_and_is_ready(site: TestClient) -> None:
    assert site.get("/livez").json() == {"status": "live"}
    assert site.get("/readyz").json() == {"status": "ready"}


def test_metrics_are_those_of_prometheus(site: TestClient) -> None:
    site.get("/points")
    answer = site.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'twinhouse_requests_total{method="GET",route="/points",status="200"}' in answer.text
    assert "\ntwinhouse_readers 2.0\n" in answer.text


def test_the_start_page_and_openapi_have_every_route(site: TestClient) -> None:
    page, document = site.get("/"), site.get("/openapi.json").json()
    assert page.headers["content-type"].startswith("text/html")
    for route in ROUTES:
        assert f">{route.path}<" in page.text
        known = METHODS_OF[route.path] - {"QUERY"}  # OpenAPI 3.1 has no place for it
        assert {method.lower() for method in known} == document["paths"][route.path].keys()
    names = [p["name"] for p in document["paths"]["/readings"]["get"]["parameters"]]
    assert names == [parameter.name for parameter in PARAMETERS["/readings"]]


def test_the_guide_has_a_heading_for_every_route() -> None:
    headings = re.findall(r"^#+ .*$", (ROOT / "docs/http.md").read_text(), re.MULTILINE)
    paths = {path for heading in headings for path in re.findall(r"`(?:[A-Z]+ )*(/[^`]*)`", heading)}
    assert paths == {route.path for route in ROUTES}


@pytest.mark.parametrize("path", [*PARAMETERS, *PATH_PARAMETERS])
def test_the_guide_names_every_parameter_under_its_route(path: str) -> None:
    text = (ROOT / "docs/http.md").read_text()
    sections = re.split(r"^##+ ", text, flags=re.MULTILINE)
    mine = "".join(s for s in sections if re.search(rf"`(?:[A-Z]+ )*{re.escape(path)}`", s.partition("\n")[0]))
    for parameter in (*PARAMETERS.get(path, ()), *PATH_PARAMETERS.get(path, ())):
        assert f"`{parameter.name}`" in mine, f"{parameter.name} of {path}"


def test_what_is_not_there_is_named(client: TestClient) -> None:
    no_route, no_method = client.get(f"/nope{'/long' * 100}").json(), client.patch("/update").json()
    assert no_route["detail"].startswith("there is no /nope/long")
    assert (len(no_route["detail"]) < 200, "/openapi.json" in no_route["hint"]) == (True, True)
    assert (no_method["detail"], no_method["hint"]) == ("PATCH is no method of /update", "methods: OPTIONS, POST")
