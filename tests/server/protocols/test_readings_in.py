from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from server.tables.formats import TABLE_FORMATS
from tests.server.building import ALL, FAN, MODEL, READINGS, SITE, ZONE_1, ZONE_2, Parameter
from tests.server.conftest import opened

CSV = {"content-type": "text/csv"}
TIME = "2026-02-01T00:00:00Z"


def send(client: TestClient, body: bytes | str, media_type: str = "text/csv", **parameters: Parameter) -> Response:
    return client.post("/readings", content=body, headers={"content-type": media_type}, params=parameters)


def stored(client: TestClient) -> int:
    answer = client.get("/metrics").text
    numbers = dict(line.rsplit(" ", 1) for line in answer.splitlines() if not line.startswith("#"))
    return int(float(numbers["twinhouse_series_hot_rows"]) + float(numbers["twinhouse_series_sealed_rows"]))


def body_of(name: str) -> bytes:
    rows = [{"id": ZONE_1, "time": "2026-02-01T00:00:00Z", "value": 1.5}, {"id": ZONE_2, "time": TIME, "value": 2.5}]
    table, file = pa.Table.from_pylist(rows), io.BytesIO()
    match name:
        case "json":
            return json.dumps(rows).encode()
        case "ndjson":
            return "\n".join(map(json.dumps, rows)).encode()
        case "csv":
            return "\n".join(["id,time,value", *(",".join(map(str, row.values())) for row in rows)]).encode()
        case "arrow":
            with pa.ipc.new_stream(file, table.schema) as writer:
                writer.write_table(table)
        case _:
            pq.write_table(table, file)
    return file.getvalue()


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_readings_come_in_each_format_and_are_seen_at_once(client: TestClient, name: str) -> None:
    for media_type in TABLE_FORMATS[name].media_types[:1]:
        answer = send(client, body_of(name), media_type)
        assert (answer.status_code, answer.json()["readings"]) == (200, 2), answer.text
    latest = client.get("/latest", params={"point": [ZONE_1, ZONE_2]}).json()["data"]
    assert [row["value"] for row in latest] == [1.5, 2.5]


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_body_that_does_not_fit_in_memory_is_read_from_disk(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("server.protocols.spooled.IN_MEMORY", 100)
    assert send(client, body_of(name), TABLE_FORMATS[name].media_type).json()["readings"] == 2


def test_a_bad_row_is_named_and_nothing_is_stored(client: TestClient) -> None:
    answer = send(client, f"id,time,value\n{ZONE_1},{TIME},1\n{ZONE_1},{TIME},warm\n")
    document = answer.json()
    assert (answer.status_code, document["type"]) == (400, "urn:twinhouse:problem:bad-readings")
    assert (document["row"], document["line"], document["column"]) == (2, 3, "value")
    assert stored(client) == 0


def test_a_bad_row_behind_many_good_ones_leaves_none_of_them(client: TestClient) -> None:
    rows = "".join(f"{ZONE_1},{n},1\n" for n in range(300_000))
    answer = send(client, f"id,time,value\n{rows}{ZONE_1},1,warm\n", time_unit="s")
    assert (answer.status_code, answer.json()["row"]) == (400, 300_001)
    assert stored(client) == 0
    assert send(client, f"id,time,value\n{rows}", time_unit="s").json()["readings"] == 300_000
    assert stored(client) == 300_000


def test_unknown_points_are_accepted_and_reported_and_found_once_a_model_names_them(client: TestClient) -> None:
    report = send(client, f"id,time,value\nroom-7,{TIME},21\n{ZONE_1},{TIME},20\n{ZONE_1},2026-02-02,20\n").json()
    assert (report["readings"], report["points"]) == (3, 2)
    assert report["unknown"] == {"points": 2, "readings": 3, "ids": ["room-7", ZONE_1]}
    client.post("/models?name=site.ttl", content=MODEL, headers={"content-type": "text/turtle"})
    late = MODEL + b':room7 ref:hasExternalReference [ ref:hasTimeseriesId "room-7" ] .'
    client.post("/models?name=site.ttl", content=late, headers={"content-type": "text/turtle"})
    found = client.get("/latest", params={"point": [f"{SITE}room7", f"{SITE}zone1"]}).json()["data"]
    assert [row["value"] for row in found] == [21, 20]


def test_unknown_points_can_be_ignored(filled: TestClient) -> None:
    body = f"id,time,value\nroom-7,{TIME},21\n{SITE}zone1,{TIME},20\n"
    report = send(filled, body, unknown="ignore").json()
    assert (report["readings"], report["ignored"]["ids"]) == (1, ["room-7"])
    assert send(filled, body, unknown="maybe").status_code == 400


def test_a_wide_table_takes_the_columns_that_are_points(filled: TestClient) -> None:
    body = (
        f"when,{SITE}zone1,{ZONE_2},hour,season\n2026-02-01 00:00,20,NA,0,Winter\n2026-02-01 01:00,21,22,1,Winter\n"
    )
    report = send(filled, body, time_column="when", timezone="Europe/Berlin").json()
    assert (report["readings"], report["points"], report["missing"]) == (3, 2, 1)
    assert report["ignored"] == {
        "points": 1,
        "readings": 2,
        "ids": ["hour"],
        "column_count": 1,
        "columns": ["season"],
    }
    latest = filled.get("/latest", params={"point": ZONE_1}).json()["data"]
    assert (latest[0]["time"], latest[0]["value"]) == ("2026-02-01T00:00:00Z", 21)


@pytest.mark.parametrize(("length", "shown"), [(6, 100), (1_000, 10), (10_001, 0)])
def test_an_answer_is_short_however_many_names_were_sent(filled: TestClient, length: int, shown: int) -> None:
    names = [f"{number:0{length}}" for number in range(150)]
    long = send(filled, "id,time,value\n" + "".join(f"{name},{TIME},1\n" for name in names)).json()
    assert long["unknown"] == {"points": 150, "readings": 150, "ids": names[:shown]}
    wide = send(filled, f"time,{ZONE_1},{','.join(names)}\n{TIME},20{',text' * 150}\n").json()
    assert (wide["readings"], wide["ignored"]["column_count"], wide["ignored"]["columns"]) == (1, 150, names[:shown])


def test_a_source_tells_equal_ids_apart(client: TestClient) -> None:
    reference = '[ ref:hasTimeseriesId "sup" ; ref:storedAt "data/{0}.csv" ]'
    model = MODEL.decode() + "".join(
        f":{name} ref:hasExternalReference {reference.format(name)} .\n" for name in ("one", "two")
    )
    client.post("/models?name=site.ttl", content=model, headers={"content-type": "text/turtle"})
    body = f"time,sup\n{TIME},%d\n"
    assert [
        send(client, body % n, source=f"/x/{name}.csv").json()["readings"] for n, name in ((1, "one"), (2, "two"))
    ] == [1, 1]
    found = client.get("/latest", params={"point": [f"{SITE}one", f"{SITE}two"]}).json()["data"]
    assert [row["value"] for row in found] == [1, 2]
    ambiguous = send(client, f"id,time,value\nsup,{TIME},1\n")
    assert (ambiguous.status_code, "sup" in ambiguous.json()["detail"]) == (400, True)


def test_the_same_again_changes_nothing(filled: TestClient) -> None:
    assert filled.post("/readings", content=READINGS, headers=CSV).json()["readings"] == ALL
    counts = filled.get("/readings", params={"aggregate": "count", "format": "ndjson"}).text.splitlines()
    assert sum(json.loads(line)["value"] for line in counts) == ALL


@pytest.mark.parametrize("media_type", ["", "image/png", "application/gzip"])
def test_a_body_without_a_known_type_is_415(client: TestClient, media_type: str) -> None:
    headers = {"content-type": media_type} if media_type else {}
    answer = client.post("/readings", content=body_of("csv"), headers=headers)
    assert (answer.status_code, "type" in answer.json()) == (415, True)


@pytest.mark.parametrize("path", ["/readings", "/models?name=x.ttl", "/store?default", "/update", "/readings/query"])
def test_a_body_in_an_unknown_coding_is_refused_with_a_reason(client: TestClient, path: str) -> None:
    types = {"/readings": "text/csv", "/update": "application/sparql-update", "/readings/query": "application/json"}
    headers = {"content-encoding": "compress", "content-type": types.get(path, "text/turtle")}
    answer = client.post(path, content=body_of("csv"), headers=headers)
    assert (answer.status_code, "gzip" in answer.headers["accept-encoding"]) == (415, True)
    assert "compress" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "parts"),
    [("/readings", None), ("/store?default", None), ("/models?name=x.ttl", None), ("/models", "model")],
)
def test_a_body_larger_than_the_setting_is_413(tmp_path: Path, path: str, parts: str | None) -> None:
    with opened(tmp_path / "data", body_megabytes=1) as client:
        body = b"#" * ((1 << 20) + 1)
        if parts:
            answer = client.post(path, files={parts: ("x.ttl", body, "text/turtle")})
        else:
            answer = client.post(
                path, content=body, headers={"content-type": "text/turtle" if path != "/readings" else "text/csv"}
            )
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:twinhouse:problem:body-too-large")


