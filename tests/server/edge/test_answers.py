"""Answers come in the coding that their client likes, and break in it when they break."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from typing import Any
from urllib.parse import urlencode

import anyio
import brotli
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Router
from starlette.types import Message, Scope

from ontologies.identity import series_uuid
from server.edge.answers import Packed
from server.edge.codings import PACKERS, PIECE, UNPACKERS
from tests.support.raw import ask, connected, head
from tests.support.service import serving

ROWS = 200_000
TRIPLES = b"".join(b"<urn:s:%d> <urn:p:%d> %d .\n" % (n, n % 7, n) for n in range(3000))
if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

QUERY = "/query?" + urlencode({"query": "SELECT * { ?s ?p ?o } ORDER BY ?o"})
ENDLESS = "/query?" + urlencode({"query": "SELECT * { ?a ?p ?b . ?c ?q ?d . ?e ?r ?f }", "format": "csv"})
BREAKING = f"/readings?format=ndjson&point={series_uuid('a')}"
POINT = f"/readings?limit=100&point={series_uuid('a')}"
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("answers") / "data", readers=2, query_rows=ROWS) as service:
        assert ask(service.url, "PUT /store?default", TRIPLES, content_type="text/turtle")[0] in (201, 204)
        rows = b"id,time,value\n" + b"".join(b"a,%d,%d\n" % (n, n % 100) for n in range(ROWS + 1))
        assert ask(service.url, "POST /readings?time_unit=s", rows, content_type="text/csv")[0] == 200
        yield service.url


def listed(value: str) -> list[str]:
    return sorted(item.strip() for item in value.split(","))


@pytest.mark.parametrize("path", [QUERY, "/store?default", "/openapi.json", POINT, "/metrics"])
@pytest.mark.parametrize("coding", PACKERS)
def test_text_is_packed_and_is_the_same_text(url: str, coding: str, path: str) -> None:
    _, plain, text = ask(url, f"GET {path}")
    status, headers, body = ask(url, f"GET {path}", accept_encoding=coding)
    assert (status, headers["content-encoding"]) == (200, coding)
    assert UNPACK[coding](body) == text or path == "/metrics"
    assert len(body) < len(UNPACK[coding](body)) / 2 or len(text) < 1024
    assert headers["vary"] == plain["vary"]
    assert "Accept-Encoding" in listed(headers["vary"])
    assert headers.get("etag") == plain.get("etag")
    assert "content-encoding" not in plain


@pytest.mark.parametrize("accept", ["*/*", "image/png"])
@pytest.mark.parametrize("path", [QUERY, "/sparql", "/store", "/store?default", POINT, "/points", "/latest"])
def test_what_is_chosen_by_accept_varies_with_it_whatever_comes_of_it(url: str, path: str, accept: str) -> None:
    for method in ("GET", "HEAD"):
        status, headers, _ = ask(url, f"{method} {path}", accept=accept)
        assert (status, listed(headers["vary"])) == (200 if accept == "*/*" else 406, ["Accept", "Accept-Encoding"])


def test_a_problem_found_behind_the_choice_varies_too(url: str) -> None:
    status, headers, _ = ask(url, "GET /query?query=ASK%20%7B")
    assert (status, listed(headers["vary"])) == (400, ["Accept", "Accept-Encoding"])
    status, headers, _ = ask(url, "GET /store?graph=urn:none")
    assert (status, listed(headers["vary"])) == (404, ["Accept-Encoding"])


def test_every_answer_varies_with_the_coding(url: str) -> None:
    for path in ("/livez", "/nothing", f"{QUERY}&format=parquet"):
        assert "Accept-Encoding" in listed(ask(url, f"GET {path}")[1]["vary"])


@pytest.mark.parametrize("path", ["/livez", "/check", "/points"])
def test_what_is_small_is_sent_as_it_is(url: str, path: str) -> None:
    method = "POST" if path == "/check" else "GET"
    _, headers, body = ask(url, f"{method} {path}", accept_encoding="gzip")
    assert "content-encoding" not in headers
    assert int(headers["content-length"]) == len(body)
    json.loads(body)


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_what_is_compact_is_sent_as_it_is_unless_the_client_excludes_that(url: str, name: str) -> None:
    _, plain, body = ask(url, f"GET {QUERY}&format={name}", accept_encoding="gzip, br, zstd")
    assert "content-encoding" not in plain
    _, headers, packed = ask(url, f"GET {QUERY}&format={name}", accept_encoding="identity;q=0, gzip")
    assert headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(packed)) == len(body)


def test_no_coding_that_pleases_is_406_and_a_problem(url: str) -> None:
    status, headers, body = ask(url, "GET /livez", accept_encoding="compress, *;q=0")
    assert (status, headers["content-type"]) == (406, "application/problem+json")
    assert "zstd" in json.loads(body)["hint"]
    assert headers["vary"] == "Accept-Encoding"
    assert headers["x-request-id"]


def test_a_problem_is_packed_too(url: str) -> None:
    status, headers, body = ask(url, "GET /readings?nonsense=1", accept_encoding="identity;q=0, gzip")
    assert (status, headers["content-encoding"]) == (400, "gzip")
    assert "nonsense" in json.loads(gzip.decompress(body))["detail"]


def test_head_has_the_headers_of_get(url: str) -> None:
    for path in (QUERY, "/openapi.json", "/livez", f"{QUERY}&format=parquet"):
        for coding in ("identity", "gzip"):
            found = []
            for method in ("GET", "HEAD"):
                _, headers, body = ask(url, f"{method} {path}", accept_encoding=coding)
                found.append(
                    {n: v for n, v in headers.items() if n not in ("date", "x-request-id", "transfer-encoding")}
                )
                assert (method == "GET") is bool(body)
            assert found[0] == found[1]


def test_what_a_client_has_already_is_304_in_any_coding(url: str) -> None:
    tag = ask(url, f"GET {QUERY}", accept_encoding="gzip")[1]["etag"]
    for coding in ("gzip", "zstd", "identity"):
        status, headers, body = ask(url, f"GET {QUERY}", accept_encoding=coding, if_none_match=tag)
        assert (status, body, headers["etag"]) == (304, b"", tag)
        assert listed(headers["vary"]) == ["Accept", "Accept-Encoding"]
        assert "content-encoding" not in headers


def test_rows_can_be_read_before_the_answer_ends(url: str) -> None:
    with connected(url) as wire:
        wire.send(head(f"GET {ENDLESS}", accept_encoding="gzip"))
        response, unpacker = wire.answer(), zlib.decompressobj(31)
        text = b""
        while text.count(b"\n") < 1000:
            text += unpacker.decompress(response.read1())
        assert not unpacker.eof


def received(url: str, coding: str) -> bytes:
    """Return what came of an answer that broke."""
    with connected(url) as wire:
        wire.send(head(f"GET {BREAKING}", accept_encoding=coding))
        response = wire.answer()
        assert (response.status, response.headers.get("content-encoding", "identity")) == (200, coding)
        with pytest.raises((IncompleteRead, ConnectionResetError)) as broken:
            response.read()
    return broken.value.partial if isinstance(broken.value, IncompleteRead) else b""


@pytest.mark.parametrize("coding", ["identity", *PACKERS])
def test_an_answer_that_breaks_is_never_whole(url: str, coding: str) -> None:
    part = received(url, coding)
    assert part
    if coding == "identity":
        return
    with pytest.raises((EOFError, zlib.error, brotli.error, zstd.ZstdError)):
        UNPACK[coding](part)
    unpacker = UNPACKERS[coding]()
    rows = b"".join(unpacker.unpack(part)).count(b"\n")
    assert 0 < rows <= ROWS
    assert not unpacker.complete


CHUNKS = 50
NOISE = os.urandom(3 * PIECE)
TAKEN: list[int] = []


async def _stream(_request: Request) -> Response:
    async def chunks() -> Any:  # noqa: ANN401 - an asynchronous iterator
        for number in range(CHUNKS):
            TAKEN.append(number)
            yield NOISE

    return StreamingResponse(chunks(), media_type="text/plain")


async def _waiting(_request: Request) -> Response:
    async def chunks() -> Any:  # noqa: ANN401 - an asynchronous iterator
        yield b"a row\n"
        await anyio.sleep_forever()

    return StreamingResponse(chunks(), media_type="text/plain")


async def _tagged(_request: Request) -> Response:
    return Response(b"x" * 5000, headers={"ETag": '"strong"', "Content-Type": "text/plain"})


async def _coded(_request: Request) -> Response:
    return Response(b"x" * 5000, headers={"Content-Encoding": "compress", "Content-Type": "text/plain"})


ROUTER = Router()
for _path, _endpoint in (("/stream", _stream), ("/waiting", _waiting), ("/tagged", _tagged), ("/coded", _coded)):
    ROUTER.add_route(_path, _endpoint)


def run(path: str, most: int | None = None) -> list[Message]:
    """Answer a client that takes gzip, and of it `most` messages; it stays until all else waits for it."""
    sent: list[Message] = []

    async def serve() -> None:
        full = anyio.Event()

        async def receive() -> Message:
            await full.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == most:
                full.set()
                await anyio.sleep_forever()

        headers = [(b"accept-encoding", b"gzip")]
        scope: Scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        scope["fields"] = dict(headers)
        await Packed(ROUTER)(scope, receive, send)

    anyio.run(serve)
    return sent


def test_a_slow_client_holds_the_source_back() -> None:
    TAKEN.clear()
    sent = run("/stream", most=3)
    assert len(sent) == 3
    assert len(TAKEN) <= 2
    assert not any(message.get("more_body") is False for message in sent)


def test_a_row_is_not_held_back_until_there_are_more() -> None:
    _, body = run("/waiting", most=2)
    assert zlib.decompressobj(31).decompress(body["body"]) == b"a row\n"


def test_large_pieces_are_packed_in_smaller_ones() -> None:
    TAKEN.clear()
    sent = run("/stream")[1:]
    assert max(len(message["body"]) for message in sent) < 2 * PIECE
    assert gzip.decompress(b"".join(message["body"] for message in sent)) == NOISE * CHUNKS


def test_a_strong_tag_is_weak_once_the_answer_is_packed() -> None:
    headers = dict(run("/tagged")[0]["headers"])
    assert (headers[b"etag"], headers[b"content-encoding"]) == (b'W/"strong"', b"gzip")


def test_what_has_a_coding_keeps_it() -> None:
    start, body = run("/coded")
    assert dict(start["headers"])[b"content-encoding"] == b"compress"
    assert len(body["body"]) == 5000
