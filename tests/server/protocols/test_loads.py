"""Loads that go on by themselves, while their client does something else or has left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from server.auth.tokens import Role, Tokens
from server.twin.loading import LARGE, LARGE_OTHERWISE, load_model
from server.twin.models import Model
from server.twin.progress import Phase, Progress
from storage.errors import Cancelled
from tests.server.conftest import opened
from tests.support.server import running_server

LARGE_TURTLE = b"<urn:a> <urn:p> 1, 2 .\n" + b"# what makes it large\n" * (LARGE // 22 + 1)
ASYNC = {"prefer": "respond-async", "content-type": "text/turtle"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with opened(tmp_path / "data") as client:
        yield client


def post(client: TestClient, document: bytes, name: str, prefer: str = "respond-async") -> Response:
    return client.post("/models", params={"name": name}, content=document, headers=ASYNC | {"prefer": prefer})


def ended(client: TestClient | httpx2.Client, where: str) -> dict[str, object]:
    document = client.get(where, headers={"prefer": "wait=60"}).json()
    assert document["seconds"] is not None
    return dict(document)


def test_whoever_comes_back_finds_what_became_of_a_load(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as url:
        with httpx2.Client(base_url=url) as first:
            answer = first.post("/models?name=m", content=LARGE_TURTLE, headers=ASYNC)
            assert (answer.status_code, answer.json()["report"]) == (202, None)
            assert answer.headers["preference-applied"] == "respond-async"
        with httpx2.Client(base_url=url, timeout=90) as second:
            found = ended(second, answer.headers["location"])
            assert (found["phase"], found["quads"], found["problem"]) == ("done", 2, None)
            assert found["bytes"] == found["bytes_read"] == len(LARGE_TURTLE)
            assert second.get("/loads").json()["loads"] == [found]
            ordinary = second.post("/models?name=m", content=LARGE_TURTLE, headers={"content-type": "text/turtle"})
            assert found["report"] == ordinary.json()


def test_what_is_done_in_time_is_answered_at_once(client: TestClient) -> None:
    answer = post(client, b"<urn:a> <urn:p> 1 .", "m", "respond-async, wait=30")
    assert (answer.status_code, answer.json()["triples"]) == (200, 1)
    answer = post(client, b"<urn:a> <urn:p> 1", "m", "wait=30; x=1, respond-async")
    assert (answer.status_code, answer.json()["line"]) == (400, 1)


def test_what_cannot_be_read_is_told_to_who_asks(client: TestClient) -> None:
    where = post(client, LARGE_TURTLE + b"<urn:a> <urn:p> .", "m").headers["location"]
    found = ended(client, where)
    assert found["phase"] == "failed"
    assert found["problem"]["line"] == LARGE_TURTLE.count(b"\n") + 1  # type: ignore[index]
    assert client.delete(where).status_code == 409
    assert [client.request(method, "/loads/none").status_code for method in ("GET", "DELETE")] == [404, 404]


def test_loads_are_ended_before_they_are_written(client: TestClient) -> None:
    answers = [post(client, LARGE_TURTLE, f"m{number}") for number in range(4)]
    wheres = [answer.headers["location"] for answer in answers]
    assert [client.delete(where).status_code for where in reversed(wheres[1:])] == [204, 204, 204]
    phases = [ended(client, where)["phase"] for where in wheres]
    assert phases == ["done", "cancelled", "cancelled", "cancelled"]
    assert client.get("/graphs").json()["graphs"] == ["urn:twinhouse:model:m0"]
    assert [each["name"] for each in client.get("/loads").json()["loads"]] == ["m3", "m2", "m1", "m0"]


def test_only_ones_own_loads_are_listed(tmp_path: Path) -> None:
    with opened(tmp_path / "data", anonymous="none") as client:
        made = Tokens(tmp_path / "data" / "tokens.json")
        tokens = {role: made.create(role.name, role) for role in (Role.WRITE, Role.READ, Role.ADMIN)}
        sent = {role: {"authorization": f"Bearer {token}"} for role, token in tokens.items()}
        client.post("/models?name=m", content=b"<urn:a> <urn:p> 1 .", headers=ASYNC | sent[Role.WRITE])
        listed = {role: len(client.get("/loads", headers=sent[role]).json()["loads"]) for role in tokens}
        assert listed == {Role.WRITE: 1, Role.READ: 0, Role.ADMIN: 1}
        [load] = client.get("/loads", headers=sent[Role.WRITE]).json()["loads"]
        assert client.get(f"/loads/{load['id']}", headers=sent[Role.READ]).status_code == 200


def test_how_far_a_document_is_read_is_told_meanwhile(client: TestClient) -> None:
    rows = "".join(f'@p{number},M,M,"a point of this name {number}"\n' for number in range(30_000))
    zinc = f'ver:"3.0"\nid,point,sensor,dis\n{rows}'.encode()
    assert len(zinc) > LARGE_OTHERWISE
    path = Path(client.app.state.twin.directory.root).parent / "m.zinc"  # type: ignore[attr-defined]
    path.write_bytes(zinc)
    told: list[tuple[int, int]] = []

    class Heard(Progress):
        def at(self, read: int, quads: int) -> None:
            told.append((read, quads))
            if self.phase is Phase.READING and quads:
                self.cancel()

    with pytest.raises(Cancelled):
        load_model(client.app.state.twin.graph, Model(path, "m.zinc"), Heard())  # type: ignore[attr-defined]
    assert told == sorted(told)
    assert told[-1][0] == len(zinc)
    assert told[-1][1] > 0
    assert client.get("/graphs").json()["graphs"] == []
