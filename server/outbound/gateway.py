"""The gateway: a small HTTP server on loopback, for the engine alone.

The engine asks it where a text says SERVICE or LOAD. Each of these has an address of its own there that nobody can
guess, for as long as its query lasts. Every answer is there as a whole, and has its length, before its head is sent.
"""

from __future__ import annotations

import logging
import os
import secrets
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import IO

from storage.errors import StorageError

_LOG = logging.getLogger("twinhouse.outbound")
_POLL = 0.1  # seconds; how soon it sees that it is to stop
_PATIENCE = 60.0  # seconds for the engine to send a request
_CHUNK = 1 << 16
_LONGEST = 32 << 20  # bytes of a query


class Kept:
    """An answer that is there as a whole. Several may read it at once; who closes it ends them all."""

    def __init__(self, media_type: str, body: IO[bytes]) -> None:
        self.media_type = media_type
        self.size = body.seek(0, os.SEEK_END)
        self._body = body
        self._reading = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, self.size, _CHUNK):
            with self._reading:
                self._body.seek(at)
                chunk = self._body.read(_CHUNK)
            yield chunk

    def close(self) -> None:
        self._body.close()


Source = Callable[[bytes], Kept]  # takes the body of the engine's request; raises StorageError for no answer


class Gateway:
    """Serves from its making until `close`. Closing twice is fine."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._server = _Server(self._sources)
        self._url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), name="gateway", daemon=True)
        self._thread.start()

    def open(self, source: Source) -> str:
        """Return the IRI at which the engine gets what `source` returns, until `shut`."""
        secret = secrets.token_hex(16)  # its letters can form no keyword
        self._sources[secret] = source
        return self._url + secret

    def shut(self, iri: str) -> None:
        """Let an IRI be nothing any more."""
        self._sources.pop(iri.removeprefix(self._url), None)

    def close(self) -> None:
        """Stop listening. Answers on their way go on."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def failed(iri: str) -> str:
    """Return the media type that stands for a failure at this IRI.

    The engine cannot read an answer of this type, and its error has the type's name. It would take an HTTP status
    for a failure too, but that error cannot be told from one of the disk.
    """
    return f"application/x-failed-{iri.rpartition('/')[2]}"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sources: dict[str, Source]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sources = sources

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as the base has it
        """Let an engine go that was killed before it had its answer; log anything else."""
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):  # ValueError: the lease has closed the body
            _LOG.exception("the gateway failed")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    server: _Server

    def do_GET(self) -> None:
        """Answer a LOAD."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a SERVICE."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LONGEST:
            self._fail(413)
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, sent: bytes) -> None:
        secret = self.path.removeprefix("/")
        source = self.server.sources.get(secret)
        if source is None:
            self._fail(404)
            return
        try:
            kept = source(sent)
        except StorageError:
            self._head(200, failed(secret), 0)
            return
        self.connection.settimeout(None)  # the engine may wait for its client; one that is killed closes its side
        self._head(200, kept.media_type, kept.size)
        for chunk in kept:
            self.wfile.write(chunk)

    def _fail(self, status: int) -> None:
        self._head(status, "text/plain", 0)

    def _head(self, status: int, media_type: str, size: int) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(size))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing: what was asked is logged where it is asked."""
