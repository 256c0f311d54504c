"""`twinhouse update`: change the graph in SPARQL."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.failure import say
from server.cli.options import Data, QueryFile, Url, target_of, text_of


def update(
    sparql: Annotated[str | None, typer.Argument(metavar="SPARQL", help="The update.", show_default=False)] = None,
    file: QueryFile = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Change the graph in SPARQL 1.1 Update, all or nothing.

    \b
    Examples:
      twinhouse update 'INSERT DATA { GRAPH <urn:notes> { <urn:ahu-1> <urn:serviced> "2026-05-04" } }'
      twinhouse update -f rename.ru --url http://127.0.0.1:8080
    """
    text, target = text_of(sparql, file, "update"), target_of(data, url)
    from server.cli.client import connect

    with connect(target, creates=True) as client:
        client.json("POST", "/update", content=text.encode(), headers={"Content-Type": "application/sparql-update"})
    say("done")
