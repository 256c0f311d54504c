"""A connection: uvicorn's, with a bound on what its client may send before a request is known, and on every wait.

What uvicorn has no limit for: the head of a request (size, time), the rest of a body that nobody reads, an answer
that its client does not take, and the number of connections. The time that a body takes is bounded in `bodies`.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.edge.exchange import Exchange
from server.edge.heads import Head, read_head
from server.edge.sending import Sending
from server.errors import MEDIA_TYPE, Problem, bad_request
from server.settings import Settings

URL_BYTES = 64 << 10
HEADER_BYTES = 32 << 10
_LINE_BYTES = 64  # of the first line of a head, besides the URL
_VERSIONS = ("1.0", "1.1")
_LINGER_SECONDS = 2.0
_REFUSED = 64  # connections above the limit that are told so; further ones are closed without a word
_ONE_HOST = "a request has one Host, which is a name with or without a port (RFC 9112, 3.2)"
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_AUTHORITY = re.compile(rb"https?://(?:[^/?#@]*@)?([^/?#]*)", re.IGNORECASE)


class Connection(HttpToolsProtocol):
    """Speaks HTTP/1.1 with one client, and nothing else: no WebSocket."""

    settings: Settings
    _sending: Sending

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        super().__init__(*arguments, **named)
        self.url = b""
        self._in_head = True  # of the first request, or of the next one, which has begun or not
        self._begun = False
        self._bare_bytes = 0  # that came since a head or a piece of a body ended, as far as that is known
        self._refusal: Problem | None = None
        self._ended = False
        self._client_timer: asyncio.TimerHandle | None = None  # for its head, or the rest of a body that nobody reads
        self._answered: Exchange | None = None  # the latest that was begun; `cycle` may be a later one
        self._ahead = deque[Exchange]()  # those that wait for it
        self._idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections and none that can be spared."""
        super().connection_made(transport)
        self._sending = Sending(self.loop, transport, self.settings.send_seconds, lambda: self.cycle)
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
        self._sending.stop()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._abandon()

    def _abandon(self) -> None:
        """Tell the application that its client is gone: uvicorn tells it of the latest request alone."""
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    def _start(self, exchange: Exchange) -> None:
        self._answered = exchange
        exchange.start(self.app)

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
        begun = self._begun or self._bare_bytes > 0
        return self.cycle is not None and self.cycle.response_complete and self._in_head and not begun

    def _rest(self) -> None:
        """Be idle for so long at most. A timer that runs already is left alone, and will see that it is early."""
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wake_in(self.timeout_keep_alive)

    def _wake_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for so long; else look again when it may have been."""
        self.timeout_keep_alive_task = None
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if not self.is_idle():
            return  # the end of what is asked now has it rest again
        if left > 0:
            self._wake_in(left)
        else:
            super().timeout_keep_alive_handler()

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
        self._bare_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except HttpParserError as error:
            self.send_400_response(str(error))
        if (self._begun or self._bare_bytes) and not self._ended:
            self._go_on_waiting()

    def _go_on_waiting(self) -> None:
        """Wait for the rest of a head or of what is behind a body, unless it is too large already."""
        if self._bare_bytes > len(self.url) + _LINE_BYTES + HEADER_BYTES:
            self._refuse(_too_large_head())
        elif self._in_head and self._client_timer is None:
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
        self._begun = True

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        self.url += url
        if len(self.url) > URL_BYTES:
            hint = "send the query as the body of a POST"
            self._raise(Problem(414, "url-too-long", f"the URL is longer than {URL_BYTES >> 10} KiB", hint=hint))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line; one behind a body is left out, which nobody asks for (RFC 9110, section 6.5.1)."""
        if not self._in_head:
            return
        name = name.lower()
        self.headers.append((name, value))
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            self._raise(Problem(501, "not-implemented", "of transfer codings only chunked is known (RFC 9112, 7)"))

    def on_headers_complete(self) -> None:
        """Start the request that the head describes, or put it behind those that its client sent before."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._raise(bad_request("this server is no proxy"))
        if version not in _VERSIONS:
            self._raise(Problem(505, "http-version-not-supported", f"HTTP/{version} is not spoken, but HTTP/1.1"))
        if self.parser.should_upgrade():
            return  # `_decline` will have another parser come here
        head = read_head(tuple(self.headers))
        if head.size > HEADER_BYTES:
            self._raise(_too_large_head())
        if not head.is_host_clear or (not head.has_host and version == "1.1"):
            self._raise(bad_request(_ONE_HOST))
        if (host := _host_in(self.url)) is not None:  # then Host does not count (RFC 9112, section 3.2.2)
            self.headers = [(b"host", host), *(header for header in self.headers if header[0] != b"host")]
            head = read_head(tuple(self.headers))
            if not head.is_host_clear:
                self._raise(bad_request(_ONE_HOST))
        self._in_head = self._begun = False
        self._bare_bytes = 0
        if self._client_timer is not None:
            self._expect(None)
        before, exchange = self.cycle, self._exchange(method.decode(), version, head)
        self.cycle = exchange
        if before is None or before.response_complete:
            self._start(exchange)
        else:
            self.flow.pause_reading()
            self._ahead.append(exchange)

    def _exchange(self, method: str, version: str, head: Head) -> Exchange:
        raw_path, query = _target(method, self.url)
        path = raw_path.decode("ascii")
        scope: Any = {  # uvicorn's type has no `fields`
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "fields": head.fields,
        }
        return Exchange(
            scope,
            self.transport,
            self.flow,
            self.server_state,
            self.loop,
            self.on_response_complete,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            expects_100_continue=version != "1.0" and head.expects_100_continue,  # RFC 9110, section 10.1.1
        )

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._bare_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; where it was answered before, the next one may come, or the connection ends."""
        if self.parser.should_upgrade():
            return
        self._in_head = True
        self._bare_bytes = 0
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        elif not self.cycle.keep_alive:
            self.transport.close()
        else:
            self._expect(None)
            self._rest()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the end of this one: not for as long as its client likes."""
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self._ahead:
                self._start(self._ahead.popleft())
            else:
                self._rest()
        if not self._in_head and self.cycle.response_complete:
            self._expect(self.transport.abort)
        if self.transport.get_write_buffer_size() and not self._sending.is_watched:
            self._sending.watch()

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
        elif self._begun or self._bare_bytes:
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
        self._sending.watch()

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        self._sending.stop()


def _target(method: str, url: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request's target, also of one that is a server without a path."""
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = parse_url(url)
    server = b"*" if method == "OPTIONS" and not parsed.query else b"/"  # RFC 9112, section 3.2.4
    return parsed.path or server, parsed.query or b""


def _host_in(url: bytes) -> bytes | None:
    """Return the host that a target in absolute form names."""
    named = None if url.startswith(b"/") else _AUTHORITY.match(url)
    return named[1] if named else None


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
