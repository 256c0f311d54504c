"""One request and its answer: uvicorn's cycle, with another way out.

The head of an answer and what follows at once leave as one packet, where uvicorn would send two. Clients of HTTP/1.0
do not know chunks (RFC 9112, section 6.1): the end of their connection is that of an answer of unknown length, so one
that breaks off resets the connection instead.
"""

from __future__ import annotations

import re
import struct
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_RESET = struct.pack("ii", 1, 0)  # linger for no time
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_CONTENT = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_Headers = list[tuple[bytes, bytes]]


class Exchange(RequestResponseCycle):
    """An exchange, whose `later` calls something at the end of this turn of the loop."""

    def __init__(self, later: Any, **named: Any) -> None:  # noqa: ANN401 - as the loop and uvicorn have it
        super().__init__(**named)
        self._later = later
        self._head = b""  # of the answer, held back
        self._has_body = self.scope["method"] != "HEAD"
        self._ends_with_connection = False
        self._waits_for_body = True  # before it closes: who still sends would be reset, and not see the answer

    async def run_asgi(self, app: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """Run the application. Where it fails, its failure is the answer, or that breaks off."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            await self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                self.logger.error("the application ended before its answer")
                await self._fail()
        finally:
            self.on_response = _nothing

    async def send(self, message: Any) -> None:  # noqa: ANN401 - a message of ASGI
        """Send a part of the answer, once the client takes more. Nothing is done for one that has left."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started and message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
        elif self.response_started and not self.response_complete and message["type"] == "http.response.body":
            self._go_on(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} comes at the wrong time")

    def _begin(self, status: int, headers: _Headers) -> None:
        """Hold the head back until its body begins, or the loop has had a turn."""
        if _CONTROL.search(b" ".join([value for _, value in headers])):
            raise RuntimeError("a header has a control character")
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % header for header in (*self.default_headers, *headers)]
        self._head = b"".join([STATUS_LINE[status], *lines, self._framing(status, dict(headers)), b"\r\n"])
        self._later(self._flush)

    def _framing(self, status: int, known: dict[bytes, bytes]) -> bytes:
        """Choose how the answer ends (RFC 9112, section 6.3), and return the lines that say so."""
        lines = b""
        if b"close" in known.get(b"connection", b""):
            self.keep_alive = self._waits_for_body = False
        elif not self.keep_alive:
            lines = b"connection: close\r\n"
        self._has_body = self._has_body and status not in _NO_CONTENT
        if not self._has_body:
            return lines
        if (length := known.get(b"content-length")) is not None:
            self.expected_content_length = int(length)
        elif self.scope["http_version"] == "1.0":
            self._ends_with_connection, self._waits_for_body = True, False
        else:
            self.chunked_encoding = True
            lines += b"transfer-encoding: chunked\r\n"
        return lines

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.transport.write(head)

    def _go_on(self, body: bytes, *, more: bool) -> None:
        data, self._head = self._head + self._framed(body, more=more), b""
        if data:
            self.transport.write(data)
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive and not (self.more_body and self._waits_for_body):
                self.transport.close()
            self.on_response()

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        if not self._has_body:
            return b""
        if self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + b"0\r\n\r\n"
        if not self._ends_with_connection:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("the answer has another length than its head says")
        return body

    async def _fail(self) -> None:
        """Say so, or else close the connection so that no client takes a part for the whole."""
        if not self.response_started:
            await self.send_500_response()
        elif self._ends_with_connection and not self.response_complete:
            self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
            self.transport.abort()
        else:
            self._flush()
            self.transport.close()


def _nothing() -> None:
    """Do nothing, for an answer that has been told of."""
