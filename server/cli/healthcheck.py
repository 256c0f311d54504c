"""`twinhouse healthcheck`: is the server ready? For Docker's HEALTHCHECK, so it imports next to nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from server.cli.failure import Failure

if TYPE_CHECKING:
    from http.client import HTTPConnection

_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


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
    base = url or os.environ.get("TWINHOUSE_URL") or _own()
    status = _status(base.rstrip("/"))
    if status != 200:
        raise Failure(f"{base} is not ready: /readyz answers {status}")
    typer.echo("ready")


def _own() -> str:
    scheme = "https" if os.environ.get("TWINHOUSE_TLS_CERT") else "http"
    return f"{scheme}://127.0.0.1:{os.environ.get('TWINHOUSE_PORT') or 8080}"


def _status(base: str) -> int:
    from contextlib import closing
    from http.client import HTTPException

    try:
        with closing(_connection(base)) as connection:
            connection.request("GET", f"{urlsplit(base).path}/readyz")
            return connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        raise Failure(f"{base} does not answer: {error}") from None


def _connection(base: str) -> HTTPConnection:
    from http.client import HTTPConnection, HTTPSConnection

    parts = urlsplit(base)
    if parts.scheme != "https":
        return HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    import ssl

    context = ssl.create_default_context()
    if parts.hostname in _LOOPBACK:  # where no certificate is made out for, and nothing secret is sent
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(parts.hostname or "", parts.port, timeout=_SECONDS, context=context)
