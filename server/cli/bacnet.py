"""`twinhouse bacnet`: a building's own network, from a scan to readings and commands."""

from __future__ import annotations

import typer

from server.cli.bacnet_import import import_scan
from server.cli.bacnet_review import review
from server.cli.bacnet_run import run
from server.cli.bacnet_scan import scan
from server.cli.bacnet_simulate import simulate
from server.cli.bacnet_write import write

bacnet = typer.Typer(
    help="Scan a BACnet network, import it, record it, command it.", rich_markup_mode=None, no_args_is_help=True
)
bacnet.command("scan")(scan)
bacnet.command("import")(import_scan)
bacnet.command("review")(review)
bacnet.command("run")(run)
bacnet.command("write")(write)
bacnet.command("simulate")(simulate)
