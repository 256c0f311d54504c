"""Answers of unknown length for clients of HTTP/1.0, which do not know the chunks of uvicorn (RFC 9112, 6.1)."""

from __future__ import annotations

import asyncio
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

_HEADER = b"transfer-encoding: chunked\r\n"
_RESET = struct.pack("ii", 1, 0)  # linger for no time
_END = b"0\r\n\r\n"


class Unchunked:
    """A transport of one answer, whose end is that of the connection; one that breaks off resets it instead."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._has_begun = False
        self._is_open = False  # chunks are due, so that an end now would not be the answer's

    def write(self, data: bytes) -> None:
        """Write what uvicorn does at a time: a head, or a chunk, the last with the end behind it."""
        if not self._has_begun:
            self._has_begun, self._is_open = True, _HEADER in data
            self._transport.write(data.replace(_HEADER, b"", 1))
        elif self._is_open:
            self._write_chunk(data)
        else:
            self._transport.write(data)

    def _write_chunk(self, data: bytes) -> None:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        self._is_open = not (length == 0 or rest.endswith(_END, length + 2))
        if length:
            self._transport.write(rest[:length])

    def close(self) -> None:
        """Close where all was sent, else break."""
        if self._is_open:
            socket = self._transport.get_extra_info("socket")
            socket.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)  # else the kernel ends it as if all were well
            self._transport.abort()
        else:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the transport has it
        return getattr(self._transport, name)
