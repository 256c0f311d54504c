"""What browsers may do here for pages of other origins, and OPTIONS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from starlette.routing import Route

from server.app import ROUTES
from server.auth.tokens import Role, Tokens
from tests.server.building import ZONE_1
from tests.support.raw import ask
from tests.support.service import serving

DASHBOARD, VISITOR = "https://dashboard.example", "https://visitor.example:8443"
QUERY = "GET /query?query=ASK%20%7B%7D"
UPDATE = b"INSERT DATA { <urn:a> <urn:b> 1 }"
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Guarded:
    """A server for pages of one origin, and a token for it: nobody is anonymous."""

    url: str
    token: str


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    data = tmp_path_factory.mktemp("guarded") / "data"
    with serving(data, readers=1, anonymous="none", cors_origins=f" {DASHBOARD}, http://localhost:5173") as service:
        assert ask(service.url, "GET /readyz")[0] == 200  # now there is a directory for the token
        yield Guarded(service.url, Tokens(data / "tokens.json").create("dashboard", Role.READ))


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("open") / "data"
    with serving(data, readers=1, anonymous="write", cors_origins="*") as service:
        yield service.url


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server as it is by default: anonymous clients of loopback may do everything."""
    with serving(tmp_path_factory.mktemp("plain") / "data", readers=1) as service:
        yield service.url


def preflight(url: str, path: str, origin: str) -> tuple[int, Headers]:
    asked = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,content-type"}
    status, headers, body = ask(url, f"OPTIONS {path}", origin=origin, **asked)
    assert body == b""
    return status, headers


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_options_lists_the_methods_of_the_route_to_everyone(guarded: Guarded, route: Route) -> None:
    path = route.path.replace("{uuid}", ZONE_1).replace("{name:path}", "a")
    methods = {*(route.methods or ()), "OPTIONS"}
    status, headers, body = ask(guarded.url, f"OPTIONS {path}")
    assert (status, body, set(headers["allow"].split(", "))) == (204, b"", methods)
    assert "access-control-allow-methods" not in headers
    status, allowed = preflight(guarded.url, path, DASHBOARD)
    assert (status, allowed["access-control-allow-origin"]) == (204, DASHBOARD)
    assert set(allowed["access-control-allow-methods"].split(", ")) == methods
    assert {"Authorization", "Content-Type", "If-None-Match", "If-Match", "Idempotency-Key", "Prefer"} <= set(
        allowed["access-control-allow-headers"].split(", ")
    )
    assert int(allowed["access-control-max-age"]) > 0
    assert "Origin" in allowed["vary"]


def test_options_of_the_server_lists_all_methods(guarded: Guarded) -> None:
    every = {"GET", "HEAD", "POST", "PUT", "DELETE", "QUERY", "OPTIONS"}
    for target in ("*", guarded.url):  # what a proxy is sent, and what it sends on (RFC 9112, section 3.2.4)
        status, headers, body = ask(guarded.url, f"OPTIONS {target}")
        assert (status, body, set(headers["allow"].split(", "))) == (204, b"", every)


def test_a_preflight_of_another_origin_allows_it_nothing(guarded: Guarded, plain: str) -> None:
    for url in (guarded.url, plain):
        status, headers = preflight(url, "/query", VISITOR)
        assert (status, [name for name in headers if name.startswith("access-control-")]) == (204, [])


def test_options_where_no_route_is_is_404(guarded: Guarded) -> None:
    status, headers, body = ask(guarded.url, "OPTIONS /nothing", origin=DASHBOARD)
    assert (status, json.loads(body)["status"], headers["access-control-allow-origin"]) == (404, 404, DASHBOARD)


@pytest.mark.parametrize("status", [401, 200])
def test_answers_and_problems_can_be_read_by_pages_of_the_origin(guarded: Guarded, status: int) -> None:
    sent = {"authorization": f"Bearer {guarded.token}"} if status == 200 else {}
    found, headers, _ = ask(guarded.url, QUERY, origin=DASHBOARD, **sent)
    assert (found, headers["access-control-allow-origin"]) == (status, DASHBOARD)
    assert {"ETag", "Location", "Next-Cursor", "Preference-Applied", "Retry-After", "X-Request-Id"} <= set(
        headers["access-control-expose-headers"].split(", ")
    )
    assert "Origin" in headers["vary"]
    assert "access-control-allow-credentials" not in headers
    for origin in (VISITOR, "null", DASHBOARD + ":8443"):
        assert "access-control-allow-origin" not in ask(guarded.url, QUERY, origin=origin, **sent)[1]
    assert "Origin" in ask(guarded.url, QUERY, **sent)[1]["vary"]


