"""Answers in the coding that Accept-Encoding asks for (RFC 9110, section 12.5.3), packed as they are sent.

Starlette's GZipMiddleware knows gzip alone and takes `gzip;q=0` for a wish; starlette-compress ranks codings without
their q, and holds small pieces of a stream back. Neither looks at ETag, nor at `identity;q=0`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import lru_cache

from anyio.lowlevel import checkpoint
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.edge.codings import PACKERS, PIECE, Packer
from server.edge.problems import problem_response
from server.errors import Problem
from server.negotiation import IDENTITY, choose_coding, excludes_identity

_LEAST = 1024  # bytes of a body of known size that is worth packing
_ENDINGS = ("+json", "+xml")
_TEXTUAL = frozenset(
    {
        "application/json",
        "application/n-quads",
        "application/n-triples",
        "application/trig",
        "application/x-ndjson",
        "application/xml",
    }
)
_NO_CONTENT = (204, 304)
_VARY, _VARY_MORE = (b"vary", b"Accept-Encoding"), (b"vary", b"Accept, Accept-Encoding")
_Headers = list[tuple[bytes, bytes]]


class Packed:
    """Middleware that packs what is text: Parquet and Arrow are compact already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a request on; answer with a 406 problem where no coding pleases its client.

        Every answer says that it varies with Accept-Encoding, and with Accept if the scope has `varies` by then.
        """
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        try:
            coding, must = _choice(scope["fields"].get(b"accept-encoding"))
        except Problem as problem:
            return problem_response(problem)(scope, receive, send)
        answer = _Answer(scope, send, coding, must=must)
        return self._app(scope, receive, answer.send)


@lru_cache(256)
def _choice(accept_encoding: bytes | None) -> tuple[str, bool]:
    """Return the coding for a client, and whether all must be packed. Raises a 406 problem."""
    asked = accept_encoding.decode("latin-1") if accept_encoding is not None else None
    coding = choose_coding(PACKERS, asked)
    return coding, coding != IDENTITY and excludes_identity(asked)


class _Answer:
    """One answer on its way. What breaks in its midst never gets here, and so never gets the end of its coding."""

    def __init__(self, scope: Scope, send: Send, coding: str, *, must: bool) -> None:
        self._scope = scope
        self._send = send
        self._coding = coding
        self._must = must
        self._head = scope["method"] == "HEAD"
        self._packer: Packer | None = None

    def send(self, message: Message) -> Awaitable[None]:
        """Pass on what the application sends."""
        if message["type"] == "http.response.start":
            self._begin(message)
        elif message["type"] == "http.response.body" and self._packer is not None and not self._head:
            return self._pack(self._packer, message)
        return self._send(message)

    def _begin(self, start: Message) -> None:
        """Choose by the headers alone, so that the answer to HEAD has the same ones."""
        headers: _Headers = start["headers"]
        headers.append(_VARY_MORE if "varies" in self._scope else _VARY)
        if self._coding != IDENTITY and self._packs(start["status"], dict(headers)):
            self._packer = PACKERS[self._coding]()
            start["headers"] = _packed(headers, self._coding)

    def _packs(self, status: int, known: Mapping[bytes, bytes]) -> bool:
        if status in (*_NO_CONTENT, 206) or b"content-encoding" in known:
            return False
        size = int(known.get(b"content-length", _LEAST))
        return (size >= _LEAST and _is_textual(known.get(b"content-type", b""))) or (self._must and size > 0)

    async def _pack(self, packer: Packer, message: Message) -> None:
        """Send a piece at a time, so that nothing waits long for the event loop, nor for the end of the answer."""
        body, more = message.get("body", b""), message.get("more_body", False)
        while len(body) > PIECE:
            await self._forward(packer.pack(body[:PIECE]), more=True)
            await checkpoint()
            body = body[PIECE:]
        packed = packer.pack(body) if body else b""
        end = packer.finish() if not more else packer.flush() if body else b""
        await self._forward(packed + end, more=more)

    async def _forward(self, data: bytes, *, more: bool) -> None:
        if data or not more:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})


@lru_cache(256)
def _is_textual(content_type: bytes) -> bool:
    media_type = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    return media_type in _TEXTUAL or media_type.startswith("text/") or media_type.endswith(_ENDINGS)


def _packed(headers: _Headers, coding: str) -> _Headers:
    """Return the headers of the answer when it is packed."""
    found = [(b"content-encoding", coding.encode())]
    for name, value in headers:
        if name == b"etag" and value.startswith(b'"'):
            value = b"W/" + value  # a strong one would have to differ from that of the unpacked answer (8.8.3.3)
        if name != b"content-length":
            found.append((name, value))
    return found
