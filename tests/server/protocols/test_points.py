from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from tests.server.building import SILENT, SITE, STEPS, ZONE_1, Parameter

NAMES = ["fan", "mode", "silent", "zone1", "zone2"]


def listed(client: TestClient, **parameters: Parameter) -> list[str]:
    answer = client.get("/points", params=parameters)
    assert answer.status_code == 200, answer.text
    return [row["iri"].removeprefix(SITE) for row in answer.json()["data"]]


def test_all_points_come_by_iri_with_what_is_known(site: TestClient) -> None:
    assert listed(site) == NAMES
    zone = site.get("/points").json()["data"][3]
    expected = {
        "uuid": ZONE_1,
        "label": "Zone 1",
        "class": "https://brickschema.org/schema/Brick#Zone_Air_Temperature_Sensor",
        "equipment": SITE + "vav1",
        "readings": STEPS,
        "first": "2026-01-05T00:00:00Z",
        "last": "2026-01-05T23:30:00Z",
        "latest_time": "2026-01-05T23:30:00Z",
        "latest_value": 24.7,
    }
    assert expected.items() <= zone.items()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_follow_one_another_until_the_last(site: TestClient, limit: int) -> None:
    url, found = f"/points?limit={limit}", []
    for _ in NAMES:
        answer = site.get(url)
        found += [row["iri"].removeprefix(SITE) for row in answer.json()["data"]]
        if "link" not in answer.headers:
            break
        target, relation = answer.headers["link"].split("; ")
        assert relation == 'rel="next"'
        url = target.strip("<>")
    assert found == NAMES


def test_search_looks_in_iri_label_and_class_whatever_the_case(site: TestClient) -> None:
    assert listed(site, search="zone 2") == ["zone2"]
    assert listed(site, search="AIR_temperature") == ["zone1", "zone2"]
    assert listed(site, search="site#fan") == ["fan"]
    assert listed(site, search="nothing") == []
    assert listed(site, search="zone", limit=1) == ["zone1"]


def test_no_points_are_none(client: TestClient) -> None:
    assert listed(client) == []
    assert listed(client, limit=0) == []


def test_points_come_as_parquet(site: TestClient) -> None:
    table = pq.read_table(io.BytesIO(site.get("/points?format=parquet").content))
    assert table.column("readings").to_pylist() == [STEPS, 2, 0, STEPS, STEPS]


def test_a_point_is_described_by_its_uuid_in_any_spelling(site: TestClient) -> None:
    for spelling in (SILENT, SILENT.upper(), SILENT.replace("-", "")):
        document = site.get(f"/points/{spelling}").json()
        assert (document["iri"], document["readings"], document["latest_time"]) == (SITE + "silent", 0, None)


@pytest.mark.parametrize("uuid", ["00000000-0000-4000-8000-0000000000ff", "zone1"])
def test_a_point_that_is_not_there_is_404(site: TestClient, uuid: str) -> None:
    answer = site.get(f"/points/{uuid}")
    assert (answer.status_code, uuid in answer.json()["detail"]) == (404, True)


def test_the_id_at_the_source_is_shown_beside_ours(client: TestClient) -> None:
    model = b"""
        @prefix ref: <https://brickschema.org/schema/Brick/ref#> .
        <urn:p:1> ref:hasExternalReference [ ref:hasTimeseriesId "supply" ; ref:storedAt "plant.csv" ] .
    """
    assert client.post("/models", content=model, headers={"content-type": "text/turtle"}).status_code == 200
    [point] = client.get("/points").json()["data"]
    assert (point["series_id"], point["stored_at"]) == ("supply", "plant.csv")
    assert point["uuid"] != "supply"
