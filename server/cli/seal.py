"""`twinhouse seal`: write what is hot to Parquet."""

from __future__ import annotations

import typer

from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json


def seal(as_json: Json = False, data: Data = None, url: Url = None) -> None:
    """Write all readings to Parquet now.

    Then DIR/series/readings has every one of them. A server does so by itself, by size and by age.

    \b
    Example:
      twinhouse seal --url http://127.0.0.1:8080
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client:
        status = client.json("POST", "/seal")
    if as_json:
        print_json(status)
        return
    megabytes = status["sealed_bytes"] / 1e6
    typer.echo(f"{status['sealed_rows']:,} readings in {status['segments']:,} files, {megabytes:,.1f} MB")
    typer.echo(f"{status['hot_rows']:,} readings hot, {status['runs']:,} runs to be merged")
