"""A connection: uvicorn's, with a bound on what its client may send before a request is known, and on every wait.

What uvicorn has no limit for: the head of a request (size, time), the rest of a body that nobody reads, an answer
that its client does not take, and the number of connections. The time that a body takes is bounded in `bodies`.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import struct
import termios
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.edge.exchange import Exchange
from server.errors import MEDIA_TYPE, Problem, bad_request
from server.settings import Settings

URL_BYTES = 64 << 10
HEADER_BYTES = 32 << 10
_LINGER_SECONDS = 2.0
_REFUSED = 64  # connections above the limit that are told so; further ones are closed without a word
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]*)(:[0-9]*)?")
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_QUEUED = struct.Struct("i")


class Connection(HttpToolsProtocol):
    """Speaks HTTP/1.1 with one client, and nothing else: no WebSocket."""

    settings: Settings

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        super().__init__(*arguments, **named)
        self._in_head = True  # of the first request, or of the next one, which has begun or not
        self._begun = False
        self._head_bytes = 0  # of it that are known to have come
        self._header_bytes = 0
        self._hosts = 0
        self._refusal: Problem | None = None
        self._ended = False
        self._client_timer: asyncio.TimerHandle | None = None  # for its head, or the rest of a body that nobody reads
        self._answered: RequestResponseCycle | None = None  # the latest that was begun; `cycle` may be a later one
        self._send_timer: asyncio.TimerHandle | None = None
        self._watched: RequestResponseCycle | None = None
        self._queued = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections and none that can be spared."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.connections + _REFUSED:
            self.transport.abort()
        elif len(self.connections) > self.settings.connections and not self._make_room():
            detail = f"there are {self.settings.connections:,} connections already"
            self._refuse(Problem(503, "overloaded", detail, hint="try again", headers={"Retry-After": "1"}))
        else:
            self._expect(self._end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._ended = True
        self._expect(None)
        self._watch_sending(False)
        super().connection_lost(exc)
        self._abandon()

    def _abandon(self) -> None:
        """Tell the application that its client is gone: uvicorn tells it of the latest request alone."""
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        self._answered = cycle
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _make_room(self) -> bool:
        """Close a connection that waits for its next request."""
        for other in self.connections:
            if isinstance(other, Connection) and other.is_idle():
                other.transport.close()
                self.connections.discard(other)
                return True
        return False

    def is_idle(self) -> bool:
        """Tell whether it has been of use, and is of none now."""
        return self.cycle is not None and self.cycle.response_complete and self._in_head and not self._begun

    def _expect(self, late: Callable[[], None] | None) -> None:
        """Give the client time for what it is to send now, or (None) stop the clock."""
        if self._client_timer is not None:
            self._client_timer.cancel()
        self._client_timer = self.loop.call_later(self.settings.header_seconds, late) if late else None

    # What comes in

    def data_received(self, data: bytes) -> None:
        """Read on; the bytes that a refused client still sends are dropped."""
        if self._ended:
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except HttpParserError as error:
            self.send_400_response(str(error))
        if self._in_head and (self._begun or self._head_bytes) and not self._ended:
            self._go_on_waiting()

    def _go_on_waiting(self) -> None:
        """Wait for the rest of a head, unless it is too large already."""
        if self._head_bytes > URL_BYTES + HEADER_BYTES:
            self._refuse(_too_large_head())
        elif self._client_timer is None:
            self._expect(self._end_head)

    def _decline(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 where a client offered another protocol (RFC 9110, section 7.8).

        Its parser would leave the body out. Java's client makes that offer with its first request.
        """
        headers = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        line = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self.parser = HttpRequestParser(self)
        self.data_received(b"".join([line, *headers, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.url, self.headers = b"", []
        self.expect_100_continue = False
        self._begun = True
        self._header_bytes = self._hosts = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        self.url += url
        if len(self.url) > URL_BYTES:
            hint = "send the query as the body of a POST"
            self._raise(Problem(414, "url-too-long", f"the URL is longer than {URL_BYTES >> 10} KiB", hint=hint))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line."""
        name = name.lower()
        self.headers.append((name, value))
        self._header_bytes += len(name) + len(value) + 4  # the colon, a space and the line's end
        if name == b"host":
            self._hosts += 1 if _HOST.fullmatch(value) else 2
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            self._raise(Problem(501, "not-implemented", "of transfer codings only chunked is known (RFC 9112, 7)"))
        if self._header_bytes > HEADER_BYTES:
            self._raise(_too_large_head())

    def on_headers_complete(self) -> None:
        """Start the request that the head describes, or put it behind those that its client sent before."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._raise(bad_request("this server is no proxy"))
        if self.parser.should_upgrade():
            return  # `_decline` will have another parser come here
        if self._hosts > 1 or (not self._hosts and version == "1.1"):
            self._raise(bad_request("a request has one Host, which is a name with or without a port (RFC 9112, 3.2)"))
        self._in_head = self._begun = False
        self._head_bytes = 0
        if self._client_timer is not None:
            self._expect(None)
        before, self.cycle = self.cycle, self._exchange(method.decode(), version)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _exchange(self, method: str, version: str) -> Exchange:
        url = parse_url(self.url)
        path = url.path.decode("ascii")
        return Exchange(
            self.loop.call_soon,
            scope={
                "type": "http",
                "asgi": _ASGI,
                "http_version": version,
                "server": self.server,
                "client": self.client,
                "scheme": self.scheme,
                "method": method,
                "root_path": "",
                "path": unquote(path) if "%" in path else path,
                "raw_path": url.path,
                "query_string": url.query or b"",
                "headers": self.headers,
                "state": self.app_state.copy(),
            },
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_message_complete(self) -> None:
        """End a request; where it was answered before, the next one may come, or the connection ends."""
        if self.parser.should_upgrade():
            return
        self._in_head = True
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        elif not self.cycle.keep_alive:
            self.transport.close()
        else:
            self._expect(None)
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the end of this one: not for as long as its client likes."""
        super().on_response_complete()
        if self._begun:
            self._unset_keepalive_if_required()
        if not self._in_head and self.cycle.response_complete:
            self._expect(self.transport.abort)
        if self.transport.get_write_buffer_size() and self._send_timer is None:
            self._watch_sending(True)

    # What is refused before it is a request

    def _raise(self, problem: Problem) -> None:
        """Stop the parser, which then calls send_400_response."""
        self._refusal = problem
        raise problem

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser did not take."""
        self._refuse(self._refusal or bad_request(f"this is not HTTP: {msg}"))

    def _end_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # it was asked something before, and is owed the answer
        elif self._begun or self._head_bytes:
            seconds = self.settings.header_seconds
            self._refuse(Problem(408, "request-too-slow", f"the head of the request took more than {seconds:g} s"))
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem and close, in the midst of an answer without another word."""
        self._ended = True
        if self.transport.is_closing():
            return
        if self._answered is not None and self._answered.response_started and not self._answered.response_complete:
            self.transport.abort()
            return
        self._abandon()
        self.transport.write(_response(problem))
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        # Closed while bytes still come in, it would be reset, and the client might never see why.
        self.transport.write_eof()
        self._expect(None)
        self._client_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    # What goes out

    def pause_writing(self) -> None:
        """Hold the answer back until the client takes more of it, for a while."""
        super().pause_writing()
        self._watch_sending(True)

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        self._watch_sending(False)

    def _watch_sending(self, on: bool) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
        self._send_timer = self.loop.call_later(self.settings.send_seconds, self._check_sending) if on else None
        self._watched = self.cycle
        self._queued = self._unsent() if on else 0

    def _check_sending(self) -> None:
        """Break the connection of a client that took nothing since the last look, of an answer or its rest."""
        if not self.transport.get_write_buffer_size():
            self._watch_sending(False)
        elif self.cycle is not self._watched or self._unsent() < self._queued:
            self._watch_sending(True)
        else:
            self.transport.abort()

    def _unsent(self) -> int:
        """Return how many bytes the client has not got: ours, and those that the kernel holds for it."""
        return self.transport.get_write_buffer_size() + _in_kernel(self.transport.get_extra_info("socket"))


def _in_kernel(socket: Any) -> int:  # noqa: ANN401 - asyncio's socket, or uvloop's
    try:
        queued: tuple[int] = _QUEUED.unpack(fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(_QUEUED.size)))
    except (OSError, ValueError):  # not a kind of socket that tells, or closed
        return 0
    return queued[0]


def _too_large_head() -> Problem:
    return Problem(431, "headers-too-large", f"the headers are larger than {HEADER_BYTES >> 10} KiB")


def _response(problem: Problem) -> bytes:
    body = problem.body()
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **problem.headers, "Connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n{lines}\r\n".encode() + body


def connection_class(bounds: Settings) -> type[Connection]:
    """Return what uvicorn makes of each connection under these settings."""

    class Bounded(Connection):
        settings = bounds

    return Bounded
