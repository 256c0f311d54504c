"""Models that the server fetches itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.server.cli.conftest import run
from tests.server.outbound.asking import everything
from tests.support.peer import Peer, moved, reply, typed

ZINC = b'ver:"3.0"\nid,dis,site\n@office,"Office",M\n'


def test_a_model_is_fetched_whatever_it_is_called(twin: TestClient, peer: Peer) -> None:
    peer.replies |= {"/id": moved("/files/office.zinc"), "/files/office.zinc": typed("text/plain", ZINC)}
    report = twin.post("/models", params={"url": f"{peer.url}id"}).json()
    assert (report["form"], report["graphs"]) == ("haystack-zinc", ["urn:twinhouse:model:office"])
    assert any('"Office"' in line for line in everything(twin))


def test_what_cannot_be_had_changes_nothing(twin: TestClient, peer: Peer, stranger: Peer) -> None:
    peer.replies |= {"/gone": reply(404), "/bad.ttl": typed("text/turtle", b"<urn:a> <urn:b> ;")}

    def refused(url: str, body: bytes = b"") -> tuple[int, str]:
        answer = twin.post("/models", params={"url": url}, content=body, headers={"content-type": "text/turtle"})
        return answer.status_code, answer.json()["detail"]

    assert refused(f"{stranger.url}m.ttl")[0] == 403
    assert refused(f"{peer.url}gone")[0] == 502
    assert "line 1" in refused(f"{peer.url}bad.ttl")[1]
    assert refused("file:///etc/passwd")[0] == 400
    assert refused(f"{peer.url}bad.ttl", b"<urn:a> <urn:b> 1 .")[0] == 400
    assert everything(twin) == []


def test_on_the_command_line(peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer.replies["/site.ttl"] = typed("text/turtle", b"<urn:s> a <https://brickschema.org/schema/Brick#Site> .")
    load = ("load", f"{peer.url}site.ttl", "--data", tmp_path / "data")
    assert "outbound_hosts" in run(*load).stderr
    monkeypatch.setenv("TWINHOUSE_OUTBOUND_HOSTS", peer.host)
    assert "-> urn:twinhouse:model:site" in run(*load).stdout
    assert "would be" in run(*load, "--dry-run").stdout
    assert run(*load, "--graph", "urn:g", f"{peer.url}other.ttl").exit_code == 2
