"""`twinhouse serve`: the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from server.cli import serve_options as option
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
    default_graph: option.DefaultGraph = None,
    query_seconds: option.QuerySeconds = None,
    query_rows: option.QueryRows = None,
    readers: option.Readers = None,
    reader_megabytes: option.ReaderMegabytes = None,
    cache_megabytes: option.CacheMegabytes = None,
    series_megabytes: option.SeriesMegabytes = None,
    body_megabytes: option.BodyMegabytes = None,
    unpacked_megabytes: option.UnpackedMegabytes = None,
    ingest_rows: option.IngestRows = None,
    future_days: option.FutureDays = None,
    retention: option.Retention = None,
    inference: option.Inference = None,
    changes: option.Changes = None,
    changes_kept: option.ChangesKept = None,
    changes_days: option.ChangesDays = None,
    changes_megabytes: option.ChangesMegabytes = None,
    influx_tag: option.InfluxTag = None,
    influx_unknown: option.InfluxUnknown = None,
    influx_series: option.InfluxSeries = None,
    anonymous: option.Anonymous = None,
    insecure: Insecure = None,
    allowed_hosts: option.AllowedHosts = None,
    cors_origins: option.CorsOrigins = None,
    trusted_proxies: option.TrustedProxies = None,
    header_seconds: option.HeaderSeconds = None,
    body_seconds: option.BodySeconds = None,
    send_seconds: option.SendSeconds = None,
    keep_alive_seconds: option.KeepAliveSeconds = None,
    connections: option.Connections = None,
    outbound_host: option.OutboundHost = None,
    public_url: option.PublicUrl = None,
    hybrid: option.Hybrid = None,
    hybrid_readings: option.HybridReadings = None,
    tls_cert: option.TlsCert = None,
    tls_key: option.TlsKey = None,
    bacnet: option.BacnetConfig = None,
) -> None:
    """Serve a data directory over HTTP.

    It is made where it is missing. Each option is also an environment variable: --query-seconds is
    TWINHOUSE_QUERY_SECONDS. SIGTERM and Ctrl-C give up large loads, inference and validation,
    let all other requests finish for up to 2 s, then write and close everything.
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
        say(f"serving {settings.data.absolute()} at {settings.url}/")
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