def test_more_readings_than_the_setting_are_413(tmp_path: Path) -> None:
    with opened(tmp_path / "data", ingest_rows=2) as client:
        rows = "".join(f"{FAN},{TIME[:-2]}{n}Z,1\n" for n in range(3))
        answer = send(client, f"id,time,value\n{rows}")
        assert (answer.status_code, stored(client)) == (413, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("timezone", "Mars/Olympus"), ("time_unit", "weeks"), ("id_column", "nope"), ("wide", "maybe")],
)
def test_a_wrong_option_is_named(client: TestClient, name: str, value: str) -> None:
    answer = send(client, body_of("csv"), **{name: value})
    assert (answer.status_code, value in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_garbage_is_400(client: TestClient, name: str) -> None:
    empty = [] if name == "ndjson" else [b""]  # no lines, no readings
    for body in (*empty, b"\x00\xff" * 50, body_of(name)[: len(body_of(name)) // 2 - 9]):
        answer = send(client, body, TABLE_FORMATS[name].media_type)
        assert answer.status_code == 400, (body, answer.text)
    assert stored(client) == 0


def test_a_file_tells_equal_ids_apart_but_makes_no_series_of_its_own(client: TestClient) -> None:
    rows = "id,time,value\nAHU 7 supply,2026-01-0{},20\n"
    for day, name in ((1, "january.csv"), (2, "february.csv")):
        assert send(client, rows.format(day), file=name).json()["unknown"]["points"] == 1
    check = client.post("/check").json()
    assert (check["series_without_point"], check["readings"]) == (1, 2)
