"""What a client may send and how long it may take, by hand over real sockets."""

from __future__ import annotations

import asyncio
import json
import select
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from http.client import IncompleteRead
from urllib.parse import urlencode

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from server.edge.connections import HEADER_BYTES, URL_BYTES, connection_class
from server.settings import Settings
from tests.server.building import MODEL
from tests.support.raw import SECONDS, Wire, ask, connected, head
from tests.support.service import serving

QUERY = "/query?query=ASK%20%7B%7D"
ENDLESS = "/query?" + urlencode(
    {"query": "SELECT * { ?a ?p ?b . ?c ?q ?d . ?e ?r ?f . ?g ?s ?h . ?i ?t ?j . ?k ?u ?l }", "format": "csv"}
)
CSV = {"content_type": "text/csv"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("patient") / "data", readers=1) as service:
        yield service.url


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with little patience for those who ask."""
    patience = {"header_seconds": 1, "keep_alive_seconds": 0.5}
    with serving(tmp_path_factory.mktemp("hasty") / "data", readers=1, **patience) as service:
        assert ask(service.url, "POST /models?name=s.ttl", MODEL, content_type="text/turtle")[0] == 200
        yield service.url


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with little patience for those who do not read."""
    data = tmp_path_factory.mktemp("sending") / "data"
    with serving(data, readers=1, send_seconds=1, query_seconds=600) as service:
        assert ask(service.url, "POST /models?name=s.ttl", MODEL, content_type="text/turtle")[0] == 200
        yield service.url


def refusal(wire: Wire) -> int:
    """Read a problem that ends a connection, and return its status."""
    response = wire.answer()
    document = json.loads(response.read())
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"
    assert document["status"] == response.status
    assert document["detail"]
    assert wire.is_closed()
    return response.status


def refused(url: str, *parts: bytes) -> int:
    with connected(url) as wire:
        wire.send(*parts)
        return refusal(wire)


# Size


@pytest.mark.parametrize("size", [20_000, URL_BYTES - 200])
def test_a_long_query_fits_in_a_url(url: str, size: int) -> None:
    assert ask(url, f"GET {QUERY}%23{'x' * size}")[0] == 200


@pytest.mark.parametrize("size", [URL_BYTES, 10 * URL_BYTES])
def test_a_longer_url_is_414(url: str, size: int) -> None:
    assert refused(url, head(f"GET {QUERY}%23{'x' * size}")) == 414
    assert refused(url, f"GET {QUERY}%23{'x' * size}".encode()) == 414


def test_headers_may_be_many(url: str) -> None:
    assert ask(url, f"GET {QUERY}", **{f"x_{n}": "y" * 90 for n in range(300)})[0] == 200


def test_more_headers_are_431(url: str) -> None:
    assert refused(url, head(f"GET {QUERY}", cookie="y" * HEADER_BYTES)) == 431
    assert refused(url, head(f"GET {QUERY}", **{f"x_{n}": "y" * 90 for n in range(600)})) == 431


def test_a_header_that_never_ends_is_431(url: str) -> None:
    with connected(url) as wire:
        wire.send(head(f"GET {QUERY}")[:-2] + b"Cookie: ")
        while not select.select([wire.socket], [], [], 0)[0]:
            wire.send(b"y" * 10_000)
        assert refusal(wire) == 431


def test_headers_that_do_not_end_are_431(url: str) -> None:
    assert refused(url, head(f"GET {QUERY}", **{f"x_{n}": "y" * 90 for n in range(400)})[:-2]) == 431


@pytest.mark.parametrize("target", ["http://localhost/livez", "/livez?a=b#c", "/%6Civez", "//livez/../livez"])
def test_targets_in_other_forms(url: str, target: str) -> None:
    assert ask(url, f"GET {target}")[0] == (404 if target.startswith("//") else 200)


