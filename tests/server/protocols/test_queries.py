"""GET /queries and DELETE /queries/{id}, and the client of the query that is ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from server.auth.tokens import Role, Tokens
from server.twin.hybrid.underway import Underway
from storage.graph.results import Result
from tests.server.cli.conftest import run
from tests.support.inside import Inside, inside
from tests.support.raw import Wire, ask, connected, head
from tests.support.waiting import until

FOR_EVER = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
ENDLESS = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
DATA = " ".join(f"<urn:s{n}> <urn:p> {n} ." for n in range(300))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """One reader, and nobody anonymous."""
    data = tmp_path_factory.mktemp("queries") / "data"
    with inside(data, readers=1, anonymous="none", query_seconds=3600) as server:
        header = bearer(token(server, "writer", Role.WRITE))
        body = f"INSERT DATA {{ {DATA} }}".encode()
        assert ask(server.url, "POST /update", body, content_type="application/sparql-update", **header)[0] == 204
        yield server


@pytest.fixture
def admin(served: Inside) -> str:
    return token(served, "chief", Role.ADMIN)


def token(served: Inside, name: str, role: Role) -> str:
    return Tokens(served.twin.directory.root / "tokens.json").create(name, role)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@contextmanager
def asking(served: Inside, query: str, secret: str, path: str = "/query?query=") -> Iterator[Wire]:
    """Ask, and wait until the server has the query; afterwards wait until the reader is free."""
    known = len(of_clients(served))
    with connected(served.url) as wire:
        wire.send(head(f"GET {path}{quote(query)}", **bearer(secret)))
        until(lambda: len(of_clients(served)) > known)
        yield wire
    until(lambda: len(of_clients(served)) <= known)


def of_clients(served: Inside) -> list[Result | Underway]:
    """Return what is under way, without what the server asks for itself (the index of points, after a write)."""
    return [result for result in served.twin.hybrid.queries.results() if result.asker is not None]


def listed(served: Inside, secret: str) -> list[dict[str, Any]]:
    """Return what the server lists of its clients' queries."""
    status, _, body = ask(served.url, "GET /queries", **bearer(secret))
    assert status == 200
    found: list[dict[str, Any]] = json.loads(body)["queries"]
    return [query for query in found if query["id"] is not None]


def cancel(served: Inside, number: str, secret: str) -> int:
    return ask(served.url, f"DELETE /queries/{number}", **bearer(secret))[0]


def state(served: Inside, secret: str) -> list[str]:
    return [query["state"] for query in listed(served, secret)]


def problem(answer: HTTPResponse) -> tuple[int, str, str | None]:
    return answer.status, json.loads(answer.read())["type"], answer.getheader("retry-after")


def test_running_and_waiting_queries_are_listed(served: Inside, admin: str) -> None:
    with asking(served, FOR_EVER, admin), asking(served, ENDLESS, admin):
        until(lambda: state(served, admin) == ["running", "waiting"])
        first, second = listed(served, admin)
        assert (first["query"], first["who"], first["rows"]) == (FOR_EVER, "chief", 0)
        assert first["age"] >= second["age"] >= 0
        assert first["id"] != second["id"]
    assert listed(served, admin) == []


def test_a_sending_query_tells_its_rows_and_the_id_that_its_client_has(served: Inside, admin: str) -> None:
    with asking(served, ENDLESS, admin) as wire:
        answer = wire.answer()
        until(lambda: state(served, admin) == ["sending"])
        [query] = listed(served, admin)
        assert (query["id"], query["rows"] > 0) == (answer.getheader("x-request-id"), True)


def test_a_long_query_is_shown_in_part(served: Inside, admin: str) -> None:
    with asking(served, FOR_EVER + " #" + "x" * 20_000, admin):
        assert len(listed(served, admin)[0]["query"]) == 10_001


def test_the_client_of_a_query_that_is_ended_gets_a_problem_before_the_first_byte(served: Inside, admin: str) -> None:
    with asking(served, FOR_EVER, admin) as wire:
        until(lambda: state(served, admin) == ["running"])
        assert cancel(served, listed(served, admin)[0]["id"], admin) == 204
        assert problem(wire.answer()) == (503, "urn:twinhouse:problem:cancelled", None)


def test_and_after_it_a_broken_connection(served: Inside, admin: str) -> None:
    with asking(served, ENDLESS, admin) as wire:
        answer = wire.answer()
        until(lambda: state(served, admin) == ["sending"])
        assert cancel(served, answer.headers["x-request-id"], admin) == 204
        with pytest.raises((IncompleteRead, ConnectionError)):
            answer.read()


def test_a_waiting_query_is_ended(served: Inside, admin: str) -> None:
    with asking(served, FOR_EVER, admin), asking(served, FOR_EVER, admin) as wire:
        until(lambda: state(served, admin) == ["running", "waiting"])
        assert cancel(served, listed(served, admin)[1]["id"], admin) == 204
        assert problem(wire.answer()) == (503, "urn:twinhouse:problem:cancelled", None)
        assert state(served, admin) == ["running"]


def test_a_query_within_a_join_is_ended(served: Inside, admin: str) -> None:
    endless = "SELECT ?point { ?point ?b ?c . ?d ?e ?f . ?g ?h ?i . FILTER(?c = -1) }"
    with connected(served.url) as wire:
        wire.send(head(f"GET /readings?query={quote(endless)}", **bearer(admin)))
        until(lambda: state(served, admin) == ["running"])
        assert cancel(served, listed(served, admin)[0]["id"], admin) == 204
        assert problem(wire.answer())[:2] == (503, "urn:twinhouse:problem:cancelled")


