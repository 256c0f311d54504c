"""HTTP by hand: requests as bytes, for what no client library would send."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

SECONDS = 60.0
"""After which a test gives up waiting for the server."""


class _Reader(io.BufferedReader):
    """Goes on where an answer has ended, which closes what it was read from."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


class Wire:
    """A connection, of which answers are read one after another."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._reader = _Reader(socket.SocketIO(connection, "r"))

    def send(self, *parts: bytes) -> None:
        """Send bytes."""
        for part in parts:
            self.socket.sendall(part)

    def makefile(self, _mode: str) -> _Reader:
        """Return what HTTPResponse reads from."""
        return self._reader

    def answer(self, method: str = "GET") -> HTTPResponse:
        """Read an answer's head; its body is read from it."""
        me: Any = self  # as much of a socket as it takes
        response = HTTPResponse(me, method=method)
        response.begin()
        return response

    def line(self) -> bytes:
        """Read one line."""
        return self._reader.readline()

    def is_closed(self) -> bool:
        """Wait for the server to say more, and tell whether it has closed instead."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Hang up."""
        self._reader.end()
        self.socket.close()


@contextmanager
def connected(url: str, receive_buffer: int | None = None) -> Iterator[Wire]:
    """Lend a connection."""
    parts = urlsplit(url)
    with socket.socket() as connection:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(SECONDS)
        connection.connect((parts.hostname, parts.port))
        wire = Wire(connection)
        try:
            yield wire
        finally:
            wire.close()


def head(line: str, **headers: object) -> bytes:
    """Return the head of a request to localhost; `content_type` is Content-Type."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {"host": "localhost", **headers}.items()]
    return "\r\n".join([f"{line} HTTP/1.1", *lines, "", ""]).encode()


def ask(url: str, line: str, body: bytes = b"", /, **headers: object) -> tuple[int, dict[str, str], bytes]:
    """Send one request, and return the answer's status, headers (in lower case) and body."""
    if body:
        headers.setdefault("content_length", len(body))
    with connected(url) as wire:
        wire.send(head(line, **headers) + body)
        response = wire.answer(line.partition(" ")[0])
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
