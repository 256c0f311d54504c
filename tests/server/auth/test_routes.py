"""Every route asks for the role that it should, of everyone who comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from server.app import ROUTES
from server.auth.tokens import Role, Tokens
from tests.server.building import ZONE_1
from tests.server.conftest import opened

READ, WRITE, OPERATE, ADMIN = Role.READ, Role.WRITE, Role.OPERATE, Role.ADMIN
EXPECTED = {
    "/": {"GET": READ},
    "/openapi.json": {"GET": READ},
    "/query": {"GET": READ, "POST": READ, "QUERY": READ},
    "/update": {"POST": WRITE},
    "/sparql": {"GET": READ, "POST": READ, "QUERY": READ},
    "/store": {"GET": READ, "PUT": WRITE, "POST": WRITE, "DELETE": WRITE},
    "/store/{name:path}": {"GET": READ, "PUT": WRITE, "POST": WRITE, "DELETE": WRITE},
    "/graphs": {"GET": READ},
    "/queries": {"GET": READ},
    "/queries/{id}": {"DELETE": READ},
    "/readings": {"GET": READ, "POST": WRITE, "DELETE": WRITE},
    "/readings/query": {"POST": READ},
    "/write": {"POST": WRITE},
    "/api/v2/write": {"POST": WRITE},
    "/ping": {"GET": Role.NONE},
    "/health": {"GET": Role.NONE},
    "/latest": {"GET": READ},
    "/points": {"GET": READ},
    "/points/{uuid}": {"GET": READ},
    "/observations/{uuid}/{time}": {"GET": READ},
    "/models": {"GET": READ, "POST": WRITE},
    "/loads": {"GET": READ},
    "/loads/{id}": {"GET": READ, "DELETE": WRITE},
    "/infer": {"POST": WRITE},
    "/changes": {"GET": READ},
    "/changes/{number}": {"GET": READ},
    "/changes/{number}/undo": {"POST": WRITE},
    "/ontologies": {"GET": READ, "POST": WRITE},
    "/validate": {"POST": READ},
    "/check": {"POST": READ},
    "/commands": {"POST": OPERATE},
    "/commands/take": {"POST": OPERATE},
    "/commands/{id}/outcome": {"POST": OPERATE},
    "/seal": {"POST": ADMIN},
    "/series/status": {"GET": READ},
    "/series/retain": {"POST": ADMIN},
    "/export": {"GET": READ},
    "/backup": {"GET": ADMIN},
    "/livez": {"GET": Role.NONE},
    "/readyz": {"GET": Role.NONE},
    "/metrics": {"GET": READ},
}
ASKED = [(route.path, method) for route in ROUTES for method in sorted(route.methods or ())]
UPDATE = {"content": "INSERT DATA { <urn:a> <urn:b> 1 }", "headers": {"content-type": "application/sparql-update"}}
FORM = {"data": {"update": "INSERT DATA { <urn:a> <urn:b> 1 }"}}


@dataclass(frozen=True)
class Site:
    """An application where nobody is anonymous, and a token of each role."""

    client: TestClient
    tokens: Tokens
    of: dict[Role, str]

    def ask(self, role: Role, method: str, path: str, **request: object) -> Response:
        headers = dict(request.pop("headers", {}))  # type: ignore[call-overload]
        if role is not Role.NONE:
            headers["authorization"] = f"Bearer {self.of[role]}"
        return self.client.request(method, path, headers=headers, **request)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("guarded") / "data"
    with opened(data, anonymous="none") as client:
        tokens = Tokens(data / "tokens.json")
        yield Site(client, tokens, {role: tokens.create(role.name, role) for role in (READ, WRITE, OPERATE, ADMIN)})


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("path", "method"), ASKED)
def test_each_route_asks_for_its_role(guarded: Site, path: str, method: str, role: Role) -> None:
    needed = EXPECTED[path]["GET" if method == "HEAD" else method]
    url = path.replace("{uuid}", ZONE_1).replace("{name:path}", "a")
    status = guarded.ask(role, method, url, params={"nonsense": "1"}).status_code
    expected = None if role >= needed else 401 if role is Role.NONE else 403
    assert (status if status in (401, 403) else None) == expected


@pytest.mark.parametrize("update", [UPDATE, FORM], ids=["body", "form"])
@pytest.mark.parametrize("path", ["/sparql", "/update"])
def test_an_update_needs_the_role_write(guarded: Site, path: str, update: dict[str, object]) -> None:
    statuses = [guarded.ask(role, "POST", path, **update).status_code for role in Role]
    assert statuses == [401, 403, 204, 204, 204]


def test_what_is_refused_is_a_problem_that_says_what_to_do(guarded: Site) -> None:
    missing, low = guarded.ask(Role.NONE, "GET", "/points"), guarded.ask(READ, "POST", "/seal")
    wrong = guarded.client.get("/points", headers={"authorization": "Bearer nonsense"})
    for answer, status in ((missing, 401), (wrong, 401), (low, 403)):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert ("Bearer" in answer.headers.get("www-authenticate", "")) is (status == 401)
    assert "admin" in low.json()["detail"]


def test_a_revoked_token_is_refused_at_once(guarded: Site) -> None:
    token = guarded.tokens.create("short", READ)
    bearer = {"authorization": f"Bearer {token}"}
    assert guarded.client.get("/graphs", headers=bearer).status_code == 200
    assert guarded.tokens.revoke(token.split("_")[1])
    assert guarded.client.get("/graphs", headers=bearer).status_code == 401


def test_a_token_as_password_will_do(guarded: Site) -> None:
    assert guarded.client.get("/graphs", auth=("anyone", guarded.of[READ])).status_code == 200


def test_too_many_wrong_tokens_are_answered_by_429(client: TestClient) -> None:
    wrong = {"authorization": "Bearer nonsense"}
    answers = [client.get("/graphs", headers=wrong) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert client.get("/livez", headers=wrong).status_code == 200


def test_a_page_from_elsewhere_cannot_use_the_browser_of_this_machine(client: TestClient) -> None:
    foreign = {"origin": "https://evil.example"}
    assert client.get("/points", headers=foreign).status_code == 401
    assert client.post("/update", data={"update": "CLEAR ALL"}, headers=foreign).status_code == 403
    assert client.post("/update", data={"update": "CLEAR ALL"}).status_code == 204


@pytest.mark.parametrize("parameter", ["quarantine", "give_up=1"])
def test_a_check_that_changes_something_needs_the_role_admin(guarded: Site, parameter: str) -> None:
    statuses = [guarded.ask(role, "POST", f"/check?{parameter}").status_code for role in (READ, WRITE, ADMIN)]
    assert statuses[:2] == [403, 403]
    assert statuses[2] in (200, 404)
