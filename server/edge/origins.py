"""OPTIONS on every route, and the answers' headers by which browsers let pages of other origins read (Fetch, CORS).

Starlette's CORSMiddleware names the same methods for all routes, and leaves an OPTIONS without Origin to the routes.
"""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPTIONS = "OPTIONS"
_ASKABLE = "Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer"
_READABLE = (
    "Allow, Content-Location, ETag, Idempotency-Replayed, Link, Location, Next-Cursor, Preference-Applied,"
    " Retry-After, WWW-Authenticate, X-Request-Id"
)
_MOST_SECONDS = "7200"  # that a browser may remember a preflight: no browser remembers it for longer


class CrossOrigin:
    """Middleware that answers OPTIONS, for everyone, and lets pages of `origins` read; `*` are all pages."""

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a request on, or answer it with 204 where it is OPTIONS on a route."""
        if scope["type"] != "http" or (scope["method"] != OPTIONS and not self._origins):
            return self._app(scope, receive, send)
        headers = Headers(scope=scope)

        def marked(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                self._mark(MutableHeaders(raw=message["headers"]), headers)
            return send(message)

        methods = methods_of(scope) if scope["method"] == OPTIONS else None
        answer = self._options(methods, headers) if methods else self._app
        return answer(scope, receive, marked)

    def _options(self, methods: str, headers: Headers) -> Response:
        response = Response(status_code=204, headers={"Allow": methods})
        if self._allowed(headers) and "access-control-request-method" in headers:
            response.headers["Access-Control-Allow-Methods"] = methods
            response.headers["Access-Control-Allow-Headers"] = _ASKABLE
            response.headers["Access-Control-Max-Age"] = _MOST_SECONDS
        return response

    def _mark(self, answer: MutableHeaders, headers: Headers) -> None:
        if self._origins and "*" not in self._origins:
            answer.add_vary_header("Origin")
        if allowed := self._allowed(headers):
            answer["Access-Control-Allow-Origin"] = allowed
            answer["Access-Control-Expose-Headers"] = _READABLE

    def _allowed(self, headers: Headers) -> str | None:
        origin = headers.get("origin")
        if origin is None or not self._origins:
            return None
        if "*" in self._origins:
            return "*"
        return origin if origin in self._origins else None


def methods_of(scope: Scope) -> str | None:
    """Return the methods of what is at a path as Allow lists them, those of the whole server at `*`; None of nothing.

    The server itself has a path with OPTIONS alone (RFC 9110, section 9.3.7).
    """
    every = scope["path"] == "*"
    found = [
        route
        for route in scope["app"].routes
        if isinstance(route, Route) and (every or route.matches(scope)[0] is not Match.NONE)
    ]
    return ", ".join(sorted({OPTIONS}.union(*(route.methods or () for route in found)))) if found else None