def test_a_target_in_full_names_the_server_whatever_host_says(url: str) -> None:
    for path in (QUERY, "", "?"):
        assert ask(url, f"GET http://localhost:1{path}", host="evil.example")[0] == 200
    status, _, body = ask(url, f"GET http://evil.example{QUERY}")
    assert (status, json.loads(body)["type"]) == (403, "urn:twinhouse:problem:unknown-host")
    assert refused(url, head(f"GET http://a@b@c{QUERY}")) == 400


@pytest.mark.parametrize(
    "request_head",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400(url: str, request_head: bytes) -> None:
    assert refused(url, request_head) == 400


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip", "identity"])
def test_other_transfer_codings_are_501(url: str, coding: str) -> None:
    assert refused(url, head("POST /readings", transfer_encoding=coding)) == 501


def test_headers_behind_a_body_are_left_out(url: str) -> None:
    start = head("POST /query", content_type="application/sparql-query", transfer_encoding="chunked")
    trailers = b"Content-Type: text/csv\r\n" + b"X: y\r\n" * 10_000
    with connected(url) as wire:
        for _ in range(2):
            wire.send(start + b"6\r\nASK {}\r\n0\r\n" + trailers + b"\r\n")
            assert b'"boolean":true' in wire.answer().read()


@pytest.mark.parametrize("start", [b"6\r\nASK {}\r\n0\r\nX: ", b"6;x="])
def test_what_never_ends_around_a_body_is_431(url: str, start: bytes) -> None:
    with connected(url) as wire:
        wire.send(head("POST /query", content_type="application/sparql-query", transfer_encoding="chunked") + start)
        while not select.select([wire.socket], [], [], 0)[0]:
            wire.send(b"y" * 10_000)
        assert refusal(wire) == 431


def test_a_body_that_is_not_http_is_400(url: str) -> None:
    start = head("POST /readings", content_type="text/csv", transfer_encoding="chunked")
    assert refused(url, start + b"5\r\nid,ti\r\n", b"five\r\n") == 400


def test_nonsense_sent_ahead_breaks_the_answer_under_way(sending: str) -> None:
    with connected(sending) as wire:
        wire.send(head(f"GET {ENDLESS}"))
        response = wire.answer()
        assert response.read(1000)
        wire.send(head("GET /livez") + b"nonsense\r\n\r\n")
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            response.read()
    while busy(sending):
        pass  # the test's own time limit ends a wait in vain


def answer_of_1_0(url: str, target: str) -> tuple[bytes, bytes]:
    """Return head and body of an answer that ends with its connection."""
    with connected(url) as wire:
        wire.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        received = b"".join(iter(partial(wire.socket.recv, 1 << 16), b""))
    found, _, body = received.partition(b"\r\n\r\n")
    return found, body


def test_http_1_0_gets_no_chunks(url: str) -> None:
    values = " ".join(f'"{number}0\r\n\r\n"' for number in range(30_000)).replace("\r", "\\r").replace("\n", "\\n")
    assert (
        ask(
            url,
            "POST /update",
            f"INSERT DATA {{ <urn:a:s> <urn:a:p> {values.replace(' ', ', ')} }}".encode(),
            content_type="application/sparql-update",
        )[0]
        == 204
    )
    target = "/query?" + urlencode({"query": "SELECT ?o { <urn:a:s> <urn:a:p> ?o }", "format": "csv"})
    found, body = answer_of_1_0(url, target)
    assert b"chunked" not in found.lower()
    assert body == ask(url, f"GET {target}")[2]


def test_an_answer_in_http_1_0_that_breaks_off_resets_the_connection(sending: str) -> None:
    short = f"{ENDLESS}&timeout=2"
    with pytest.raises(ConnectionResetError):
        answer_of_1_0(sending, short)


def test_http_1_0_needs_no_host(url: str) -> None:
    with connected(url) as wire:
        wire.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert wire.answer().status == 200


@pytest.mark.parametrize("line", [b"GET /livez HTTP/2.0", b"GET /livez"])
def test_other_versions_of_http_are_505(url: str, line: bytes) -> None:
    assert refused(url, line + b"\r\nHost: localhost\r\n\r\n") == 505


def test_http_1_0_knows_no_100(url: str) -> None:
    start = head("POST /query", content_type="application/sparql-query", content_length=6, expect="100-continue")
    with connected(url) as wire:
        wire.send(start.replace(b"HTTP/1.1", b"HTTP/1.0") + b"ASK {}")
        assert wire.line() == b"HTTP/1.1 200 OK\r\n"


def test_an_offer_of_another_protocol_is_not_taken(url: str) -> None:
    offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAMAAABkAAQAAP__"}
    assert ask(url, f"GET {QUERY}", **offer)[0] == 200
    kind = "application/sparql-query"
    assert ask(url, "POST /query", b"ASK {}", content_type=kind, **offer)[0] == 200


# Time


@pytest.mark.parametrize("part", [b"G", b"GET /livez HTTP/1.1\r\nHost: loc", b"\r\n"])
def test_half_a_head_is_408(hasty: str, part: bytes) -> None:
    assert refused(hasty, part) == 408


def test_a_head_that_drips_is_408(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head(f"GET {QUERY}")[:-2])
        while not select.select([wire.socket], [], [], 0.05)[0]:
            wire.send(b"a: b\r\n")
        assert refusal(wire) == 408


def test_a_client_that_says_nothing_is_left(hasty: str) -> None:
    with connected(hasty) as wire:
        assert wire.is_closed()


def test_an_idle_connection_is_closed(hasty: str) -> None:
    with connected(hasty) as wire:
        for _ in range(3):
            wire.send(head("GET /livez"))
            assert wire.answer().read() == b'{"status":"live"}'
        assert wire.is_closed()


def test_a_connection_that_is_used_now_and_then_stays_open(hasty: str) -> None:
    with connected(hasty) as wire:
        for _ in range(8):  # for longer than it may be idle
            wire.send(head("GET /livez"))
            assert wire.answer().read() == b'{"status":"live"}'
            time.sleep(0.1)
        assert wire.is_closed()


def test_the_next_head_has_its_own_time(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head("GET /livez"))
        wire.answer().read()
        wire.send(b"GET /livez HTTP/1.1\r\n")
        assert refusal(wire) == 408


def test_a_body_that_nobody_reads_is_not_waited_for(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head("POST /check", content_length=1 << 20))
        assert wire.answer().read().startswith(b'{"ok"')
        wire.send(b"#")
        assert wire.is_closed()


def test_a_body_that_nobody_reads_may_come_and_then_another_request(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head("POST /check", content_length=100_000))
        response = wire.answer()
        response.read()
        wire.send(b"#" * 100_000 + head("GET /livez"))
        assert wire.answer().read() == b'{"status":"live"}'
        assert wire.is_closed()


def test_who_is_refused_while_it_sends_sees_why_before_the_connection_closes(hasty: str) -> None:
    size = 16 << 20  # more than what lies in sockets
    with connected(hasty) as wire:
        wire.send(head("POST /nothing", content_length=size, connection="close"), b"#" * size)
        assert refusal(wire) == 404


def test_requests_may_be_sent_ahead(hasty: str) -> None:
    with connected(hasty) as wire:
        wire.send(head(f"GET {QUERY}") + head("GET /livez") + b"GET /nothing HTT")
        assert b'"boolean":true' in wire.answer().read()
        assert wire.answer().read() == b'{"status":"live"}'
        assert refusal(wire) == 408


def test_a_slow_answer_is_none_of_the_clients_doing(hasty: str) -> None:
    slow = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o . ?p ?q ?r }"
    assert ask(hasty, "GET /query?" + urlencode({"query": slow, "timeout": 1.5}))[0] == 504


