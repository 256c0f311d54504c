"""`twinhouse bacnet run`: the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.failure import Failure, say
from server.cli.options import Json
from server.cli.output import print_json, print_table

if TYPE_CHECKING:
    from server.bacnet.config import Config

ConfigFile = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="Its configuration: site.toml.", show_default=False)
]
_LOG = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def run(
    config: ConfigFile,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what each device would be asked, and ask nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Record a BACnet network: poll, subscribe, read trend logs, and bring it all to the server.

    What the server has not taken yet is kept on disk. SIGTERM and Ctrl-C end it.

    \b
    Example:
      twinhouse bacnet run bacnet.toml --dry-run
    """
    from server.bacnet.errors import BacnetError
    from server.bacnet.gateway import run as run_gateway
    from server.bacnet.supervising import bind_to_parent

    bind_to_parent()
    try:
        read = _read(config)
        if dry_run:
            _show(read, as_json=as_json)
            return
        logging.basicConfig(level=logging.INFO, format=_LOG, stream=sys.stderr)
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        asyncio.run(_until_told(run_gateway(read)))
    except BacnetError as error:
        raise Failure(str(error)) from None


def _read(path: Path) -> Config:
    from server.bacnet.config import read_config

    return read_config(path)


async def _until_told(gateway: Any) -> None:  # noqa: ANN401 - a coroutine
    """Run until SIGTERM or SIGINT."""
    task = asyncio.ensure_future(gateway)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _show(config: Config, *, as_json: bool) -> None:
    from server.bacnet.gateway import planned
    from server.bacnet.planning import load_of, without_effect

    rows: list[dict[str, Any]] = []
    plans = planned(config)
    for plan in plans:
        load = load_of(plan, config.cov_every, config.cov_lifetime, config.every)
        rows.append(
            {
                "device": plan.instance,
                "address": str(plan.station),
                "name": plan.name,
                "points": load.points,
                "requests_per_second": round(load.requests, 4),
                "subscriptions": load.subscriptions,
                "trend_logs": load.logs,
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        rows, rows[0] if rows else ("device",), ("points", "requests_per_second", "subscriptions", "trend_logs")
    )
    total = sum(row["requests_per_second"] for row in rows)
    say(f"{sum(row['points'] for row in rows)} points of {len(rows)} devices, {total:.2f} requests a second")
    for told in without_effect(config, plans):
        say(f"warning: {config.path}: {told}")
