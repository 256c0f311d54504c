"""`twinhouse export`: a data set that is useful without us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli.options import Data, Url, target_of


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; absent or empty.", show_default=False)],
    data: Data = None,
    url: Url = None,
) -> None:
    """Write a data set for other tools to read.

    All readings as Parquet, the points as a table and the graph as N-Quads. Its README.md shows how with
    DuckDB, pandas and Polars.

    \b
    Example:
      twinhouse export ./office-data --url http://127.0.0.1:8080
    """
    target = target_of(data, url)
    from server.cli.archive import fetch
    from server.cli.client import connect

    with connect(target) as client:
        size = fetch(client, "/export", folder)
    typer.echo(f"{folder}: {size / 1e6:,.1f} MB; {folder / 'README.md'} tells how to begin")
