from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.twin import changes as module
from tests.server.conftest import opened

TURTLE = {"content-type": "text/turtle"}
ONE = "<urn:a> <urn:p> 1, [ <urn:q> 2 ] ."
TWO = "<urn:a> <urn:p> 1, [ <urn:q> 3 ] ; <urn:r> <urn:b> ."


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with opened(tmp_path / "data") as found:
        yield found


def load(client: TestClient, text: str, name: str = "m") -> None:
    assert client.post("/models", params={"name": name}, content=text, headers=TURTLE).status_code == 200


def listed(client: TestClient) -> list[tuple[Any, ...]]:
    found = client.get("/changes").json()["changes"]
    return [(each["number"], each["what"], each["added"], each["removed"]) for each in found]


def dump(client: TestClient) -> list[str]:
    """Return all quads, blank nodes without their labels."""
    lines = client.get("/store", headers={"accept": "application/n-quads"}).text.splitlines()
    return sorted(" ".join("_:" if part.startswith("_:") else part for part in line.split()) for line in lines)


def undo(client: TestClient, number: int) -> int:
    return client.post(f"/changes/{number}/undo").status_code


def test_loads_are_listed_and_taken_back_in_turn(client: TestClient) -> None:
    load(client, ONE)
    first = dump(client)
    load(client, ONE)  # the same again is no change
    load(client, TWO)
    second = dump(client)
    assert listed(client) == [(2, "load m", 3, 2), (1, "load m", 3, 0)]
    assert undo(client, 1) == 409, "the second has changed what it did"
    assert dump(client) == second
    assert undo(client, 2) == 200
    assert dump(client) == first
    assert undo(client, 1) == 200
    assert (dump(client), client.get("/graphs").json()["graphs"]) == ([], [])
    assert listed(client)[0] == (4, "undo 1", 0, 3)
    assert undo(client, 4) == 200, "what was undone comes back"
    assert dump(client) == first


def test_a_patch_tells_what_was_done(client: TestClient) -> None:
    load(client, ONE)
    answer = client.get("/changes/1")
    assert answer.headers["content-type"] == "application/rdf-patch"
    lines = answer.text.splitlines()
    assert 'H what "\\"load m\\"" .' in lines
    graph = "<urn:twinhouse:model:m>"
    assert f'A <urn:a> <urn:p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> {graph} .' in lines
    assert (lines[0][:6], lines[-1]) == ("H time", "TC .")
    assert [client.get(f"/changes/{n}").status_code for n in ("7", "x")] == [404, 400]
    assert undo(client, 7) == 404


def test_the_graph_store_is_recorded_too(client: TestClient) -> None:
    load(client, ONE)
    start = dump(client)
    added = "<urn:a> <urn:p> 1 . <urn:c> <urn:p> _:new . _:new <urn:q> 5 ."
    target = "/store?graph=urn:twinhouse:model:m"
    client.post(target, content=added, headers=TURTLE)
    client.put("/store?graph=urn:x", content="<urn:x> <urn:x> <urn:x> .", headers=TURTLE)
    client.delete("/store?graph=urn:x")
    client.put("/store", content=b"", headers={"content-type": "application/n-quads"})
    assert [(what.split()[0], more, less) for _, what, more, less in listed(client)] == [
        ("PUT", 0, 5),
        ("DELETE", 0, 1),
        ("PUT", 1, 0),
        ("POST", 2, 0),
        ("load", 3, 0),
    ]
    for number in (5, 4, 3, 2):
        assert undo(client, number) == 200, number
    assert dump(client) == start
    assert client.get("/graphs").json()["graphs"] == ["urn:twinhouse:model:m"]


def test_updates_are_recorded_where_that_is_wanted(tmp_path: Path) -> None:
    update = {"update": "DELETE { GRAPH ?g { ?s ?p 1 } } INSERT { ?s ?p 7 } WHERE { GRAPH ?g { ?s ?p 1 } }"}
    for what, expected in (("loads", 1), ("all", 2), ("none", 0)):
        with opened(tmp_path / what, changes=what) as client:
            load(client, ONE)
            before = dump(client)
            assert client.post("/update", data=update).status_code == 204
            assert len(listed(client)) == expected
            if expected == 2:
                assert listed(client)[0] == (2, "update", 1, 1)
                assert undo(client, 2) == 200
                assert dump(client) == before


def test_what_is_too_large_is_recorded_as_a_fact(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_QUADS", 2)
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    load(client, ONE)
    load(client, "<urn:a> <urn:p> 1 .", "small")
    load(client, "<urn:a> <urn:p> 2 .", "small")
    load(client, TWO)
    assert [each[0] for each in listed(client)] == [4, 3], "the oldest are forgotten"
    assert listed(client)[0] == (4, "load m", None, None)
    assert undo(client, 4) == 409


def test_changes_last(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as client:
        load(client, ONE)
    with opened(tmp_path / "data") as client:
        assert undo(client, 1) == 200
        assert dump(client) == []


def test_undoing_an_addition_takes_nothing_that_was_there(client: TestClient) -> None:
    """Texts that look like blank nodes, and blank nodes of which the same is said as of new ones."""
    load(client, ONE.replace(" .", ' ; <urn:t> "a _:b" .'))
    start, target = dump(client), "/store?graph=urn:twinhouse:model:m"
    client.post(target, content='<urn:a> <urn:t> "a _:b" ; <urn:new> 1 .', headers=TURTLE)
    assert listed(client)[0][2:] == (1, 0)
    assert undo(client, 2) == 200
    assert dump(client) == start
    client.post(target, content=ONE, headers=TURTLE)
    twice = dump(client)
    assert len(twice) == len(start) + 2, "the graph has the same blank node twice now"
    client.post(target, content="<urn:a> <urn:more> [] .", headers=TURTLE)
    assert listed(client)[0][2:] == (None, None), "they could not be told apart in undoing it"
    number = listed(client)[0][0]
    assert undo(client, number) == 409
    assert [line for line in dump(client) if "more" not in line] == twice


def test_lists_that_repeat_themselves_are_never_rewritten(client: TestClient) -> None:
    repeating = f"<urn:a> <urn:p> ({'1 ' * 12}) ."
    client.post("/store?graph=urn:g", content=repeating, headers=TURTLE)
    start = dump(client)
    client.post("/store?graph=urn:g", content="<urn:a> <urn:q> 2 .", headers=TURTLE)
    [number, *_] = [each[0] for each in listed(client)]
    after = dump(client)
    assert undo(client, number) == 409
    assert dump(client) == after
    assert len(after) == len(start) + 1
