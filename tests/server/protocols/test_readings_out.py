from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from ontologies.namespaces import XSD
from server.protocols.readings import FORMATS
from tests.server.building import (
    ALL,
    DAY,
    FAN,
    MODE,
    PREFIXES,
    READINGS,
    SITE,
    STEPS,
    ZONE_1,
    ZONE_2,
    ZONES,
    Parameter,
    read,
    value,
)
from tests.server.conftest import opened


def rows_of(name: str, body: bytes) -> list[dict[str, Any]]:
    match name:
        case "json":
            data: list[dict[str, Any]] = json.loads(body)["data"]
            return data
        case "ndjson":
            return [json.loads(line) for line in body.splitlines()]
        case "csv":
            return [dict(row) for row in csv.DictReader(io.StringIO(body.decode()))]
        case "arrow":
            return pa.ipc.open_stream(body).read_all().to_pylist()
        case _:
            return pq.read_table(io.BytesIO(body)).to_pylist()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("by_accept", [True, False])
def test_each_format_has_all_rows_and_columns(site: TestClient, name: str, by_accept: bool) -> None:
    wanted = {"query": ZONES, **DAY}
    if by_accept:
        answer = site.get("/readings", params=wanted, headers={"accept": f"{FORMATS[name]}, */*;q=0.1"})
    else:
        answer = site.get("/readings", params={**wanted, "format": name})
    assert answer.headers["content-type"].partition(";")[0] == FORMATS[name]
    rows = rows_of(name, answer.content)
    assert list(rows[0]) == ["point", "vav", "time", "value", "text", "status"]
    assert [float(row["value"]) for row in rows if row["vav"] == SITE + "vav1"] == [
        float(value(ZONE_1, n)) for n in range(STEPS)
    ]
    assert len(rows) == 2 * STEPS


def test_raw_readings_have_text_and_status(site: TestClient) -> None:
    rows = read(site, point=MODE)
    assert [(row["value"], row["text"], row["status"]) for row in rows] == [
        (None, "occupied", None),
        (None, "vacant", "test"),
    ]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("mean", 20.05),
        ("min", 20.0),
        ("max", 20.1),
        ("sum", 40.1),
        ("count", 2.0),
        ("first", 20.0),
        ("last", 20.1),
        ("twmean", 20.05),
    ],
)
def test_each_aggregate(site: TestClient, aggregate: str, expected: float) -> None:
    rows = read(site, point=ZONE_1, every="PT1H", aggregate=aggregate, **DAY)
    assert len(rows) == 24
    assert rows[0]["value"] == pytest.approx(expected)
    assert rows[1]["time"] == "2026-01-05T01:00:00Z"


def test_every_without_an_aggregate_is_the_mean(site: TestClient) -> None:
    assert read(site, point=ZONE_1, every="1h")[0]["value"] == pytest.approx(20.05)


def test_an_aggregate_without_every_is_one_row_a_point(site: TestClient) -> None:
    rows = read(site, query=ZONES, aggregate="count", **DAY)
    assert [(row["time"], row["value"]) for row in rows] == [("2026-01-05T00:00:00Z", STEPS)] * 2


def test_fills(client: TestClient) -> None:
    body = f"id,time,value\n{ZONE_1},2026-01-01T00:00Z,1\n{ZONE_1},2026-01-01T03:00Z,4\n"
    client.post("/readings", content=body, headers={"content-type": "text/csv"})

    def filled(fill: str) -> list[float]:
        window = {"start": "2026-01-01", "end": "2026-01-01T05:00"}
        return [row["value"] for row in read(client, point=ZONE_1, every="1h", fill=fill, **window)]

    assert [filled(fill) for fill in ("none", "previous", "linear")] == [[1, 4], [1, 1, 1, 4, 4], [1, 2, 3, 4]]


def test_a_wide_answer_names_its_columns(site: TestClient) -> None:
    def columns(query: str) -> list[str]:
        return sorted(read(site, query=query, shape="wide", every="12h")[0], key=lambda name: (name != "time", name))

    assert columns(ZONES) == ["time", "vav1", "vav2"]
    assert columns(ZONES.replace("?point ?vav", "?point")) == ["time", "Zone 1", "Zone 2"]
    named = ZONES.replace("?vav WHERE", "?column WHERE").replace(
        " }", " BIND(STRAFTER(STR(?point), 'zone') AS ?column) }"
    )
    assert columns(named) == ["time", "1", "2"]
    rows = read(site, query=ZONES + " ORDER BY ?vav", shape="wide", every="12h", aggregate="first")
    assert [list(row.values())[1:] for row in rows] == [[20.0, 22.0], [22.4, 19.6]]


