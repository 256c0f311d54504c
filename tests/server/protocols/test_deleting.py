from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.server.building import ZONE_1, ZONE_2, Parameter


def send(client: TestClient) -> None:
    times = [f"2026-02-0{day}T00:00:00Z" for day in range(1, 6)]
    rows = [f"{series},{time},{number}" for series in (ZONE_1, ZONE_2) for number, time in enumerate(times)]
    body = "\n".join(["id,time,value", *rows])
    assert client.post("/readings", content=body, headers={"content-type": "text/csv"}).status_code == 200


def values(client: TestClient, series: str) -> list[float]:
    return [row["value"] for row in client.get("/readings", params={"point": series}).json()["data"]]


MIDDLE: dict[str, Parameter] = {"start": "2026-02-02", "end": "2026-02-04"}


def test_readings_are_deleted_by_point_and_time(client: TestClient) -> None:
    send(client)
    wanted = {"point": ZONE_1, **MIDDLE}
    for dry_run, expected in (("true", 5), ("false", 3), ("false", 3)):
        deleted = 0 if len(values(client, ZONE_1)) == 3 else 2
        answer = client.delete("/readings", params={**wanted, "dry_run": dry_run})
        assert (answer.status_code, answer.json()) == (
            200,
            {"readings": deleted, "points": 1, "dry_run": dry_run == "true"},
        )
        assert len(values(client, ZONE_1)) == expected
    assert (values(client, ZONE_1), len(values(client, ZONE_2))) == ([0, 3, 4], 5)


def test_latest_and_points_follow(client: TestClient) -> None:
    send(client)
    client.post("/seal")
    assert (
        client.delete("/readings", params={"point": [ZONE_1, ZONE_2], "start": "2026-02-03"}).json()["readings"] == 6
    )
    found = client.get("/latest", params={"point": [ZONE_1, ZONE_2]}).json()["data"]
    assert [row["value"] for row in found] == [1, 1]
    assert client.delete("/readings", params={"point": ZONE_2}).json()["readings"] == 2
    assert [row["value"] for row in client.get("/latest", params={"point": [ZONE_1, ZONE_2]}).json()["data"]] == [1]


def test_points_by_a_query(filled: TestClient) -> None:
    before = len(filled.get("/readings").json()["data"])
    query = "SELECT ?point WHERE { ?point a <https://brickschema.org/schema/Brick#Zone_Air_Temperature_Sensor> }"
    report = filled.delete("/readings", params={"query": query}).json()
    assert report["readings"] > 0
    assert len(filled.get("/readings").json()["data"]) == before - report["readings"]


def test_a_zone_for_times_without_an_offset(client: TestClient) -> None:
    send(client)
    wanted = {"point": ZONE_1, "start": "2026-02-02T01:00", "timezone": "Europe/Berlin", "dry_run": "true"}
    assert client.delete("/readings", params=wanted).json()["readings"] == 4


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "point"),
        ({"start": "2026-01-01"}, "point"),
        ({"point": "urn:nobody"}, "urn:nobody"),
        ({"point": ZONE_1, "query": "SELECT ?point {}"}, "query"),
        ({"point": ZONE_1, "start": "2026-02-02", "end": "2026-02-01"}, "start"),
        ({"point": ZONE_1, "start": "soon"}, "start"),
        ({"point": ZONE_1, "limit": "5"}, "limit"),
        ({"point": ZONE_1, "dry_run": "perhaps"}, "dry_run"),
        ({"point": ZONE_1, "timeout": "0"}, "timeout"),
    ],
)
def test_what_is_not_understood_deletes_nothing(client: TestClient, params: dict[str, str], word: str) -> None:
    send(client)
    answer = client.delete("/readings", params=params)
    assert (answer.status_code, word in answer.json()["detail"]) == (400, True), answer.text
    assert len(values(client, ZONE_1)) == 5
