"""What leaves for a client, in which pieces, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from server.edge.connections import connection_class
from server.settings import Settings

Work = Callable[[Send], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}
UNKNOWN = {"type": "http.response.start", "status": 200, "headers": []}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def written(work: Work, version: str = "1.1", method: str = "GET") -> tuple[list[bytes], bytes]:
    """Return what is written for an answer, piece by piece; and what its client receives."""
    state, pieces = ServerState(), list[bytes]()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        [connection] = state.connections
        write = connection.transport.write

        def noted(data: bytes | bytearray | memoryview) -> None:
            pieces.append(bytes(data))
            write(data)

        connection.transport.write = noted  # type: ignore[method-assign] # to see what leaves at once
        await work(send)

    received = asyncio.run(_asked(app, state, f"{method} / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"))
    return pieces, received


async def _asked(app: ASGIApp, state: ServerState, request: str) -> bytes:
    protocol = connection_class(Settings())
    config = uvicorn.Config(app, http=protocol, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    make = partial(protocol, config=config, server_state=state, app_state={}, _loop=loop)
    async with await loop.create_server(make, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(request.encode())
        received = await reader.read()
        writer.close()
    return received


async def whole(send: Send) -> None:
    await send(START)
    await send(body(b"body"))


async def chunks(send: Send) -> None:
    await send(UNKNOWN)
    for text in (b"one", b"", b"three"):
        await send(body(text, more=True))
    await send(body(b""))


def test_head_and_body_are_one_piece() -> None:
    [piece], received = written(whole)
    assert piece == received == b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody"


def test_a_head_alone_waits_for_no_more_than_a_turn_of_the_loop() -> None:
    async def slow(send: Send) -> None:
        await send(START)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await send(body(b"body"))

    pieces, _ = written(slow)
    assert [piece[-4:] for piece in pieces] == [b"\r\n\r\n", b"body"]


def test_what_is_of_unknown_length_is_in_chunks() -> None:
    pieces, received = written(chunks)
    assert b"".join(pieces) == received
    assert received.partition(b"\r\n\r\n")[2] == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
    assert b"transfer-encoding: chunked\r\n" in received


def test_in_http_1_0_it_ends_with_the_connection() -> None:
    _, received = written(chunks, "1.0")
    assert received.partition(b"\r\n\r\n")[2] == b"onethree"
    assert b"chunked" not in received


@pytest.mark.parametrize("work", [whole, chunks])
def test_head_has_no_body(work: Work) -> None:
    _, received = written(work, method="HEAD")
    assert received.endswith(b"\r\n\r\n")
    assert received.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body_and_say_so(status: int) -> None:
    async def empty(send: Send) -> None:
        await send({**UNKNOWN, "status": status})
        await send(body(b""))

    _, received = written(empty)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert b"chunked" not in received


@pytest.mark.parametrize("parts", [(b"bodies",), (b"bo",), (b"body", b"!")])
def test_another_length_than_was_said_is_never_sent_as_a_whole(parts: tuple[bytes, ...]) -> None:
    async def wrong(send: Send) -> None:
        await send(START)
        for part in parts[:-1]:
            await send(body(part, more=True))
        await send(body(parts[-1]))

    assert len(written(wrong)[1].partition(b"\r\n\r\n")[2]) <= len(b"body")


async def _control(send: Send) -> None:
    await send({**START, "headers": [(b"location", b"a\r\nset-cookie: b")]})


async def _nothing(_send: Send) -> None:
    pass


async def _early(send: Send) -> None:
    await send(body(b"body"))


@pytest.mark.parametrize("work", [_control, _nothing, _early])
def test_what_is_no_answer_is_500(work: Work) -> None:
    assert written(work)[1].startswith(b"HTTP/1.1 500 ")


def test_an_answer_that_breaks_off_in_http_1_0_resets_the_connection() -> None:
    async def broken(send: Send) -> None:
        await send(UNKNOWN)
        await send(body(b"some", more=True))
        raise ValueError("it breaks")

    with pytest.raises(ConnectionResetError):
        written(broken, "1.0")
