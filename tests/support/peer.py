"""Another server, as well or badly behaved as a test has it."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, cast

JSON = "application/sparql-results+json"
ROWS = b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"uri","value":"urn:1"}},'
ROWS += b'{"x":{"type":"bnode","value":"b"}}]}}'


@dataclass(slots=True)
class Asked:
    """A request: its path, its header fields in lower case, and its body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Reply = Callable[[Asked, BinaryIO], None]


def reply(
    status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"", cut: int | None = None
) -> Reply:
    """Return what sends an answer with its length; with `cut`, only so many bytes of its body."""
    fields = {"Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    def send(_asked: Asked, out: BinaryIO) -> None:
        out.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body[:cut])

    return send


def typed(media_type: str, body: bytes, cut: int | None = None) -> Reply:
    """Return what sends a document."""
    return reply(200, {"Content-Type": media_type}, body, cut)


def moved(location: str, status: int = 302) -> Reply:
    """Return what sends a client elsewhere."""
    return reply(status, {"Location": location})


def raw(data: bytes) -> Reply:
    """Return what sends these bytes and leaves."""

    def send(_asked: Asked, out: BinaryIO) -> None:
        out.write(data)

    return send


def endless(media_type: str, chunk: bytes) -> Reply:
    """Return what sends the same again and again, until nobody takes it."""

    def send(_asked: Asked, out: BinaryIO) -> None:
        out.write(f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n\r\n".encode())
        while True:
            out.write(chunk)

    return send


def dripping(head: bytes, seconds: float = 0.02) -> Reply:
    """Return what sends a byte in so many seconds, until nobody takes it."""

    def send(_asked: Asked, out: BinaryIO) -> None:
        out.write(head)
        while True:
            out.write(b"x")
            time.sleep(seconds)

    return send


@dataclass(slots=True)
class Silence:
    """Answers nothing. `begun` is set when somebody asks, and `left` when he has gone."""

    begun: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    first: bytes = b""

    def __call__(self, asked: Asked, out: BinaryIO) -> None:
        """Send what comes `first`, and then wait for the client to leave."""
        out.write(self.first)
        self.begun.set()
        asked.headers["left"] = str(len(_rest(out)))
        self.left.set()


def _rest(out: BinaryIO) -> bytes:
    """Return what else a client sends until it closes its side."""
    try:
        return bytes(out.connection.recv(1 << 16))  # type: ignore[attr-defined] # see _Handler
    except OSError:
        return b""


class Peer:
    """A server on loopback: `replies` by path, and what it was `asked`. Without a reply it says 404."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        self._server = _Server(self, tls)
        self.port: int = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http{'s' if tls else ''}://{self.host}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def paths(self) -> list[str]:
        """Return the paths asked for, in order."""
        return [asked.path for asked in self.asked]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, peer: Peer, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.peer = peer
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Let clients leave."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        method, path, _ = self.rfile.readline().decode().split()
        lines = iter(lambda: self.rfile.readline().decode().strip(), "")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        asked = Asked(method, path, headers, self.rfile.read(int(headers.get("content-length", "0"))))
        self.server.peer.asked.append(asked)
        self.wfile.connection = self.connection  # type: ignore[attr-defined] # for Silence
        self.server.peer.replies.get(path, reply(404))(asked, cast("BinaryIO", self.wfile))
