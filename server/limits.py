"""What one request may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from server.errors import Problem, bad_request
from server.settings import Settings
from storage.graph.readers import Limits

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


def query_limits(settings: Settings, timeout: str | None = None, rows: int | None = None) -> Limits:
    """Return the limits of a query; a client may ask for less time (`timeout` in seconds) or fewer rows."""
    seconds = settings.query_seconds if timeout is None else min(_seconds(timeout), settings.query_seconds)
    most = settings.query_rows if rows is None else min(rows, settings.query_rows)
    return Limits(seconds=seconds, rows=most, bytes=settings.query_bytes)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise bad_request(f'timeout is a number of seconds above 0, not "{text}"')
    return seconds


def bounded_receive(receive: Receive, settings: Settings) -> Receive:
    """Return an ASGI `receive` that raises a 413 problem when the body passes the limit."""
    left = settings.body_megabytes << 20

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise Problem(
                413,
                "body-too-large",
                f"the body is larger than {settings.body_megabytes:,} MiB",
                hint="send it in parts; each request is stored whole or not at all",
            )
        return message

    return bounded
