from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from server.edge.joining import Joining

Buffer = bytes | bytearray | memoryview
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


async def written(write: Callable[[Joining], None]) -> list[bytes]:
    """Return what a transport to a real socket is given, and in how many parts; what arrives is the same."""
    arrived = asyncio.Queue[bytes]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.put_nowait(await reader.read())
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname()[:2])
        parts: list[bytes] = []
        send = transport.write

        def noted(data: Buffer) -> None:
            parts.append(bytes(data))
            send(data)

        transport.write = noted  # type: ignore[method-assign] # to see what goes out at once
        write(Joining(transport, loop))
        await asyncio.sleep(0)  # a turn of the loop
        with suppress(OSError):
            transport.write_eof()
        assert await arrived.get() == b"".join(parts)
        transport.close()
    return parts


def test_head_and_body_are_one_piece() -> None:
    def write(joined: Joining) -> None:
        joined.write(HEAD)
        joined.write(b"body")
        joined.write(b"more")

    assert asyncio.run(written(write)) == [HEAD + b"body", b"more"]


def test_a_head_alone_waits_for_no_more_than_a_turn_of_the_loop() -> None:
    assert asyncio.run(written(lambda joined: joined.write(HEAD))) == [HEAD]


@pytest.mark.parametrize("end", ["close", "write_eof"])
def test_a_head_is_sent_before_the_end(end: str) -> None:
    def write(joined: Joining) -> None:
        joined.write(HEAD)
        getattr(joined, end)()

    assert asyncio.run(written(write)) == [HEAD]


def test_heads_of_answers_in_a_row_stay_in_order() -> None:
    def write(joined: Joining) -> None:
        for _ in range(2):
            joined.write(HEAD)
            joined.write(b"body")
        joined.write(HEAD)
        joined.write(HEAD)

    assert asyncio.run(written(write)) == [HEAD + b"body"] * 2 + [HEAD + HEAD]