def test_others_see_and_end_what_their_own_token_asks(served: Inside, admin: str) -> None:
    mine, other = token(served, "mine", Role.READ), token(served, "other", Role.WRITE)
    with asking(served, FOR_EVER, mine) as wire:
        [query] = listed(served, mine)
        assert (listed(served, other), cancel(served, query["id"], other)) == ([], 404)
        assert [found["who"] for found in listed(served, admin)] == ["mine"]
        assert cancel(served, query["id"], mine) == 204
        assert wire.answer().status == 503


def test_without_a_token_one_sees_none_and_ends_none(tmp_path: Path) -> None:
    endless = "SELECT * { VALUES ?a { 1 2 } " + " ".join(f"VALUES ?v{n} {{ 1 2 }}" for n in range(40)) + " }"
    with inside(tmp_path / "data", readers=1, anonymous="read") as server, connected(server.url) as wire:
        wire.send(head(f"GET /query?query={quote(endless)}"))
        until(lambda: of_clients(server))
        [result] = of_clients(server)
        assert result.asker is not None
        assert json.loads(ask(server.url, "GET /queries")[2]) == {"queries": []}
        assert ask(server.url, f"DELETE /queries/{result.asker.request}")[0] == 404


def test_no_such_query_is_404(served: Inside, admin: str) -> None:
    assert cancel(served, "0123456789abcdef", admin) == 404


def test_the_command_lists_and_ends(served: Inside, admin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINHOUSE_TOKEN", admin)
    with asking(served, FOR_EVER, admin) as wire:
        table = run("queries", "list", "--url", served.url)
        assert ("chief" in table.stdout, table.exit_code) == (True, 0)
        [query] = json.loads(run("queries", "list", "--json", "--url", served.url).stdout)
        assert query["query"] == FOR_EVER
        done = run("queries", "cancel", query["id"], "--url", served.url)
        assert (done.exit_code, query["id"] in done.stderr) == (0, True)
        assert wire.answer().status == 503
    gone = run("queries", "cancel", query["id"], "--url", served.url)
    assert (gone.exit_code, "runs or waits" in gone.stderr) == (1, True)


_FOUR = "".join(f"?o{n} sosa:madeBySensor <urn:point> ; sosa:hasSimpleResult ?v{n} . " for n in range(4))
MANY = f"PREFIX sosa: <http://www.w3.org/ns/sosa/> SELECT * {{ {_FOUR} }}"
PUSHED = MANY.replace("*", "(COUNT(*) AS ?n)")


@pytest.fixture(scope="module")
def readings(served: Inside) -> None:
    """A point with readings enough that all of them with all of them take for ever."""
    header = bearer(token(served, "loader", Role.WRITE))
    model = (
        "<urn:point> <https://brickschema.org/schema/Brick/ref#hasExternalReference>"
        " [ a <https://brickschema.org/schema/Brick/ref#TimeseriesReference> ;"
        ' <https://brickschema.org/schema/Brick/ref#hasTimeseriesId> "00000000-0000-4000-8000-000000000001" ] .'
    )
    for where, body, kind in (
        ("/models?name=point.ttl", model, "text/turtle"),
        ("/readings", "\n".join(("id,time,value", *_lines())), "text/csv"),
    ):
        assert ask(served.url, f"POST {where}", body.encode(), content_type=kind, **header)[0] == 200


def _lines() -> Iterator[str]:
    for day in range(1, 32):
        for hour in range(24):
            yield f"00000000-0000-4000-8000-000000000001,2026-01-{day:02d}T{hour:02d}:00:00Z,{hour}"


@pytest.mark.usefixtures("readings")
def test_a_query_of_readings_is_listed_and_ended(served: Inside, admin: str) -> None:
    with asking(served, PUSHED, admin) as wire:
        until(lambda: state(served, admin) == ["running"])
        [found] = listed(served, admin)
        assert (found["query"], found["who"]) == (PUSHED, "chief")
        assert cancel(served, found["id"], admin) == 204
        assert problem(wire.answer()) == (503, "urn:twinhouse:problem:cancelled", None)


@pytest.mark.usefixtures("readings")
def test_a_query_of_readings_ends_when_its_client_leaves(served: Inside, admin: str) -> None:
    with asking(served, PUSHED, admin):
        assert state(served, admin) == ["running"]


@pytest.mark.usefixtures("readings")
def test_an_answer_of_readings_ends_when_its_client_leaves(served: Inside, admin: str) -> None:
    with asking(served, MANY, admin) as wire:
        assert wire.answer().read(10_000)
        assert state(served, admin) == ["sending"]


EACH_SECOND = "/readings?every=1s&aggregate=last&fill=previous&format=csv&query="  # more than sockets hold


@pytest.mark.usefixtures("readings")
def test_what_reads_readings_is_listed_and_ended(served: Inside, admin: str) -> None:
    point = "SELECT ?point { ?point ?p ?o FILTER(?point = <urn:point>) }"
    with asking(served, point, admin, EACH_SECOND) as wire:
        answer = wire.answer()
        assert answer.read(10_000)
        [found] = listed(served, admin)
        assert (found["query"], found["state"], found["rows"] > 0) == (point, "sending", True)
        assert cancel(served, found["id"], admin) == 204
        with pytest.raises((IncompleteRead, ConnectionError)):
            answer.read()


@pytest.mark.usefixtures("readings")
def test_what_reads_readings_ends_when_its_client_leaves(served: Inside, admin: str) -> None:
    with asking(
        served, "SELECT ?point { <urn:point> ?p ?o BIND(<urn:point> AS ?point) }", admin, EACH_SECOND
    ) as wire:
        assert wire.answer().read(10_000)
        assert state(served, admin) == ["sending"]