# An answer that nobody takes


def busy(url: str) -> bool:
    return b"\ntwinhouse_readers_busy 0.0\n" not in ask(url, "GET /metrics")[2]


def test_a_client_that_leaves_after_it_sent_ahead_frees_the_reader(sending: str) -> None:
    with connected(sending) as wire:
        wire.send(head(f"GET {ENDLESS}") + head(f"GET {ENDLESS}"))
        assert wire.answer().read(1000)
    while busy(sending):
        pass  # the test's own time limit ends a wait in vain


@asynccontextmanager
async def hosted(app: ASGIApp, state: ServerState, settings: Settings) -> AsyncIterator[str]:
    """Serve an application inside this process; gives its URL."""
    protocol = connection_class(settings)
    config = uvicorn.Config(app, http=protocol, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    make = partial(protocol, config=config, server_state=state, app_state={}, _loop=loop)
    server = await loop.create_server(make, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_a_client_that_does_not_read_the_end_is_cut_off(connection: str) -> None:
    state = ServerState()

    async def fill(_scope: Scope, _receive: Receive, send: Send) -> None:
        """Send until the kernel takes no more, and end there."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        [mine] = state.connections
        while not mine.transport.get_write_buffer_size():
            await send({"type": "http.response.body", "body": bytes(1000), "more_body": True})
        await send({"type": "http.response.body"})

    async def ask_and_wait() -> None:
        async with hosted(fill, state, Settings(send_seconds=0.2)) as url:
            with connected(url, receive_buffer=4096) as wire:
                wire.send(head("GET /", connection=connection))
                while not state.total_requests or state.connections:
                    await asyncio.sleep(0.01)  # the test's own time limit ends a wait in vain

    asyncio.run(ask_and_wait())


def test_a_client_that_reads_slowly_is_not() -> None:
    state = ServerState()

    async def endless(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(60_000), "more_body": True})
            await asyncio.sleep(0)  # for a client that has left, uvicorn's send never lets anybody else have a turn

    def read(url: str) -> None:
        """Take 3 s over what comes, so little at a time that the server can send no more."""
        with connected(url) as wire:
            wire.send(head("GET /"))
            for _ in range(30):
                assert wire.socket.recv(10_000)
                time.sleep(0.1)
            assert len(state.connections) == 1

    async def ask_and_read() -> None:
        async with hosted(endless, state, Settings(send_seconds=1)) as url:
            await asyncio.to_thread(read, url)

    asyncio.run(ask_and_read())


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_client_that_does_not_read_is_cut_off_and_frees_the_reader(sending: str, coding: str) -> None:
    with connected(sending, receive_buffer=4096) as wire:
        wire.send(head(f"GET {ENDLESS}", accept_encoding=coding))
        response = wire.answer()
        assert response.status == 200
        while busy(sending):
            pass  # the test's own time limit ends a wait in vain
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            response.read()


# Connections


def test_one_connection_too_many_is_503_until_there_is_room(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("crowd") / "data"
    with serving(data, readers=1, connections=3) as service, ExitStack() as stack:
        assert ask(service.url, "GET /readyz")[0] == 200
        crowd = [stack.enter_context(connected(service.url)) for _ in range(3)]
        for wire in crowd:
            wire.send(head("POST /readings", **CSV, content_length=100, expect="100-continue"))
            assert wire.line() + wire.line() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert refused(service.url, head("GET /livez")) == 503
        crowd[0].close()
        while refusing(service.url):
            pass


def test_idle_connections_make_room(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("idle") / "data"
    with serving(data, readers=1, connections=3) as service, ExitStack() as stack:
        crowd = [stack.enter_context(connected(service.url)) for _ in range(3)]
        for wire in crowd:
            wire.send(head("GET /livez"))
            wire.answer().read()
        assert ask(service.url, "GET /livez")[0] == 200
        closed, _, _ = select.select([wire.socket for wire in crowd], [], [], SECONDS)
        assert len(closed) == 1


def refusing(url: str) -> bool:
    return ask(url, "GET /livez")[0] == 503