def test_with_a_star_every_page_can_read(open_to_all: str) -> None:
    status, headers, _ = ask(open_to_all, QUERY, origin=VISITOR)
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert "Origin" not in headers["vary"]
    assert preflight(open_to_all, "/query", VISITOR)[1]["access-control-allow-origin"] == "*"


def test_without_the_setting_there_are_no_such_headers(plain: str) -> None:
    headers = ask(plain, QUERY, origin="http://localhost:5173")[1]
    assert [name for name in headers if name.startswith("access-control-")] == []
    assert "Origin" not in headers["vary"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 204),
        ({"origin": "http://localhost"}, 204),
        ({"origin": "http://localhost", "sec_fetch_site": "same-origin"}, 204),
        ({"origin": "https://localhost", "host": "localhost:443"}, 403),
        ({"origin": "https://proxied.example", "sec_fetch_site": "same-origin"}, 401),  # it needs a token
        ({"sec_fetch_site": "none"}, 204),
        ({"origin": VISITOR}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "http://localhost", "sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
    ],
)
def test_a_page_of_another_origin_cannot_write(plain: str, sent: Headers, status: int) -> None:
    found, _, body = ask(plain, "POST /update", UPDATE, content_type="application/sparql-update", **sent)
    assert found == status
    if status == 403:
        document = json.loads(body)
        assert (document["type"], "cors_origins" in document["hint"]) == ("urn:twinhouse:problem:cross-site", True)


def test_a_page_of_a_named_origin_can_write(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("named") / "data"
    sent = {"content_type": "application/sparql-update", "sec_fetch_site": "cross-site"}
    with serving(data, readers=1, cors_origins=DASHBOARD) as service:
        assert ask(service.url, "POST /update", UPDATE, origin=DASHBOARD, **sent)[0] == 204
        assert ask(service.url, QUERY, origin=DASHBOARD)[0] == 200
        assert ask(service.url, "POST /update", UPDATE, origin=VISITOR, **sent)[0] == 403


@pytest.mark.parametrize(("scheme", "status"), [("Bearer", 401), ("Basic", 403), (None, 403)])
def test_with_a_star_a_page_writes_by_what_no_browser_adds(open_to_all: str, scheme: str | None, status: int) -> None:
    sent = {"authorization": f"{scheme} eDp4"} if scheme else {}
    kind = "application/sparql-update"
    assert ask(open_to_all, "POST /update", UPDATE, content_type=kind, origin=VISITOR, **sent)[0] == status


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST", "127.1.2.3"]
)
def test_loopback_has_its_names(plain: str, host: str) -> None:
    assert ask(plain, QUERY, host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", ""])
def test_a_name_that_somebody_made_resolve_to_loopback_is_403(plain: str, host: str) -> None:
    for line, body in ((QUERY, b""), ("POST /update", UPDATE)):
        status, _, document = ask(plain, line, body, host=host, origin=f"http://{host}", sec_fetch_site="same-origin")
        assert (status, json.loads(document)["type"]) == (403, "urn:twinhouse:problem:unknown-host")


def test_probes_may_call_it_what_they_like(plain: str) -> None:
    assert ask(plain, "GET /livez", host="10.1.2.3")[0] == 200


def test_a_token_is_proof_enough(plain: str) -> None:
    assert ask(plain, QUERY, host="twin.example", authorization="Bearer wrong")[0] == 401


def test_further_names_are_a_setting(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("hosts") / "data"
    with serving(data, readers=1, allowed_hosts="Twin.example, other") as service:
        statuses = [
            ask(service.url, QUERY, host=host)[0] for host in ("twin.example:8080", "OTHER", "localhost", "x")
        ]
    assert statuses == [200, 200, 200, 403]


def test_any_name_will_do_where_nobody_is_anonymous(guarded: Guarded) -> None:
    assert ask(guarded.url, QUERY, host="twin.example")[0] == 401
