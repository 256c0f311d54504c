"""Buckets, aggregates, shapes and pages, as a client asks for them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.server.building import DAY, STEPS, ZONE_1, ZONE_2, ZONES, Parameter, read, value


def pages(client: TestClient, **parameters: Parameter) -> list[list[dict[str, Any]]]:
    """Follow the links from page to page."""
    answer = client.get("/readings", params=parameters)
    found = [answer.json()["data"]]
    while "next" in answer.links:
        answer = client.get(answer.links["next"]["url"])
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["data"])
    return found


def test_days_of_a_time_zone(site: TestClient) -> None:
    rows = read(site, point=ZONE_1, every="1d", aggregate="count", timezone="Asia/Kolkata", start="2026-01-05")
    assert {row["time"][11:19] for row in rows} == {"18:30:00"}
    from_six = read(site, point=ZONE_1, every="P1D", offset="PT6H", aggregate="count", **DAY)
    assert {row["time"][11:19] for row in from_six} == {"06:00:00"}
    assert from_six == read(site, point=ZONE_1, every="P1D", origin="2020-01-01T06:00", aggregate="count", **DAY)


def test_times_without_an_offset_are_in_the_zone(site: TestClient) -> None:
    local = read(site, point=ZONE_1, start="2026-01-05T05:30", end="2026-01-05T06:30", timezone="Asia/Kolkata")
    assert local == read(site, point=ZONE_1, start="2026-01-05T00:00Z", end="2026-01-05T01:00Z")
    assert local


@pytest.mark.parametrize("aggregate", ["p50", "median", "integral", "duration", "duration:1", "increase", "rate"])
def test_further_aggregates(site: TestClient, aggregate: str) -> None:
    assert read(site, point=ZONE_1, every="1h", aggregate=aggregate, **DAY)


def test_a_point_as_of_another_one(site: TestClient) -> None:
    rows = read(site, point=[ZONE_1, ZONE_2], shape="asof", **DAY)
    first, second = list(rows[0])[1:]
    assert len(rows) == STEPS
    assert [row[first] for row in rows] == [float(value(ZONE_1, n)) for n in range(STEPS)]
    assert [row[second] for row in rows] == [float(value(ZONE_2, n)) for n in range(STEPS)]


def test_downsampling(site: TestClient) -> None:
    rows = read(site, point=ZONE_1, downsample=5, **DAY)
    assert len(rows) == 5
    assert list(rows[0]) == ["point", "time", "value"]


@pytest.mark.parametrize("limit", [1, 7, STEPS])
def test_pages_are_the_whole_answer(site: TestClient, limit: int) -> None:
    for asked in ({"query": ZONES, **DAY}, {"query": ZONES, "shape": "wide", **DAY}, {"query": ZONES, "every": "1h"}):
        everything = read(site, **asked)
        found = pages(site, limit=limit, **asked)
        assert [row for page in found for row in page] == everything
        assert {len(page) for page in found[:-1]} <= {limit}


def test_the_next_page_by_post(site: TestClient) -> None:
    asked = {"point": [ZONE_1], "limit": 2, **DAY}
    first = site.post("/readings/query", json=asked)
    second = site.post("/readings/query", json={**asked, "cursor": first.headers["next-cursor"]})
    assert first.json()["data"] + second.json()["data"] == read(site, point=ZONE_1, limit=4, **DAY)


def test_a_page_of_other_points(site: TestClient) -> None:
    cursor = site.get("/readings", params={"point": ZONE_1, "limit": 1}).headers["next-cursor"]
    answer = site.get("/readings", params={"point": ZONE_2, "limit": 1, "cursor": cursor})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("points-changed")


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"timezone": "Europe/Atlantis", "every": "1h"}, "Atlantis"),
        ({"timezone": "../../etc/passwd", "every": "1h"}, "time zone"),
        ({"every": "1h", "aggregate": "average"}, "average"),
        ({"every": "1h", "aggregate": "p101"}, "p101"),
        ({"origin": "2026-01-01"}, "origin needs every"),
        ({"offset": "1h"}, "offset needs every"),
        ({"every": "1d", "offset": "1h", "origin": "2026-01-01"}, "both"),
        ({"every": "1d", "offset": "1mo"}, "offset"),
        ({"every": "1d", "offset": "360000w"}, "offset"),
        ({"every": "1mo", "origin": "2026-01-31"}, "not every month has a day 31"),
        ({"every": "1mo", "offset": "30d"}, "not every month has a day 31"),
        ({"every": "1h", "hold": "1h"}, "hold"),
        ({"every": "1h", "fill_limit": "1h"}, "fill_limit needs fill"),
        ({"fill": "previous"}, "fill needs every"),
        ({"tolerance": "1h"}, "tolerance"),
        ({"downsample": "2"}, "downsample"),
        ({"downsample": "100", "every": "1h"}, "downsample"),
        ({"shape": "tall"}, "shape"),
        ({"cursor": "x"}, "cursor needs limit"),
        ({"cursor": "x", "limit": "1"}, "cursor"),
        ({"cursor": "WzFd", "limit": "1"}, "cursor"),
        ({"cursor": "WzFlOTk5LCJ4IiwiMjAyNS0wMS0wMSJd", "limit": "1"}, "cursor"),  # [1e999,"x","2025-01-01"]
        ({"cursor": base64.urlsafe_b64encode(b"[" * 5_000).decode(), "limit": "1"}, "cursor"),
        ({"every": "9" * 5000 + "h"}, "every"),
        ({"every": "P" + "9" * 5000 + "Y"}, "every"),
    ],
)
def test_wrong_parameters_are_named(site: TestClient, parameters: dict[str, str], word: str) -> None:
    answer = site.get("/readings", params={"point": ZONE_1, **parameters})
    assert answer.status_code == 400
    assert word in answer.json()["detail"]


def test_a_value_may_hold_from_before_all_time(site: TestClient) -> None:
    asked = {"point": ZONE_1, "start": "0001-01-01", "aggregate": "integral", "hold": "1000d", "every": "1y"}
    assert site.get("/readings", params=asked).status_code == 200


@pytest.mark.parametrize("name", ["point", "start", "timezone", "query", "nonsense"])
def test_half_a_character_is_refused(site: TestClient, name: str) -> None:
    answer = site.post("/readings/query", content=b'{"%s": "\\ud800"}' % name.encode())
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["detail"]


def test_too_many_buckets_are_refused_before_they_are_made(site: TestClient) -> None:
    asked = {"point": ZONE_1, "every": "1ms", "aggregate": "twmean", "start": "2000-01-01", "end": "2026-01-06"}
    answer = site.get("/readings", params=asked)
    assert answer.status_code == 413
    assert "rows" in answer.json()["detail"]
