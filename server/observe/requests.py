"""Counts and logs each request: method, route, status, time and an id. Never a query, a body or a parameter."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable
from itertools import count

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.observe.tally import Tally

log = logging.getLogger("twinhouse.requests")


class Observed:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._tally = Tally()
        registry.register(self._tally)
        self._ids = count(int.from_bytes(os.urandom(7), "big"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its `request_id`, which its answer has as `X-Request-Id`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, request_id = time.perf_counter(), 0, f"{next(self._ids):016x}"
        scope["request_id"] = request_id

        def observed(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            return send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception:
            status = status or 500
            raise
        finally:
            self._note(scope, status, time.perf_counter() - began, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._tally.add(scope["method"], route, status, seconds)
        log.info("%s %s %s %.1f ms %s", scope["method"], route, status, seconds * 1000, request_id)
