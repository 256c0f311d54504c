"""`twinhouse backup`: a copy of the data directory, taken while the server goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import Data, Url, target_of


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; absent or empty.", show_default=False)],
    data: Data = None,
    url: Url = None,
) -> None:
    """Copy everything, while the server goes on.

    The copy is of one moment. `twinhouse restore` makes a data directory of it.

    \b
    Example:
      twinhouse backup ./backups/2026-05-04 --url http://127.0.0.1:8080
    """
    target = target_of(data, url)
    from server.cli.archive import fetch
    from server.cli.client import connect

    with connect(target) as client:
        size = fetch(client, "/backup", folder)
    typer.echo(f"{folder}: {size / 1e6:,.1f} MB")
