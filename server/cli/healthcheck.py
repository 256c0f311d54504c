"""`twinhouse healthcheck`: is the server ready? For Docker's HEALTHCHECK, so it imports next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from server.cli.failure import Failure
from server.cli.options import Server, server_of

if TYPE_CHECKING:
    from http.client import HTTPConnection

_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def healthcheck(url: Server = None) -> None:
    """Exit with 0 when a server is ready, else with 1.

    \b
    Example:
      twinhouse healthcheck --url http://127.0.0.1:8080
    """
    base = server_of(url)
    status = _status(base.rstrip("/"))
    if status != 200:
        raise Failure(f"{base} is not ready: /readyz answers {status}")
    typer.echo("ready")


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
