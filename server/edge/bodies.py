"""Bodies on their way in: unpacked, in UTF-8 where they are text, and neither too large nor too slow."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator, Mapping

from anyio.lowlevel import checkpoint
from python_multipart.multipart import parse_options_header
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.edge.codings import UNPACKERS, Broken, Unpacker
from server.edge.within import within
from server.errors import Problem, bad_request
from server.settings import Settings

_SLOWEST = 1024.0  # bytes a second
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")
_WITH_BODY = ("POST", "PUT", "PATCH", "QUERY")


class Bodies:
    """Middleware by which every route gets its body as it was meant, bounded in size and time."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a request on. Its `receive` raises 400, 408, 413 and 415 problems, the first time before it reads."""
        if scope["type"] == "http" and scope["method"] in _WITH_BODY and _has_body(scope["fields"]):
            receive = _Body(scope["fields"], receive, self._settings).receive
        return self._app(scope, receive, send)


def _has_body(fields: Mapping[bytes, bytes]) -> bool:
    """Tell whether there is a body (RFC 9112, section 6)."""
    return b"transfer-encoding" in fields or fields.get(b"content-length", b"0") != b"0"


class _Body:
    """One body: `receive` gives what it is, in pieces."""

    def __init__(self, fields: Mapping[bytes, bytes], receive: Receive, settings: Settings) -> None:
        self._fields = fields
        self._receive = receive
        self._settings = settings
        self._unpacker: Unpacker | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._begun = self._arrived = self._ended = False
        self._size = self._unpacked = 0
        self._waited = 0.0

    async def receive(self) -> Message:
        """Return the next message. After the body's end that is about the connection, and comes whenever it comes."""
        if not self._begun:
            self._begin()
        if self._ended:
            return await self._receive()
        if self._unpacker is None:
            message = await self._next()
            self._ended = not message.get("more_body", False)
            return message
        return await self._unpack(self._unpacker)

    def _begin(self) -> None:
        """Refuse what need not be read to be refused."""
        self._begun = True
        self._unpacker = _unpacker_of(self._fields.get(b"content-encoding", b"").decode("latin-1"))
        require_utf_8(self._fields.get(b"content-type", b"").decode("latin-1"))
        self._require_size(int(self._fields.get(b"content-length", b"0")))

    async def _next(self) -> Message:
        """Return what comes next from the connection. Only the time spent waiting for the client counts."""
        began = time.monotonic()
        allowed = self._settings.body_seconds + self._size / _SLOWEST - self._waited
        try:
            message = await within(max(allowed, 0), self._receive())
        except TimeoutError:
            raise _too_slow(self._settings.body_seconds) from None
        self._waited += time.monotonic() - began
        self._size += len(message.get("body", b""))
        self._require_size(self._size)
        return message

    def _require_size(self, size: int) -> None:
        if size > self._settings.body_megabytes << 20:
            raise _too_large(f"the body is larger than {self._settings.body_megabytes:,} MiB")

    async def _unpack(self, unpacker: Unpacker) -> Message:
        try:
            while (piece := next(self._pieces, None)) is None and not self._arrived:
                message = await self._next()
                if message["type"] != "http.request":
                    return message
                await checkpoint()  # what comes may be packed from nothing, and take its time all the same
                self._pieces = unpacker.unpack(message.get("body", b""))
                self._arrived = not message.get("more_body", False)
        except Broken as error:
            raise self._broken(str(error)) from None
        if piece is None and not unpacker.complete:
            raise self._broken("it ends too early")
        await checkpoint()  # a small body may hold much, and others want to be served meanwhile
        return self._piece(piece)

    def _broken(self, reason: str) -> Problem:
        return bad_request(f"the body is not what its Content-Encoding says: {reason}")

    def _piece(self, piece: bytes | None) -> Message:
        self._ended = piece is None
        self._unpacked += len(piece or b"")
        most = self._settings.unpacked_megabytes
        if self._unpacked > most << 20:
            raise _too_large(f"the body is larger than {most:,} MiB once it is unpacked")
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}


def _unpacker_of(coding: str) -> Unpacker | None:
    """Return what unpacks the body; None where nothing has to. Raises a 415 problem (RFC 9110, section 15.5.16)."""
    names = [name for name in map(str.strip, coding.lower().split(",")) if name not in ("", "identity")]
    if not names:
        return None
    if len(names) > 1 or names[0] not in UNPACKERS:
        raise Problem(
            415,
            "unknown-encoding",
            f"a body with Content-Encoding {', '.join(names)} is not read",
            hint="send it as it is, or in one of: " + ", ".join(UNPACKERS),
            headers={"Accept-Encoding": ", ".join(UNPACKERS)},
        )
    return UNPACKERS[names[0]]()


def require_utf_8(content_type: str | None) -> None:
    """Raise a 415 problem where a Content-Type names another charset."""
    if content_type is None or "charset" not in content_type.lower():
        return
    _, options = parse_options_header(content_type)
    charset = options.get(b"charset", b"").decode("latin-1").strip().lower()
    if charset and charset not in _UTF_8:
        raise Problem(415, "unknown-charset", f"a body in {charset} is not read", hint="send it in UTF-8")


def _too_large(detail: str) -> Problem:
    hint = "send it in parts; each request is stored whole or not at all"
    return Problem(413, "body-too-large", detail, hint=hint)


def _too_slow(seconds: float) -> Problem:
    return Problem(
        408,
        "body-too-slow",
        f"the server waited {seconds:g} s for the body",
        hint=f"send it at {_SLOWEST:.0f} bytes a second or more",
        headers={"Connection": "close"},
    )
