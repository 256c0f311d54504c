from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.twin import changes as module
from storage.graph.store import MOST_IN_TRANSACTION
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
    assert "`twinhouse changes list`" in client.get("/changes/7").json()["hint"]


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


def test_updates_are_recorded_unless_that_is_not_wanted(tmp_path: Path) -> None:
    update = {"update": "DELETE { GRAPH ?g { ?s ?p 1 } } INSERT { ?s ?p 7 , [] } WHERE { GRAPH ?g { ?s ?p 1 } }"}
    for what, expected in ((None, 2), ("loads", 1), ("none", 0)):
        with opened(tmp_path / str(what), **({"changes": what} if what else {})) as client:
            load(client, ONE)
            before = dump(client)
            assert client.post("/update", data=update).status_code == 204
            assert len(listed(client)) == expected
            if expected == 2:
                assert listed(client)[0] == (2, "update", 2, 1)
                assert undo(client, 2) == 200
                assert dump(client) == before


def test_updates_in_a_row_are_one_change_and_one_that_fails_is_none(client: TestClient) -> None:
    load(client, ONE)
    before = dump(client)
    several = "INSERT DATA { <urn:a> <urn:p> _:b } ; COPY DEFAULT TO <urn:new> ; DROP GRAPH <urn:twinhouse:model:m>"
    assert client.post("/update", data={"update": several}).status_code == 204
    assert client.post("/update", data={"update": f"{several} ; CLEAR GRAPH <urn:missing>"}).status_code == 400
    [change, _] = client.get("/changes").json()["changes"]
    assert (change["added"], change["removed"]) == (2, 3)
    assert (change["made"], change["dropped"]) == (["urn:new"], ["urn:twinhouse:model:m"])
    assert change["graphs"] == [None, "urn:new", "urn:twinhouse:model:m"]
    assert undo(client, 2) == 200
    assert dump(client) == before
    assert client.get("/graphs").json()["graphs"] == ["urn:twinhouse:model:m"]


def test_what_is_too_large_is_recorded_as_a_fact(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_QUADS", 2)
    load(client, ONE)
    load(client, "<urn:a> <urn:p> 1 .", "small")
    load(client, TWO)
    assert listed(client)[0] == (3, "load m", None, None)
    answer = client.post("/changes/3/undo")
    assert answer.status_code == 409
    assert "restore" in answer.json()["hint"]
    assert client.get("/changes").json()["changes"][0]["graphs"] == ["urn:twinhouse:model:m"]


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path / "data", changes_kept=2) as client:
        for number in range(3):
            load(client, f"<urn:a> <urn:p> {number} .")
        assert [each[0] for each in listed(client)] == [3, 2]
        assert "forgotten" in client.get("/changes/1").json()["detail"]


def test_what_is_written_to_a_copy_is_known_too(client: TestClient) -> None:
    load(client, ONE)
    start = dump(client)
    many = "".join(f"<urn:s{n}> <urn:p> [] .\n" for n in range(MOST_IN_TRANSACTION + 1))
    target = "/store?graph=urn:twinhouse:model:m"
    for write in (client.put, client.post):
        write(target, content=many, headers=TURTLE)
        [number, _, added, _] = listed(client)[0]
        assert added == MOST_IN_TRANSACTION + 1
        assert undo(client, number) == 200
        assert dump(client) == start


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
    assert listed(client)[0][2:] == (1, 0)
    number = listed(client)[0][0]
    assert undo(client, number) == 200
    assert dump(client) == twice
    assert undo(client, number - 1) == 200, "and of the two, the one that was added is taken"
    assert dump(client) == start


def test_what_repeats_itself_is_no_change(client: TestClient) -> None:
    """Blank nodes alike: neither in a list, nor in one another, does a document that is loaded again change any."""
    repeating = f"<urn:a> <urn:p> ({'1 ' * 12}) , [ <urn:q> [ <urn:r> 1 ] ] , [ <urn:q> [ <urn:r> 1 ] ] ."
    load(client, repeating)
    start = dump(client)
    load(client, repeating)
    load(client, f"{repeating} <urn:a> <urn:q> 2 .")
    assert listed(client)[0] == (2, "load m", 1, 0)
    assert undo(client, 2) == 200
    assert dump(client) == start


def test_changes_are_in_a_backup(client: TestClient, tmp_path: Path) -> None:
    load(client, ONE)
    twin = client.app.state.twin  # type: ignore[attr-defined]
    twin.back_up(tmp_path / "copy")
    load(client, TWO)
    with opened(tmp_path / "copy") as restored:
        assert listed(restored) == [(1, "load m", 3, 0)]
        assert undo(restored, 1) == 200
        assert dump(restored) == []
