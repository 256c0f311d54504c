"""Counts and logs each request: method, route, status, time and an id. Never a query, a body or a parameter."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable
from itertools import count

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.observe.logs import lines_of
from server.observe.tally import Tally

log = logging.getLogger("twinhouse.requests")
_TOGETHER = 0.02  # seconds whose lines are written at once: a line alone costs as much as the rest of what is here


class Observed:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._tally = Tally()
        registry.register(self._tally)
        self._ids = count(int.from_bytes(os.urandom(7), "big"))
        self._lines = lines_of(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. Its scope gets a `request_id`, which its answer has as `X-Request-Id`.

        Once the answer has begun, it has its `status` as well.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, request_id = time.perf_counter(), f"{next(self._ids):016x}"
        scope["request_id"] = request_id

        def observed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                scope["status"] = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            return send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception:
            scope.setdefault("status", 500)
            raise
        finally:
            self._note(scope, scope.get("status", 0), time.perf_counter() - began, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        method, route = scope["method"], getattr(scope.get("route"), "path", "other")
        self._tally.add(method, route, status, seconds)
        line = f"{method} {route} {status} {seconds * 1000:.1f} ms {request_id}"
        if self._lines is None:
            log.info("%s", line)
        elif self._lines.add(log.name, line):
            asyncio.get_running_loop().call_later(_TOGETHER, self._lines.flush)
