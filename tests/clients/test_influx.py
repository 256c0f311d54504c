"""Clients of InfluxDB: its Python library for 2.x, and what Telegraf and the library for 1.x send, byte by byte."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pandas as pd
import pytest
from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from ontologies.identity import series_uuid
from tests.clients.service import TOKEN
from tests.support.raw import ask, connected, head
from tests.support.service import Service

START = 1_767_225_600
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
TELEGRAF = {"user_agent": "Telegraf/1.36.1 Go/1.25.1", "accept_encoding": "gzip"}


def stored(service: Service, key: str, store: str) -> list[tuple[str, Any]]:
    """Return time and value of all readings of a series."""
    parameters = {"point": str(series_uuid(key, store)), "format": "json"}
    answer = httpx2.get(f"{service.url}/readings", params=parameters, headers=AUTHORIZED, timeout=60)
    rows = answer.raise_for_status().json()["data"]
    return [(row["time"], row["value"] if row["text"] is None else row["text"]) for row in rows]


def second(number: int) -> str:
    return str(pd.Timestamp(START + number, unit="s").isoformat()) + "Z"


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
def client(secret: Service, request: pytest.FixtureRequest) -> Iterator[InfluxDBClient]:
    with InfluxDBClient(secret.url, token=TOKEN, org="any", enable_gzip=request.param) as client:
        yield client


def test_the_library_writes_points_lines_dicts_and_frames(secret: Service, client: InfluxDBClient) -> None:
    api = client.write_api(write_options=SYNCHRONOUS)
    point = Point("room temperature").tag("room no", "1,a").field("value", 20.5).field("note", 'it "is"\nopen \\')
    api.write("home", record=point.field("n", 5).field("ok", True).time(START, WritePrecision.S))
    api.write("home", record="lines f=1i 1767225600\nlines f=2i 1767225601", write_precision=WritePrecision.S)
    api.write("home", record={"measurement": "dicts", "fields": {"f": 1.5}, "time": START * 10**9})
    frame = pd.DataFrame({"t": [1.5, 2.5]}, index=pd.to_datetime([START, START + 1], unit="s", utc=True))
    api.write("home", record=frame, data_frame_measurement_name="frames")
    values = {"value": 20.5, "note": 'it "is"\nopen \\', "n": 5.0, "ok": 1.0}
    for field, value in values.items():
        assert stored(secret, rf"room\ temperature,room\ no=1\,a {field}", "home") == [(second(0), value)]
    assert stored(secret, "lines f", "home") == [(second(0), 1.0), (second(1), 2.0)]
    assert stored(secret, "dicts f", "home") == [(second(0), 1.5)]
    assert stored(secret, "frames t", "home") == [(second(0), 1.5), (second(1), 2.5)]


def test_the_library_writes_in_batches_in_the_background(secret: Service, client: InfluxDBClient) -> None:
    failed: list[Exception] = []
    options = WriteOptions(batch_size=500, flush_interval=1_000)
    with client.write_api(write_options=options, error_callback=lambda *args: failed.append(args[-1])) as api:
        for number in range(2_000):
            api.write("batches", record=f"m,t=a f={number} {START + number}", write_precision=WritePrecision.S)
    assert failed == []
    assert stored(secret, "m,t=a f", "batches") == [(second(n), float(n)) for n in range(2_000)]


def test_the_library_asks_whether_it_lives(client: InfluxDBClient) -> None:
    assert client.ping() is True
    assert client.version().startswith("1.8.")
    assert client.build() == "OSS"
    with pytest.warns(DeprecationWarning, match="ping"):
        assert client.health().status == "pass"


def test_the_library_tells_what_was_wrong(secret: Service, client: InfluxDBClient) -> None:
    with pytest.raises(ApiException) as caught:
        client.write_api(write_options=SYNCHRONOUS).write("wrong", record="m f=1\nm f=x")
    assert (caught.value.status, json.loads(caught.value.body)["line"]) == (400, 2)
    assert "line 2, column 5" in caught.value.message
    assert stored(secret, "m f", "wrong") == []
    with (
        InfluxDBClient(secret.url, token="wrong", org="any") as stranger,  # noqa: S106 - it is none
        pytest.raises(ApiException, match="authorization failed"),
    ):
        stranger.write_api(write_options=SYNCHRONOUS).write("home", record="m f=1")


def batch(lines: int) -> bytes:
    """Return what Telegraf's serializer makes of so many metrics, four a second."""
    metrics = (
        (f"cpu,cpu=cpu{n % 4},host=gateway\\ 1", f"usage_idle={90 + n % 10},usage_user=0.5,n=7i", START + n // 4)
        for n in range(lines)
    )
    return "".join(f"{key} {fields} {second}000000000\n" for key, fields, second in metrics).encode()


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "identity"])
def test_telegraf_writes_a_batch_to_2_x(secret: Service, packed: bool) -> None:
    body = gzip.compress(batch(5_000)) if packed else batch(5_000)
    coding = {"content_encoding": "gzip"} if packed else {}
    status, headers, answer = ask(
        secret.url,
        f"POST /api/v2/write?bucket=telegraf{packed}&org=any",
        body,
        **TELEGRAF,
        **coding,
        authorization=f"Token {TOKEN}",
        content_type="text/plain; charset=utf-8",
    )
    assert (status, answer, "x-influxdb-version" in headers) == (204, b"", True)
    rows = stored(secret, "cpu,cpu=cpu3,host=gateway\\ 1 usage_idle", f"telegraf{packed}")
    assert len(rows) == 1_250
    assert rows[0] == (second(0), 93.0)


