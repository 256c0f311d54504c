"""`twinhouse healthcheck`: is the server ready? For Docker's HEALTHCHECK, so it imports next to nothing."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from server.cli.failure import Failure

_SECONDS = 10.0


def healthcheck(
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The server [env: TWINHOUSE_URL; default: this host at TWINHOUSE_PORT]."),
    ] = None,
) -> None:
    """Exit with 0 when a server is ready, else with 1.

    \b
    Example:
      twinhouse healthcheck --url http://127.0.0.1:8080
    """
    base = url or os.environ.get("TWINHOUSE_URL") or f"http://127.0.0.1:{os.environ.get('TWINHOUSE_PORT') or 8080}"
    status = _status(base.rstrip("/"))
    if status != 200:
        raise Failure(f"{base} is not ready: /readyz answers {status}")
    typer.echo("ready")


def _status(base: str) -> int:
    from contextlib import closing
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(base)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=_SECONDS)) as connection:
            connection.request("GET", f"{parts.path}/readyz")
            return connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        raise Failure(f"{base} does not answer: {error}") from None
