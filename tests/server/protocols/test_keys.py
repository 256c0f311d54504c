"""Requests with an Idempotency-Key: stored once, answered the same, also after a restart."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from storage.series import receipts
from tests.server.building import ZONE_1
from tests.server.conftest import opened

TIME = "2026-02-01T00:00:00Z"


def send(client: TestClient, value: object, key: str | None, **parameters: str) -> Response:
    headers = {"content-type": "text/csv", **({"idempotency-key": key} if key is not None else {})}
    return client.post(
        "/readings", content=f"id,time,value\n{ZONE_1},{TIME},{value}", headers=headers, params=parameters
    )


def newest(client: TestClient) -> float:
    [row] = client.get("/latest", params={"point": ZONE_1}).json()["data"]
    return float(row["value"])


@pytest.mark.parametrize("bulk", [False, True])
def test_a_retry_is_answered_the_same_and_undoes_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, bulk: bool
) -> None:
    if bulk:
        series = client.app.state.twin.series  # type: ignore[attr-defined]
        monkeypatch.setattr(series, "options", replace(series.options, bulk_rows=1))
    first = send(client, 1, "a")
    assert (first.status_code, first.json()["readings"], "idempotency-replayed" in first.headers) == (200, 1, False)
    send(client, 2, None)
    again = send(client, 1, '"a"')
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (200, first.json(), "true")
    assert newest(client) == 2.0


def test_the_same_key_for_something_else_is_422(client: TestClient) -> None:
    assert send(client, 1, "b").status_code == 200
    for other in (send(client, 2, "b"), send(client, 1, "b", source="elsewhere")):
        assert other.status_code == 422
        assert "another request" in other.json()["detail"]
    assert newest(client) == 1.0


def test_what_failed_may_be_sent_again(client: TestClient) -> None:
    assert send(client, "x", "c", value_column="nowhere").status_code == 400
    assert send(client, 1, "c").status_code == 200


@pytest.mark.parametrize("key", ["", '""', "x" * 256])
def test_a_key_is_neither_empty_nor_long(client: TestClient, key: str) -> None:
    answer = send(client, 1, key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]


def test_a_second_one_while_the_first_is_under_way_is_409(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()
    series = client.app.state.twin.series  # type: ignore[attr-defined]
    append = series.append

    def slow(*arguments: object) -> None:
        began.set()
        go_on.wait(30)
        append(*arguments)

    monkeypatch.setattr(series, "append", slow)
    answers: list[Response] = []
    first = threading.Thread(target=lambda: answers.append(send(client, 1, "d")))
    first.start()
    assert began.wait(30)
    second = send(client, 1, "d")
    go_on.set()
    first.join()
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert answers[0].status_code == 200


def test_keys_outlive_a_restart_and_are_forgotten_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "MOST", 3)
    with opened(tmp_path / "data") as client:
        for number in range(4):
            assert send(client, number, f"e{number}").status_code == 200
    with opened(tmp_path / "data") as client:
        replayed = ["idempotency-replayed" in send(client, number, f"e{number}").headers for number in (3, 2, 0)]
        assert replayed == [True, True, False]
    monkeypatch.setattr(receipts, "KEPT", receipts.KEPT * 0)
    with opened(tmp_path / "data") as client:
        assert "idempotency-replayed" not in send(client, 3, "e3").headers
