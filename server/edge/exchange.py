"""One request and its answer: uvicorn's cycle, with another way out.

The head of an answer and what follows at once leave as one packet, where uvicorn would send two. Clients of HTTP/1.0
do not know chunks (RFC 9112, section 6.1): the end of their connection is that of an answer of unknown length, so one
that breaks off resets the connection instead.
"""

from __future__ import annotations

import asyncio
import logging
import re
import struct
from collections.abc import Callable
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from uvicorn._types import HTTPScope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.server import ServerState

_LOG = logging.getLogger("uvicorn.error")
_RESET = struct.pack("ii", 1, 0)  # linger for no time
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_CONTENT = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_Headers = list[tuple[bytes, bytes]]


class Exchange(RequestResponseCycle):
    """An exchange, as uvicorn has it; of what that needs, this has what is not left to methods of its own."""

    task: asyncio.Task[None] | None = None
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    _head = b""  # of the answer, held back
    _ends_with_connection = False
    _waits_for_body = True  # before it closes: who still sends would be reset, and not see the answer

    def __init__(
        self,
        scope: HTTPScope,
        transport: asyncio.Transport,
        flow: FlowControl,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        on_response: Callable[[], None],
        *,
        keep_alive: bool,
        expects_100_continue: bool,
    ) -> None:
        # uvicorn's own is not called: it would set what is above anew for each request.
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.on_response = on_response
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100_continue
        self.message_event = asyncio.Event()
        self.body = bytearray()
        self._state = state
        self._loop = loop
        self._has_body = scope["method"] != "HEAD"

    def start(self, app: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """Run the application in a task."""
        self.task = self._loop.create_task(self.run_asgi(app))
        self._state.tasks.add(self.task)

    async def run_asgi(self, app: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """Run the application. Where it fails, its failure is the answer, or that breaks off."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:
            _LOG.exception("Exception in ASGI application\n")
            await self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                _LOG.error("the application ended before its answer")
                await self._fail()
        finally:
            self.on_response = _nothing
            if self.task is not None:
                self._state.tasks.discard(self.task)

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
        lines = [b"%b: %b\r\n" % header for header in (*self._state.default_headers, *headers)]
        self._head = b"".join([STATUS_LINE[status], *lines, self._framing(status, dict(headers)), b"\r\n"])
        self._loop.call_soon(self._flush)

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
