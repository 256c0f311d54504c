"""The routes of InfluxDB: parameters, databases, tokens, and errors in the form that its clients read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from ontologies.identity import series_uuid
from server.auth.tokens import Role, Tokens
from server.protocols.parameters import PARAMETERS
from tests.server.building import ZONE_1
from tests.server.conftest import opened

V1, V2 = "/write", "/api/v2/write"
BOTH = pytest.mark.parametrize("path", [V1, V2])
LINE = "m,t=a f=1 1700000000000000000"
NUMBERS = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server that all tests share, each with a database of its own."""
    with opened(tmp_path_factory.mktemp("influx") / "data") as client:
        yield client


@pytest.fixture
def db() -> str:
    """A database that no other test has."""
    return f"db{next(NUMBERS)}"


def post(client: TestClient, path: str, db: str, body: str | bytes, **parameters: str) -> Response:
    return client.post(path, content=body, params={"db" if path == V1 else "bucket": db, **parameters})


def latest(client: TestClient, key: str, store: str | None) -> tuple[Any, ...] | None:
    """Return time and value of a series' newest reading."""
    points = {"point": str(series_uuid(key, store))}
    rows = client.get("/latest", params=points).json()["data"]
    return (rows[0]["time"], rows[0]["value"] if rows[0]["text"] is None else rows[0]["text"]) if rows else None


def labels(client: TestClient, db: str) -> set[str]:
    """Return the labels of the points of a database."""
    return {row["label"] for row in client.get("/points").json()["data"] if row["stored_at"] == db}


@BOTH
def test_lines_are_stored_and_visible_when_the_answer_comes(server: TestClient, db: str, path: str) -> None:
    answer = post(server, path, db, f'{LINE}\nm,t=b f="open"')
    assert (answer.status_code, answer.content) == (204, b"")
    assert latest(server, "m,t=a f", db) == ("2023-11-14T22:13:20Z", 1.0)
    assert (latest(server, "m,t=b f", db) or ())[1] == "open"
    assert labels(server, db) == {"m,t=a f", "m,t=b f"}


@BOTH
@pytest.mark.parametrize("body", ["", "\n", "# nothing\n"])
def test_nothing_to_write_is_no_error(server: TestClient, db: str, path: str, body: str) -> None:
    assert post(server, path, db, body).status_code == 204  # clients try whether they may write


@BOTH
@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/x-www-form-urlencoded", ""])
def test_the_media_type_does_not_matter(server: TestClient, path: str, kind: str) -> None:
    answer = server.post(path, content=LINE, headers={"content-type": kind})  # curl -d says that it is a form
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("path", "precision", "factor"),
    [
        *((V1, unit, 10**9) for unit in ("ns", "n", "")),
        *((V1, unit, 10**6) for unit in ("us", "u")),
        *((V1, "ms", 1000), (V1, "s", 1), (V1, "m", 1 / 60), (V1, "h", 1 / 3600)),
        *((V2, "ns", 10**9), (V2, "us", 10**6), (V2, "ms", 1000), (V2, "s", 1)),
    ],
)
def test_precision_says_what_times_count(
    server: TestClient, db: str, path: str, precision: str, factor: float
) -> None:
    number = int(1_699_999_200 * factor)
    assert post(server, path, db, f"m f=1 {number}", precision=precision).status_code == 204
    assert latest(server, "m f", db) == ("2023-11-14T22:00:00Z", 1.0)


@pytest.mark.parametrize(("path", "precision"), [(V1, "d"), (V2, "m"), (V2, "n"), (V2, "d")])
def test_another_precision_is_refused(server: TestClient, db: str, path: str, precision: str) -> None:
    answer = post(server, path, db, LINE, precision=precision)
    assert answer.status_code == 400
    assert "precision is one of" in answer.text


def test_a_line_without_a_time_has_the_servers(server: TestClient, db: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    post(server, V2, db, "m f=1", precision="s")
    time, _ = latest(server, "m f", db) or ("", 0)
    assert before <= datetime.fromisoformat(time) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("path", "parameters", "store"),
    [
        (V1, {}, None),
        (V1, {"db": "home"}, "home"),
        (V1, {"db": "home", "rp": ""}, "home"),
        (V1, {"db": "home", "rp": "autogen"}, "home"),
        (V1, {"db": "home", "rp": "year"}, "home.year"),
        (V1, {"db": "a/b"}, "a.b"),
        (V2, {}, None),
        (V2, {"bucket": "home", "org": "us"}, "home"),
        (V2, {"bucket": "home/autogen"}, "home"),
        (V2, {"bucket": "home/year", "orgID": "1"}, "home.year"),
    ],
)
def test_a_database_or_bucket_tells_series_of_one_name_apart(
    server: TestClient, path: str, parameters: dict[str, str], store: str | None
) -> None:
    value = float(next(NUMBERS))
    assert server.post(path, content=f"here f={value}", params=parameters).status_code == 204
    assert (latest(server, "here f", store) or ())[1] == value
    assert store is None or labels(server, store) == {"here f"}


