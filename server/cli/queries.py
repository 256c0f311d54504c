"""`twinhouse queries`: what a server is asked at the moment."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from server.cli.failure import say
from server.cli.options import Json, Server, Target, server_of, target_of
from server.cli.output import print_json, print_table

_MOST_SHOWN = 60  # characters of a query in a table

queries = typer.Typer(
    help="List and end the SPARQL queries that a server is asked.", rich_markup_mode=None, no_args_is_help=True
)


@queries.command("list")
def list_queries(as_json: Json = False, url: Server = None) -> None:
    """List the queries that run or wait: those of all for an admin, else those of the same token.

    \b
    Example:
      twinhouse queries list --url http://127.0.0.1:8080
    """
    from server.cli.client import connect

    with connect(_target(url)) as client:
        found = client.json("GET", "/queries")["queries"]
    if as_json:
        print_json(found)
    else:
        print_table(map(_row, found), ("id", "who", "state", "age", "rows", "query"), ("age", "rows"))


def _target(url: str | None) -> Target:
    return target_of(None, server_of(url))


def _row(query: dict[str, Any]) -> dict[str, Any]:
    text = " ".join(query["query"].split())
    return query | {"query": text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"}


@queries.command("cancel")
def cancel_query(
    number: Annotated[str, typer.Argument(metavar="ID", help="As `queries list` has it.", show_default=False)],
    url: Server = None,
) -> None:
    """End a query. Whoever waits for its answer gets an error.

    \b
    Example:
      twinhouse queries cancel 9f1b3c5d7e8f9a0b --url http://127.0.0.1:8080
    """
    from server.cli.client import connect

    with connect(_target(url)) as client:
        client.json("DELETE", f"/queries/{quote(number, safe='')}")
    say(f"{number} is cancelled")