def test_telegraf_writes_a_batch_to_1_x_in_chunks_of_gzip(secret: Service) -> None:
    """It compresses while it sends, so that it knows no length."""
    basic = httpx2.BasicAuth("telegraf", TOKEN)
    authorization = next(basic.auth_flow(httpx2.Request("POST", secret.url))).headers["authorization"]
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(batch(5_000)), packer.flush()]
    sent = {"content_type": "text/plain; charset=utf-8", "content_encoding": "gzip", "authorization": authorization}
    with connected(secret.url) as wire:
        for _ in range(2):  # on one connection
            wire.send(head("POST /write?consistency=any&db=chunks", **TELEGRAF, **sent, transfer_encoding="chunked"))
            wire.send(*(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece), b"0\r\n\r\n")
            answer = wire.answer("POST")
            assert (answer.status, answer.read()) == (204, b"")
    assert len(stored(secret, "cpu,cpu=cpu0,host=gateway\\ 1 usage_user", "chunks")) == 1_250


def test_telegraf_is_told_why_a_batch_is_dropped(secret: Service) -> None:
    body = batch(10) + b"cpu usage_idle=NaN\n" + batch(10)
    sent = {**TELEGRAF, "authorization": f"Token {TOKEN}", "content_type": "text/plain; charset=utf-8"}
    status, _, answer = ask(secret.url, "POST /write?db=dropped", body, **sent)
    assert status == 400
    assert json.loads(answer)["error"].startswith("unable to parse: line 11, column 16: ")
    status, _, answer = ask(secret.url, "POST /api/v2/write?bucket=dropped&org=any", body, **sent)
    assert (status, json.loads(answer)["code"], json.loads(answer)["line"]) == (400, "invalid", 11)
    assert stored(secret, "cpu,cpu=cpu0,host=gateway\\ 1 n", "dropped") == []


def test_the_library_for_1_x_writes(secret: Service) -> None:
    """As python3-influxdb 5.3.2 sends it: user and password as Basic, and no media type that says anything."""
    basic = httpx2.BasicAuth("root", TOKEN)
    for parameters, line in (
        ({"db": "old", "precision": "s"}, f'm,t=a f=1.5,s="x" {START}\n'),
        ({"db": "old", "precision": "ms", "rp": "autogen"}, f"m,t=a f=2.5 {(START + 1) * 1000}\n"),
        ({"db": "old"}, "\n"),  # write_points([]), by which Home Assistant tries whether it may write
    ):
        answer = httpx2.post(
            f"{secret.url}/write",
            params=parameters,
            content=line.encode(),
            headers={"content-type": "application/octet-stream", "accept": "application/x-msgpack"},
            auth=basic,
        )
        assert (answer.status_code, answer.content) == (204, b"")
    assert stored(secret, "m,t=a f", "old") == [(second(0), 1.5), (second(1), 2.5)]
    ping = httpx2.get(f"{secret.url}/ping")
    assert (ping.status_code, ping.headers["X-Influxdb-Version"][:4]) == (204, "1.8.")
