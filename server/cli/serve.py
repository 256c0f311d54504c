"""`twinhouse serve`: the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.failure import Failure, say
from server.cli.options import Data, Host, Insecure, Port

if TYPE_CHECKING:
    from server.settings import Settings

_LOG = "%(asctime)s %(levelname)s %(name)s %(message)s"


def serve(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    default_graph: Annotated[
        str | None, typer.Option(help="Default graph of a query: `union` of all graphs, or `strict`.")
    ] = None,
    query_seconds: Annotated[float | None, typer.Option(min=0.001, help="The longest that a query may take.")] = None,
    query_rows: Annotated[int | None, typer.Option(min=1, help="The most rows that an answer may have.")] = None,
    readers: Annotated[int | None, typer.Option(min=1, help="How many SPARQL queries run at a time.")] = None,
    reader_megabytes: Annotated[int | None, typer.Option(min=1, help="Memory that one of them may use.")] = None,
    series_megabytes: Annotated[
        int | None, typer.Option(min=1, help="Memory for reading and writing series.")
    ] = None,
    body_megabytes: Annotated[int | None, typer.Option(min=1, help="The largest body of a request.")] = None,
    anonymous: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Without a token: none, read, write, admin. Default: admin on loopback."),
    ] = None,
    insecure: Insecure = None,
    tls_cert: Annotated[str | None, typer.Option(metavar="FILE", help="Certificate and chain (PEM): HTTPS.")] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")] = None,
) -> None:
    """Serve a data directory over HTTP.

    It is made where it is missing. Each option is also an environment variable: --query-seconds is
    TWINHOUSE_QUERY_SECONDS. SIGTERM and Ctrl-C let requests finish, then write and close everything.
    Beyond loopback it wants a token: of `twinhouse token create`, or any secret as TWINHOUSE_TOKEN.

    \b
    Examples:
      twinhouse serve --data ./office
      twinhouse serve --data ./office --host 0.0.0.0 --port 443 --tls-cert chain.pem --tls-key key.pem
    """
    from server.settings import SettingError, Settings

    given = {name: value for name, value in locals().items() if name in Settings.__dataclass_fields__}
    try:
        settings = Settings.from_environment(**given)
    except SettingError as error:
        raise Failure(str(error)) from None
    host_twin(settings)


def host_twin(settings: Settings, more: str = "") -> None:
    """Serve until told to stop; `more` is printed to stdout once the server listens."""
    import logging
    import signal
    from dataclasses import replace

    from server.cli.access import require_access, require_certificate
    from server.cli.hosting import listen
    from server.cli.hosting import serve as serve_app

    signal.signal(signal.SIGTERM, _end)
    logging.basicConfig(level=logging.INFO, format=_LOG, stream=sys.stderr)
    require_access(settings)
    require_certificate(settings)
    listener = listen(settings.host, settings.port)
    settings = replace(settings, port=listener.getsockname()[1])

    def tell() -> None:
        say(f"serving {_shown(settings.data)} at {settings.url}/")
        if more:
            typer.echo(more.replace("{port}", str(settings.port)))
            sys.stdout.flush()

    serve_app(settings, listener, tell)


def _end(_signal: int, _frame: object) -> None:
    """End with 0: what uvicorn raises again after it has stopped, and all there is before it has begun."""
    sys.exit(0)


def _shown(data: Path) -> str:
    return str(data.absolute())
