"""`twinhouse serve`: the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.failure import Failure, say
from server.cli.options import Data, Host, Insecure, Port

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.bacnet.supervising import Supervisor
    from server.settings import Settings


def serve(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    default_graph: Annotated[
        str | None, typer.Option(help="Default graph of a query: `union` of all graphs, or `strict`.")
    ] = None,
    query_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="The longest that a query or update may take.")
    ] = None,
    query_rows: Annotated[int | None, typer.Option(min=1, help="The most rows that an answer may have.")] = None,
    readers: Annotated[int | None, typer.Option(min=1, help="How many SPARQL queries run at a time.")] = None,
    reader_megabytes: Annotated[
        int | None, typer.Option(min=1, help="Memory that one of them, or an update, may use.")
    ] = None,
    cache_megabytes: Annotated[
        int | None, typer.Option(min=0, help="Memory for answers that are asked for again.")
    ] = None,
    series_megabytes: Annotated[
        int | None, typer.Option(min=1, help="Memory for reading and writing series.")
    ] = None,
    body_megabytes: Annotated[int | None, typer.Option(min=1, help="The largest body of a request.")] = None,
    unpacked_megabytes: Annotated[
        int | None, typer.Option(min=1, help="The largest that a compressed body may become.")
    ] = None,
    ingest_rows: Annotated[
        int | None, typer.Option(min=1, help="The most readings that a request may bring.")
    ] = None,
    future_days: Annotated[int | None, typer.Option(min=0, help="How far ahead a reading may be.")] = None,
    retention: Annotated[
        str | None, typer.Option(metavar="RULES", help="How long readings are kept: `brick:Sensor=90d *=5y`.")
    ] = None,
    inference: Annotated[
        str | None,
        typer.Option(metavar="RULES", help="Keep what follows up to date by: brick, brick 1.5, 223p (classes)."),
    ] = None,
    changes: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Changes of the graph that can be undone: all, loads, none.")
    ] = None,
    changes_kept: Annotated[int | None, typer.Option(min=1, help="How many changes are kept.")] = None,
    changes_days: Annotated[float | None, typer.Option(min=0, help="For how many days.")] = None,
    changes_megabytes: Annotated[int | None, typer.Option(min=0, help="In how much space.")] = None,
    influx_tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="Tag of line protocol that names a point; empty: none.")
    ] = None,
    influx_unknown: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Line protocol that no point has: create (a point), refuse.")
    ] = None,
    anonymous: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Without a token: none, read, write, admin. Default: admin on loopback."),
    ] = None,
    insecure: Insecure = None,
    allowed_hosts: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Host names of this server, by commas, for clients without token."),
    ] = None,
    cors_origins: Annotated[
        str | None, typer.Option(metavar="ORIGINS", help="Whose web pages may call it, by commas, or *: CORS.")
    ] = None,
    header_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="The longest that the head of a request may take.")
    ] = None,
    body_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="The longest wait for a body, beyond 1 s for each KiB.")
    ] = None,
    send_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="The longest that a client may take nothing of its answer.")
    ] = None,
    keep_alive_seconds: Annotated[
        float | None, typer.Option(min=0, help="How long a connection without a request stays open.")
    ] = None,
    connections: Annotated[int | None, typer.Option(min=1, help="The most connections at a time.")] = None,
    outbound_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A host that SERVICE and LOAD may ask; may be repeated [env: TWINHOUSE_OUTBOUND_HOSTS].",
        ),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="What IRIs of observations begin with; else they are URNs.")
    ] = None,
    hybrid: Annotated[
        str | None, typer.Option(help="`always` sees readings in every query, for diagnosis. Default: auto.")
    ] = None,
    hybrid_readings: Annotated[
        int | None, typer.Option(min=1, help="The most readings that become triples for one query.")
    ] = None,
    tls_cert: Annotated[str | None, typer.Option(metavar="FILE", help="Certificate and chain (PEM): HTTPS.")] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")] = None,
    bacnet: Annotated[
        Path | None, typer.Option(metavar="CONFIG", help="Run the BACnet gateway of this configuration, too.")
    ] = None,
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
        settings = Settings.from_environment(
            **given, outbound_hosts=",".join(outbound_host) if outbound_host else None
        )
    except SettingError as error:
        raise Failure(str(error)) from None
    host_twin(settings, beside=_gateway(bacnet))


def host_twin(settings: Settings, more: str = "", beside: Callable[[str], Supervisor] | None = None) -> None:
    """Serve until told to stop; `more` is printed once it listens; `beside` makes of its URL what runs beside it."""
    import signal
    from dataclasses import replace

    from server.cli.access import require_access, require_certificate
    from server.cli.hosting import listen
    from server.cli.hosting import serve as serve_app
    from server.observe.logs import log_to_stderr

    signal.signal(signal.SIGTERM, _end)
    log_to_stderr()
    require_access(settings)
    require_certificate(settings)
    listener = listen(settings.host, settings.port)
    settings = replace(settings, port=listener.getsockname()[1])
    child = beside(_reachable(settings)) if beside is not None else None

    def tell() -> None:
        say(f"serving {_shown(settings.data)} at {settings.url}/")
        if more:
            typer.echo(more.replace("{port}", str(settings.port)))
            sys.stdout.flush()
        if child is not None:
            child.start()

    try:
        serve_app(settings, listener, tell)
    finally:
        if child is not None:
            child.stop()


def _gateway(config: Path | None) -> Callable[[str], Supervisor] | None:
    """Return what makes the gateway; a configuration that cannot be used is told before anything starts."""
    if config is None:
        return None
    from server.bacnet.config import read_config
    from server.bacnet.errors import BacnetError
    from server.bacnet.supervising import Supervisor

    try:
        read_config(config)
    except BacnetError as error:
        raise Failure(str(error)) from None
    return lambda url: Supervisor(["bacnet", "run", str(config)], {"TWINHOUSE_URL": url})


def _reachable(settings: Settings) -> str:
    """Return where this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host)  # noqa: S104 - to compare with
    return settings.url if host is None else f"{settings.url.partition('://')[0]}://{host}:{settings.port}"


def _end(_signal: int, _frame: object) -> None:
    """End with 0: what uvicorn raises again after it has stopped, and all there is before it has begun."""
    sys.exit(0)


def _shown(data: Path) -> str:
    return str(data.absolute())
