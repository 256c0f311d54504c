"""What one request may use."""

from __future__ import annotations

import re
import time
from functools import lru_cache

from server.errors import bad_request
from server.settings import Settings
from storage.graph.queries import Limits

_NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def query_limits(settings: Settings, timeout: str | None = None, rows: int | None = None) -> Limits:
    """Return the limits of a query; a client may ask for less time (`timeout` in seconds) or fewer rows.

    The server's own time begins with the query; the client's has begun now, and to wait for others takes of it.
    """
    most = settings.query_rows if rows is None else min(rows, settings.query_rows)
    if timeout is None:
        return _limits(settings.query_seconds, most, settings.query_bytes)
    seconds = _seconds(timeout)
    return Limits(min(seconds, settings.query_seconds), most, settings.query_bytes, time.monotonic() + seconds)


_limits = lru_cache(256)(Limits)  # most requests have the same


def _seconds(text: str) -> float:
    seconds = float(text) if _NUMBER.fullmatch(text.strip()) else 0.0
    if not 0 < seconds < float("inf"):
        raise bad_request(f'timeout is a number of seconds above 0, not "{text[:100]}"')
    return seconds