def test_a_point_in_several_rows_comes_with_each(site: TestClient) -> None:
    query = PREFIXES + "SELECT ?point ?n WHERE { VALUES (?point ?n) { (:zone1 2) (:zone1 1) } }"
    rows = read(site, query=query, limit=STEPS + 1)
    assert [row["n"] for row in rows] == [2] * STEPS + [1]
    assert rows[0]["value"] == rows[STEPS]["value"]


def test_carried_columns_have_types_of_their_own(site: TestClient) -> None:
    query = PREFIXES + "SELECT ?point ?i ?d ?b ?l WHERE { VALUES (?point ?i ?d ?b ?l) { (:fan 1 1.5 true 'x'@en) } }"
    answer = site.get("/readings", params={"query": query, "format": "arrow", "limit": 1})
    [row] = rows_of("arrow", answer.content)
    assert [row[name] for name in "idbl"] == [1, 1.5, True, "x"]


def test_a_carried_time_without_a_zone_gets_none(site: TestClient) -> None:
    query = PREFIXES + "SELECT ?point ?t { VALUES (?point ?t) { (:fan '2026-01-01T00:00:00'^^xsd:dateTime) } }"
    assert read(site, query=f"PREFIX xsd: <{XSD.iri}>" + query, limit=1)[0]["t"] == "2026-01-01T00:00:00"


def test_points_are_named_by_iri_uuid_or_series_id(site: TestClient) -> None:
    rows = read(site, point=[SITE + "zone2", ZONE_1.upper()], aggregate="first")
    assert [(row["point"], row["value"]) for row in rows] == [(SITE + "zone2", 22.0), (SITE + "zone1", 20.0)]


def test_a_query_may_select_uuids_or_one_variable_of_any_name(site: TestClient) -> None:
    for text in (f'"{ZONE_1}"', f"<urn:uuid:{ZONE_1}>", ":zone1"):
        query = PREFIXES + f"SELECT ?sensor WHERE {{ VALUES ?sensor {{ {text} }} }}"
        assert [row["value"] for row in read(site, query=query, aggregate="count")] == [STEPS]


def test_without_points_all_come(site: TestClient) -> None:
    assert len(read(site)) == ALL


@pytest.mark.parametrize(
    ("window", "count"),
    [
        ({}, 48),
        ({"start": "2026-01-05T12:00:00Z"}, 24),
        ({"start": "2026-01-05T13:00:00+01:00"}, 24),
        ({"start": "2026-01-05 12:00", "end": "2026-01-05T13:00"}, 2),
        ({"start": "2026-01-05", "end": "2026-01-06"}, 48),
        ({"end": "2026-01-05"}, 0),
        ({"start": "now"}, 0),
        ({"start": "-1mo", "end": "now"}, None),
        ({"start": "-P100Y"}, 48),
    ],
)
def test_times(site: TestClient, window: dict[str, str], count: int | None) -> None:
    assert len(read(site, point=ZONE_1, **window)) == count or count is None


def test_an_offset_whose_plus_was_not_escaped_is_understood(site: TestClient) -> None:
    assert len(site.get(f"/readings?point={ZONE_1}&start=2026-01-05T13:00:00+01:00").json()["data"]) == 24