@BOTH
def test_what_clients_send_out_of_habit_is_ignored(server: TestClient, db: str, path: str) -> None:
    habits = {"pretty": "true", "epoch": "ns", "chunked": "true", "no_sync": "true", "accept_partial": "true"}
    own = {"consistency": "one", "u": "me"} if path == V1 else {"org": "us"}
    assert post(server, path, db, LINE, **habits, **own).status_code == 204


def error(answer: Response) -> str:
    """Check that an error has the form of its route, and return its words."""
    document = answer.json()
    assert answer.headers["content-type"] == "application/json"
    if answer.request.url.path == V1:
        assert document.keys() == {"error"}
        assert answer.headers["x-influxdb-error"]
        return str(document["error"])
    assert document.keys() - {"line"} == {"code", "message"}
    assert answer.headers["x-platform-error-code"] == document["code"]
    return str(document["message"])


@BOTH
@pytest.mark.parametrize(
    ("body", "words", "line"),
    [
        (f"{LINE}\nm,t f=1\n", "unable to parse: line 2, column 4: the tag has no value: = is missing", 2),
        (f"{LINE}\nm f=x\n", 'unable to parse: line 2, column 5: "x" is neither a number, true or false', 2),
        (f"{LINE}\n\n# c\nm,t=a,t=b f=1", "unable to parse: line 4, column 1: the tag t is there twice", 4),
        (f"{LINE}\nm f=1 4102444800000000000", "too far in the future", 2),
        (f'{LINE}\nm f="x\n', "the string is not closed", 2),
        (f"{LINE}\nm f=NaN\n".encode(), "NaN", 2),
        (b"m,t=\xff f=1", "not UTF-8", 1),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_stored(
    server: TestClient, db: str, path: str, body: str | bytes, words: str, line: int
) -> None:
    answer = post(server, path, db, body)
    assert answer.status_code == 400
    assert words in error(answer)
    assert path == V1 or (answer.json()["code"], answer.json()["line"]) == ("invalid", line)
    assert (labels(server, db), latest(server, "m,t=a f", db)) == (set(), None)


@BOTH
def test_another_parameter_or_method_is_an_error_that_lists_the_right_ones(server: TestClient, path: str) -> None:
    unknown, method = server.post(path, params={"nonsense": "1"}), server.patch(path)
    known = {parameter.name for parameter in PARAMETERS[path]}
    said = error(unknown)
    assert set(re.findall(r"\w+", said.rpartition("parameters: ")[2])) == known
    assert ("nonsense" in said, method.headers["allow"]) == (True, "OPTIONS, POST")


@BOTH
def test_errors_before_the_body_is_read_have_the_same_form(server: TestClient, path: str) -> None:
    answers = {
        405: server.get(path),
        400: server.post(path, params={"precison": "s"}),
        415: server.post(path, content=LINE, headers={"content-encoding": "rot13"}),
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {
        status: status for status in answers
    }
    assert "precison" in error(answers[400])
    assert [error(answer) for answer in answers.values()]
    if path == V2:
        codes = [answers[status].json()["code"] for status in (400, 405, 415)]
        assert codes == ["invalid", "method not allowed", "unsupported media type"]


@BOTH
def test_a_body_that_is_too_large_is_told_by_413_so_that_clients_cut_it(tmp_path: Path, path: str) -> None:
    with opened(tmp_path / "data", body_megabytes=1, ingest_rows=3) as client:
        large = client.post(path, content=f"{LINE}\n" * 40_000)
        many = client.post(path, content=f"{LINE}\n" * 4)
        assert [large.status_code, many.status_code] == [413, 413]
        assert "1 MiB" in error(large)
        assert "3 readings" in error(many)
        assert path == V1 or many.json()["code"] == "request too large"


@BOTH
def test_an_error_of_our_own_has_the_form_too(server: TestClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("server.twin.lines.LineWriter.write", broken)
    quiet = TestClient(server.app, raise_server_exceptions=False, headers={"host": "testserver"})
    answer = quiet.post(path, content=LINE)
    assert (answer.status_code, "secret" in error(answer)) == (500, False)


def test_a_header_has_what_headers_can_have(server: TestClient) -> None:
    answer = server.post(V1, content="m f=é\n".encode())
    assert "é" in error(answer)
    assert "\\xe9" in answer.headers["x-influxdb-error"]


@BOTH
def test_unknown_points_may_be_refused(tmp_path: Path, path: str) -> None:
    with opened(tmp_path / "data", influx_unknown="refuse") as client:
        answer = client.post(path, content=LINE)
        assert (answer.status_code, client.get("/points").json()["data"]) == (400, [])
        assert "line 1, column 1: no point has the series m,t=a f" in error(answer)


@BOTH
def test_no_more_series_are_made_than_the_setting_says(tmp_path: Path, path: str) -> None:
    with opened(tmp_path / "data", influx_series=1) as client:
        assert client.post(path, content=LINE).status_code == 204
        answer = client.post(path, content=f"{LINE}\nm,t=b f=1")
        assert (answer.status_code, len(client.get("/points").json()["data"])) == (400, 1)
        message = "no point has the series m,t=b f, and line protocol may make 1 series (TWINHOUSE_INFLUX_SERIES)"
        assert error(answer) == f"unable to parse: line 2, column 1: {message}"
        assert client.post(path, content=LINE).status_code == 204


def test_a_tag_names_a_point(filled: TestClient) -> None:
    assert filled.post(V2, content=f"zone,uuid={ZONE_1} value=99.5 1790000000000000000").status_code == 204
    assert filled.get("/latest", params={"point": ZONE_1}).json()["data"][0]["value"] == 99.5
    assert {row["stored_at"] for row in filled.get("/points").json()["data"]} == {None}


# Health


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ping_answers_with_a_version(server: TestClient, method: str) -> None:
    answer = server.request(method, "/ping?verbose=true")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["x-influxdb-version"].startswith("1.8.")
    assert answer.headers["x-influxdb-build"] == "OSS"


def test_health_tells_whether_both_halves_answer(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    passing = server.get("/health")
    assert (passing.status_code, passing.json()["status"], passing.json()["checks"]) == (200, "pass", [])

    def closed(_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("server.twin.service.Twin.probe", closed)
    failing = server.get("/health")
    assert (failing.status_code, failing.json()["status"], "secret" in failing.text) == (503, "fail", False)


# Tokens


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, dict[Role, str]]]:
    data = tmp_path_factory.mktemp("guarded") / "data"
    with opened(data, anonymous="none") as client:
        tokens = Tokens(data / "tokens.json")
        yield client, {role: tokens.create(role.name, role) for role in (Role.READ, Role.WRITE)}


@BOTH
@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token"])
def test_a_token_comes_in_a_header(guarded: tuple[TestClient, dict[Role, str]], path: str, scheme: str) -> None:
    client, of = guarded
    sent = {role: {"authorization": f"{scheme} {token}"} for role, token in of.items()}
    assert client.post(path, content=LINE, headers=sent[Role.WRITE]).status_code == 204
    low, missing = client.post(path, content=LINE, headers=sent[Role.READ]), client.post(path, content=LINE)
    assert [low.status_code, missing.status_code] == [403, 401]
    assert error(low).startswith("authorization failed: ")
    assert error(missing).startswith("authorization failed: ")
    assert "www-authenticate" in missing.headers
    if path == V2:
        assert [answer.json()["code"] for answer in (low, missing)] == ["forbidden", "unauthorized"]


@BOTH
def test_a_token_comes_as_password(guarded: tuple[TestClient, dict[Role, str]], path: str) -> None:
    client, of = guarded
    assert client.post(path, content=LINE, auth=("telegraf", of[Role.WRITE])).status_code == 204


def test_a_token_comes_as_parameter_in_1_x_alone(guarded: tuple[TestClient, dict[Role, str]]) -> None:
    client, of = guarded
    login = {"u": "telegraf", "p": of[Role.WRITE]}
    assert client.post(V1, content=LINE, params=login).status_code == 204
    assert client.post(V1, content=LINE, params={**login, "p": of[Role.READ]}).status_code == 403
    assert client.post(V1, content=LINE, params={**login, "p": "wrong"}).status_code == 401
    assert client.post(V2, content=LINE, params={"p": of[Role.WRITE]}).status_code == 401
    assert client.get("/points", params={"p": of[Role.WRITE]}).status_code == 401


def test_a_header_outranks_the_parameter(guarded: tuple[TestClient, dict[Role, str]]) -> None:
    client, of = guarded
    wrong = {"authorization": "Bearer nonsense"}
    assert client.post(V1, content=LINE, params={"p": of[Role.WRITE]}, headers=wrong).status_code == 401


@BOTH
def test_what_clients_send_out_of_habit_is_no_wrong_token_where_none_is_needed(
    server: TestClient, db: str, path: str
) -> None:
    for sent in ({"auth": ("root", "root")}, {"headers": {"authorization": "Token "}}, {"params": {"p": "root"}}):
        if path == V1 or "params" not in sent:
            assert server.post(path, content=LINE, **sent).status_code == 204
    for _ in range(11):  # nor does it count as one
        post(server, path, db, LINE)
    elsewhere = {"authorization": "Token x", "origin": "https://evil.example"}
    assert server.post(path, content=LINE, headers=elsewhere).status_code == 403
    named = {"authorization": "Token x", "host": "evil.example"}  # by DNS rebinding
    assert server.post(path, content=LINE, headers=named).status_code == 403


def test_no_log_has_the_parameters(
    guarded: tuple[TestClient, dict[Role, str]], caplog: pytest.LogCaptureFixture
) -> None:
    client, of = guarded
    with caplog.at_level(logging.DEBUG):
        for p in (of[Role.WRITE], "wrong"):
            client.post(V1, content="m f=x", params={"u": "telegraf", "p": p, "db": "home"})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("twinhouse", "uvicorn"))]
    assert len(ours) == 2
    assert all("/write" in said and "home" not in said and "p=" not in said for said in ours)


def test_strangers_may_ask_whether_it_lives(guarded: tuple[TestClient, dict[Role, str]]) -> None:
    client, _ = guarded
    assert [client.get(path).status_code for path in ("/ping", "/health")] == [204, 200]
