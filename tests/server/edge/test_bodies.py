"""Bodies come packed or plain, in UTF-8, and neither too large nor too slow: on every route."""

from __future__ import annotations

import json
import select
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.edge.codings import UNPACKERS
from tests.server.building import MODEL, READINGS, ZONE_1
from tests.server.edge.test_codings import packed
from tests.support.raw import ask, connected, head
from tests.support.service import Service, serving

MEBIBYTE = 1 << 20
BOMB = 128 * MEBIBYTE
FORM = "application/x-www-form-urlencoded"
PARTS = (
    b'--edge\r\nContent-Disposition: form-data; name="model"; filename="s.ttl"\r\n'
    b"Content-Type: text/turtle\r\n\r\n" + MODEL + b"\r\n--edge--\r\n"
)
ROUTES = [
    ("POST /readings", "text/csv", READINGS),
    ("POST /models?name=s.ttl", "text/turtle", MODEL),
    ("POST /models", "multipart/form-data; boundary=edge", PARTS),
    ("PUT /store?graph=urn:g:1", "text/turtle", MODEL),
    ("POST /store?graph=urn:g:1", "multipart/form-data; boundary=edge", PARTS),
    ("POST /query", "application/sparql-query", b"ASK {}"),
    ("QUERY /query", "application/sparql-query", b"ASK {}"),
    ("POST /sparql", FORM, b"query=ASK%20%7B%7D"),
    ("POST /update", "application/sparql-update", b"INSERT DATA { <urn:a> <urn:b> 1 }"),
    ("POST /readings/query", "application/json", json.dumps({"point": ZONE_1}).encode()),
]
"""Bodies of each kind, with a route that takes them."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("bodies") / "data"
    with serving(data, readers=1, body_megabytes=1, unpacked_megabytes=8) as service:
        assert ask(service.url, "POST /models?name=s.ttl", MODEL, content_type="text/turtle")[0] == 200
        yield service


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("hasty") / "data", readers=1, body_seconds=0.5) as service:
        assert ask(service.url, "GET /readyz")[0] == 200
        yield service.url


def readings(service: Service) -> int:
    text = ask(service.url, "GET /metrics")[2].decode()
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return int(float(numbers["twinhouse_series_hot_rows"]) + float(numbers["twinhouse_series_sealed_rows"]))


@pytest.mark.parametrize(("line", "media_type", "body"), ROUTES, ids=[f"{line} {kind}" for line, kind, _ in ROUTES])
@pytest.mark.parametrize("coding", UNPACKERS)
def test_a_packed_body_is_as_good_as_a_plain_one(
    service: Service, coding: str, line: str, media_type: str, body: bytes
) -> None:
    plain = ask(service.url, line, body, content_type=media_type)
    found = ask(service.url, line, packed(coding, body), content_type=media_type, content_encoding=coding)
    assert {plain[0], found[0]} <= {200, 201, 204}
    assert found[2] == plain[2]


@pytest.mark.parametrize("coding", UNPACKERS)
def test_a_bomb_is_413_and_costs_little_memory(service: Service, coding: str) -> None:
    bomb = packed(coding, b"#" * BOMB)
    assert len(bomb) < MEBIBYTE
    process = Path(f"/proc/{service.process.pid}")
    (process / "clear_refs").write_text("5")  # the peak is counted anew
    before = peak(process)
    status, _, body = ask(service.url, "POST /readings", bomb, content_type="text/csv", content_encoding=coding)
    assert (status, json.loads(body)["type"]) == (413, "urn:twinhouse:problem:body-too-large")
    assert "8 MiB" in json.loads(body)["detail"]
    assert peak(process) - before < 64 * MEBIBYTE


def peak(process: Path) -> int:
    """Return the most bytes of memory that a process had since its peak was reset."""
    [line] = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) << 10


def test_a_bomb_is_413_also_where_it_is_text(service: Service) -> None:
    headers = {"content_type": "application/sparql-query", "content_encoding": "gzip"}
    assert ask(service.url, "POST /query", packed("gzip", b"#" * BOMB), **headers)[0] == 413


def test_what_is_too_large_is_refused_before_it_is_sent(service: Service) -> None:
    with connected(service.url) as wire:
        headers = {"content_type": "text/csv", "content_length": MEBIBYTE + 1, "expect": "100-continue"}
        wire.send(head("POST /readings", **headers))
        assert wire.answer().status == 413  # and not 100


def test_what_grows_too_large_is_refused(service: Service) -> None:
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    with connected(service.url) as wire:
        wire.send(head("POST /readings", content_type="text/csv", transfer_encoding="chunked") + chunk * 17)
        assert wire.answer().status == 413


@pytest.mark.parametrize("coding", UNPACKERS)
def test_a_part_and_what_is_something_else_are_400_and_store_nothing(service: Service, coding: str) -> None:
    before, sent = readings(service), packed(coding, READINGS.replace(b"2026", b"2025"))
    for body in (sent[:-3], sent[:10], READINGS, sent + b"#"):
        status, _, document = ask(
            service.url, "POST /readings", body, content_type="text/csv", content_encoding=coding
        )
        assert (status, "Content-Encoding" in json.loads(document)["detail"]) == (400, True)
    assert readings(service) == before


@pytest.mark.parametrize("coding", ["compress", "gzip, gzip", "gzip,br", "aws-chunked"])
def test_another_coding_is_415_and_says_which_are_read(service: Service, coding: str) -> None:
    status, headers, body = ask(
        service.url, "POST /readings", READINGS, content_type="text/csv", content_encoding=coding
    )
    assert (status, "gzip" in headers["accept-encoding"]) == (415, True)
    assert json.loads(body)["detail"].endswith("is not read")


def test_a_coding_is_looked_at_once_the_client_may_send(service: Service) -> None:
    headers = {"content_encoding": "compress", "authorization": "Bearer wrong"}
    assert ask(service.url, "POST /readings", READINGS, **headers)[0] == 401


@pytest.mark.parametrize(("line", "media_type", "body"), ROUTES, ids=[f"{line} {kind}" for line, kind, _ in ROUTES])
def test_text_is_in_utf_8(service: Service, line: str, media_type: str, body: bytes) -> None:
    for charset in ("utf-8", '"UTF-8"', "us-ascii"):
        assert ask(service.url, line, body, content_type=f"{media_type}; charset={charset}")[0] < 300
    for charset in ("iso-8859-1", "UTF-16", '"latin1"'):
        status, _, document = ask(service.url, line, body, content_type=f"{media_type}; charset={charset}")
        assert (status, json.loads(document)["type"]) == (415, "urn:twinhouse:problem:unknown-charset")


def test_a_body_that_stops_is_408(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head("POST /readings", content_type="text/csv", content_length=1000) + b"id,time")
        response = wire.answer()
        assert (response.status, response.headers["connection"]) == (408, "close")
        assert json.loads(response.read())["status"] == 408
        assert wire.is_closed()


def test_a_body_that_drips_is_408(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head("POST /query", content_type="application/sparql-query", content_length=1 << 20))
        while not select.select([wire.socket], [], [], 0.05)[0]:
            wire.send(b"#")
        assert wire.answer().status == 408


def test_time_that_the_server_takes_is_not_the_clients(hasty: str) -> None:
    assert ask(hasty, "PUT /store?default", MODEL, content_type="text/turtle")[0] < 300
    slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }"
    body, kind = zlib.compress(slow.encode()), "application/sparql-query"
    found = ask(hasty, "POST /query?timeout=1.5", body, content_type=kind, content_encoding="deflate")
    assert found[0] == 504  # the query's own deadline, well after the body's


def test_too_many_parameters_are_400(service: Service) -> None:
    many = b"&".join([b"point=a"] * 10_001)
    assert ask(service.url, "POST /query", many, content_type=FORM)[0] == 400
    assert ask(service.url, f"GET /latest?{'&' * 10_001}")[0] == 400
