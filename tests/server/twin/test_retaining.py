from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.settings import SettingError
from server.twin import retaining
from server.twin.retaining import parse_rules
from storage.series.steps import Step
from tests.server.conftest import opened

SITE = """
@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix ref: <https://brickschema.org/schema/Brick/ref#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
brick:Zone_Air_Temperature_Sensor rdfs:subClassOf brick:Temperature_Sensor .
<urn:site> a brick:Site ; brick:hasPart <urn:building> .
<urn:room> a brick:Room ; brick:isPartOf <urn:building> .
<urn:vav> a brick:VAV ; brick:hasLocation <urn:room> ; brick:hasPoint <urn:t1> .
<urn:t1> a brick:Zone_Air_Temperature_Sensor ;
    ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "t1" ] .
<urn:t2> a brick:Temperature_Sensor ;
    ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "t2" ] .
<urn:c> a brick:CO2_Sensor ;
    ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "c" ] .
"""
NAMES = ("urn:t1", "urn:t2", "urn:c")
AGES = (5, 50, 500)  # days


def filled(client: TestClient) -> None:
    client.post("/models", content=SITE, headers={"content-type": "text/turtle"})
    now = datetime.now(UTC)
    rows = [f"{name},{(now - timedelta(days=age)).isoformat()},1" for name in (*NAMES, "nobody") for age in AGES]
    body = "\n".join(["id,time,value", *rows])
    assert client.post("/readings", content=body, headers={"content-type": "text/csv"}).json()["readings"] == 12


def left(client: TestClient) -> list[int]:
    return [len(client.get("/readings", params={"point": name}).json()["data"]) for name in NAMES]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", [3, 3, 3]),
        ("*=100d", [2, 2, 2]),
        ("urn:t1=10d *=P100D", [1, 2, 2]),
        ("*=100d urn:t1=10d", [2, 2, 2]),
        ("brick:Temperature_Sensor=10d", [1, 1, 3]),
        ("brick:Zone_Air_Temperature_Sensor=10d brick:Temperature_Sensor=1y", [1, 2, 3]),
        ("urn:site=1mo", [1, 3, 3]),
        ("urn:vav=10d urn:nobody=1d", [1, 3, 3]),
    ],
)
def test_the_first_rule_that_has_a_point_counts(tmp_path: Path, rules: str, expected: list[int]) -> None:
    with opened(tmp_path / "data", retention=rules) as client:
        filled(client)
        done = client.post("/series/retain").json()["rules"]
        assert [item["what"] for item in done] == [rule.what for rule in parse_rules(rules)]
        assert left(client) == expected
        if "*" in rules:
            assert sum(item["series"] for item in done) == 4
        counted = client.get("/readings", params={"point": "urn:t1", "every": "1d", "aggregate": "count"})
        assert [row["value"] for row in counted.json()["data"]] == [1, 1, 1]


def test_rules_are_applied_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "_FIRST", 0.05)
    monkeypatch.setattr(retaining, "EVERY", 0.05)
    with opened(tmp_path / "data", retention="*=100d") as client:
        filled(client)
        end = time.monotonic() + 30
        while left(client) != [2, 2, 2]:
            assert time.monotonic() < end


@pytest.mark.parametrize("rules", ["*", "=5d", "*=soon", "brick:Sensor", "no iri=5d", "*=0d"])
def test_what_is_no_rule(rules: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="retention"), opened(tmp_path / "data", retention=rules):
        pass


def test_prefixes_are_known() -> None:
    [rule] = parse_rules("brick:Sensor=P1M")
    assert (rule.what, rule.keep) == ("https://brickschema.org/schema/Brick#Sensor", Step(months=1))


def test_the_status_tells(tmp_path: Path) -> None:
    with opened(tmp_path / "data", retention="*=100d") as client:
        assert client.get("/series/status").json()["oldest"] is None
        filled(client)
        client.post("/series/retain")
        status = client.get("/series/status").json()
        assert (status["hot_rows"], status["retired"], status["archives"], status["quarantined"]) == (8, 4, 1, 0)
        assert (status["error"], status["oldest"][-1]) == (None, "Z")
        assert datetime.fromisoformat(status["newest"]) > datetime.fromisoformat(status["oldest"])
        assert client.post("/seal").json()["hot_rows"] == 0
        assert "\ntwinhouse_series_failing 0.0\n" in client.get("/metrics").text
