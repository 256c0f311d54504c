"""Counts and logs each request: method, route, status, time and an id. Never a query, a body or a parameter."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable
from itertools import count

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("twinhouse.requests")


class Observed:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "twinhouse_requests", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "twinhouse_request_seconds", "Time to the last byte", ["method", "route"], registry=registry
        )
        self._ids = count(int.from_bytes(os.urandom(7), "big"))
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

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
        key = scope["method"], route, status
        if key not in self._counted:  # to look them up by their labels takes longer than all the rest
            self._counted[key] = self._requests.labels(*key), self._seconds.labels(*key[:2])
        requests, time_taken = self._counted[key]
        requests.inc()
        time_taken.observe(seconds)
        log.info("%s %s %s %.1f ms %s", scope["method"], route, status, seconds * 1000, request_id)
