"""`twinhouse demo`: a building to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.failure import Failure, say
from server.cli.options import Host, Insecure, Port, Target, data_of

if TYPE_CHECKING:
    from server.settings import Settings

_DATA = Path("twinhouse-demo")
DemoData = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data directory [env: TWINHOUSE_DATA; default: ./twinhouse-demo]."),
]


def demo(
    data: DemoData = None,
    days: Annotated[int, typer.Option(min=1, help="Days of readings, up to today.")] = 365,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve it when it is there.")] = True,
    host: Host = None,
    port: Port = None,
    insecure: Insecure = None,
    bacnet: Annotated[
        bool, typer.Option("--bacnet/--no-bacnet", help="Run its BACnet network on loopback, too.")
    ] = True,
) -> None:
    """Make a demo building and serve it.

    An office of 24 zones with a year of readings. Prints three questions to ask it. A directory that has the
    demo already is served as it is.

    \b
    Example:
      twinhouse demo --days 30 --port 8080
    """
    from server.cli.access import require_access
    from server.cli.demo_data import has_demo, make_demo
    from server.cli.hosting import listen
    from server.settings import SettingError, Settings

    folder = data_of(data, _DATA)
    try:
        settings = Settings.from_environment(data=folder, host=host, port=port, insecure=insecure)
    except SettingError as error:
        raise Failure(str(error)) from None
    if serve:
        require_access(settings)
        listen(settings.host, settings.port).close()  # the demo takes a while to make: what would fail then fails now
    if has_demo(Target(folder)):
        say(f"{folder} has the demo building already")
    else:
        make_demo(Target(folder), days)
    if serve:
        _serve(settings, bacnet=bacnet)


def _serve(settings: Settings, *, bacnet: bool) -> None:
    from server.auth.gate import anonymous_role
    from server.auth.tokens import Role
    from server.bacnet.supervising import Supervisor
    from server.cli.examples import guide
    from server.cli.serve import host_twin

    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - it is compared
    scheme = settings.url.partition(":")[0]
    wants_token = anonymous_role(settings) < Role.READ
    text = guide(f"{scheme}://{shown}:{{port}}", str(settings.data) if wants_token else None, bacnet=bacnet)
    host_twin(settings, text, (lambda _url: Supervisor(["bacnet", "simulate"])) if bacnet else None)