def test_relative_times_are_before_now(client: TestClient) -> None:
    time = (datetime.now(UTC) - timedelta(days=6, hours=12)).isoformat()
    client.post("/readings", content=f"id,time,value\n{ZONE_1},{time},1\n", headers={"content-type": "text/csv"})
    counts = [len(read(client, point=ZONE_1, start=start)) for start in ("-7d", "-P7D", "-6d", "-PT156H")]
    assert counts == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"aggregate": "mode"}, "aggregate"),
        ({"every": "1 fortnight"}, "every"),
        ({"every": "0h"}, "every"),
        ({"every": "999999999d"}, "every"),
        ({"every": "P999999999Y"}, "every"),
        ({"every": "99999999999999999999w"}, "every"),
        ({"fill": "linear"}, "every"),
        ({"every": "1h", "fill": "zero"}, "fill"),
        ({"shape": "tall"}, "shape"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "9" * 30}, "limit"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "0001-01-01T00:00+14:00"}, "start"),
        ({"start": "-99999y"}, "start"),
        ({"start": "2026-01-02", "end": "2026-01-01"}, "start"),
        ({"timeout": "x"}, "timeout"),
        ({"pointt": "x"}, "pointt"),
        ({"point": "nothing"}, "nothing"),
        ({"point": "x", "query": "x"}, "point"),
        ({"format": "xls"}, "xls"),
        ({"query": "ASK {}"}, "SELECT"),
        ({"query": PREFIXES + "SELECT ?a ?b WHERE { ?a brick:feeds ?b }"}, "?point"),
        ({"query": PREFIXES + "SELECT ?point WHERE { ?point brick:feeds ?b }"}, "?point"),
        ({"query": PREFIXES + "SELECT ?point ?time WHERE { :vav1 brick:hasPoint ?point, ?time }"}, "?time"),
        ({"query": "SELECT"}, "line"),
    ],
)
def test_what_is_wrong_is_named(site: TestClient, parameters: dict[str, str], named: str) -> None:
    by_url = site.get("/readings", params=parameters)
    by_body = site.post("/readings/query", json=parameters)
    assert [by_url.status_code, by_body.status_code] == [400, 400], by_url.text
    assert named in by_url.json()["detail"]
    assert by_url.json() == by_body.json()


@pytest.mark.parametrize("window", [DAY, {}, {"start": "2026-01-05"}])
def test_a_fill_of_more_rows_than_the_limit_is_refused(site: TestClient, window: dict[str, str]) -> None:
    wanted: dict[str, Parameter] = {"point": ZONE_1, "every": "1ms", "fill": "previous", "timeout": 0.2, **window}
    assert site.get("/readings", params=wanted).status_code == 413


def test_no_point_is_an_empty_answer_with_columns(site: TestClient) -> None:
    query = PREFIXES + "SELECT ?point ?room WHERE { ?point brick:nothing ?room }"
    for name in FORMATS:
        answer = site.get("/readings", params={"query": query, "format": name})
        assert (answer.status_code, rows_of(name, answer.content)) == (200, [])


def test_a_body_asks_the_same(site: TestClient) -> None:
    wanted: dict[str, Parameter] = {"point": [ZONE_1, FAN], "every": "6h", "limit": 3, "aggregate": "max"}
    assert (
        site.post("/readings/query", json={**wanted, "fill": None}).json()
        == site.get("/readings", params=wanted).json()
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_400(site: TestClient, body: bytes) -> None:
    assert site.post("/readings/query", content=body).status_code == 400


def test_more_rows_than_the_limit_are_an_error_never_a_part(tmp_path: Path) -> None:
    with opened(tmp_path / "data", query_rows=100) as client:
        client.post("/readings", content=READINGS, headers={"content-type": "text/csv"})
        assert client.get("/readings", params={"point": [ZONE_1, ZONE_2]}).status_code == 200
        answer = client.get("/readings", params={"point": [ZONE_1, ZONE_2, FAN]})
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:twinhouse:problem:row-limit-exceeded")


def test_one_deadline_covers_both_halves(site: TestClient) -> None:
    slow = PREFIXES + "SELECT ?point WHERE { ?point a brick:Fan_Status . ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    answer = site.get("/readings", params={"query": slow, "timeout": "0.2"})
    assert answer.status_code == 504


def test_latest_has_the_newest_of_each_in_the_order_asked_for(site: TestClient) -> None:
    rows = site.get("/latest", params={"query": ZONES + " ORDER BY DESC(?point)"}).json()["data"]
    assert [(row["vav"], row["value"]) for row in rows] == [(SITE + "vav2", 17.3), (SITE + "vav1", 24.7)]
    assert {row["time"] for row in rows} == {"2026-01-05T23:30:00Z"}
    [mode] = site.get("/latest", params={"point": MODE}).json()["data"]
    assert (mode["value"], mode["text"]) == (None, "vacant")
    assert len(site.get("/latest").json()["data"]) == 4
    odd = PREFIXES + "SELECT ?point ?_ WHERE { VALUES (?point ?_) { (:zone1 1) (:zone1 2) } }"
    assert [row["_"] for row in site.get("/latest", params={"query": odd}).json()["data"]] == [1, 2]


def test_head_has_the_headers_alone(site: TestClient) -> None:
    answer = site.head("/readings", params={"format": "csv"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/csv")
