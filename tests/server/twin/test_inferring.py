from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.settings import SettingError
from server.twin import inferring
from server.twin.inferring import together
from tests.server.conftest import opened

PREFIX = "@prefix brick: <https://brickschema.org/schema/Brick#> .\n"
ONE = PREFIX + "<urn:v> a brick:VAV ; brick:hasPoint <urn:t> . <urn:t> a brick:Zone_Air_Temperature_Sensor, [] ."
TWO = PREFIX + "<urn:x> a brick:AHU ; brick:feeds <urn:y> . <urn:y> a brick:VAV ."
ASK = "ASK {{ GRAPH <urn:twinhouse:inferred> {{ {} }} }}"
BACK = "<urn:t> <https://brickschema.org/schema/Brick#isPointOf> <urn:v>"
FED = "<urn:y> <https://brickschema.org/schema/Brick#isFedBy> <urn:x>"


def load(client: TestClient, name: str, text: str) -> None:
    answer = client.post("/models", params={"name": name}, content=text, headers={"content-type": "text/turtle"})
    assert answer.status_code == 200


def holds(client: TestClient, pattern: str) -> bool:
    return bool(client.get("/query", params={"query": ASK.format(pattern)}).json()["boolean"])


def test_only_what_has_changed_is_looked_at(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as client:
        load(client, "one", ONE)
        load(client, "two", TWO)
        first = client.post("/infer").json()
        assert (first["groups"], first["inferred_groups"], first["removed"]) == (2, 2, 0)
        assert first["triples"] == first["added"] > 10
        assert holds(client, BACK)
        assert holds(client, FED)
        load(client, "one", ONE)
        assert client.post("/infer").json()["added"] == 0, "its blank node has another label, and that is all"
        load(client, "two", TWO.replace("feeds", "hasPart"))
        second = client.post("/infer").json()
        assert (second["groups"], second["inferred_groups"]) == (2, 1)
        assert second["removed"] > 0
        assert holds(client, BACK)
        assert not holds(client, FED)
    with opened(tmp_path / "data") as client:
        third = client.post("/infer").json()
        assert (third["inferred_groups"], third["added"], third["removed"]) == (0, 0, 0), "it was kept"
        assert client.post("/infer?classes=true").json()["added"] > 0
        assert client.post("/infer?name=223p&classes=maybe").status_code == 400
        assert client.post("/infer?name=none").json()["type"] == "urn:twinhouse:problem:unknown-ontology"
        with pytest.MonkeyPatch.context() as few:
            few.setattr(inferring, "_MOST", 3)
            assert client.post("/infer").json()["type"] == "urn:twinhouse:problem:models-too-large"
        named = client.post("/validate").json()["graphs"]
        assert "urn:twinhouse:inferred" not in named


def test_it_follows_changes_by_itself(tmp_path: Path) -> None:
    with opened(tmp_path / "data", inference="brick") as client:
        load(client, "one", ONE)
        until = time.monotonic() + 120
        while not holds(client, BACK) and time.monotonic() < until:
            time.sleep(0.5)
        assert holds(client, BACK)


def test_a_wrong_rule_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="inference"), opened(tmp_path / "data", inference="saref"):
        pass


def test_graphs_that_share_nodes_go_together() -> None:
    models: dict[str | None, list[bytes]] = {
        "a": [b"<urn:1> <urn:p> <urn:2> ."],
        "b": [b"<urn:2> <urn:p> <urn:Class> ."],
        "c": [b"<urn:3> <urn:p> <urn:Class> ."],
        None: [b'<urn:3> <urn:q> "<urn:1>" .'],
        "d": [],
    }
    groups = {frozenset(group) for group in together(models)}
    assert groups == {frozenset({"a", "b"}), frozenset({"c", None}), frozenset({"d"})}
