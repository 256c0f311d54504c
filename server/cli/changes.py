"""`twinhouse changes`: what was changed in the graph, and taking it back."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from server.cli.failure import say
from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json, print_table

changes = typer.Typer(help="List, show and undo changes of the graph.", rich_markup_mode=None, no_args_is_help=True)
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As `changes list` has it.", show_default=False)]


@changes.command("list")
def list_changes(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """List what was loaded, updated, replaced and removed, the newest first; by whom, and when.

    \b
    Example:
      twinhouse changes list --data ./office
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client:
        found = client.json("GET", "/changes", params={"limit": limit})["changes"]
    if as_json:
        print_json(found)
    else:
        columns = ("number", "time", "who", "what", "added", "removed")
        print_table(map(_row, found), columns, ("number", "added", "removed"))


def _row(change: dict[str, Any]) -> dict[str, Any]:
    return {key: "?" if value is None else value for key, value in change.items()}


@changes.command("show")
def show_change(number: Number, data: Data = None, url: Url = None) -> None:
    """Print a change as an RDF Patch: A for a quad that was added, D for one that was removed.

    \b
    Example:
      twinhouse changes show 12
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client, client.stream("GET", f"/changes/{number}") as answer:
        for chunk in answer.iter_bytes():
            sys.stdout.buffer.write(chunk)
    sys.stdout.flush()


@changes.command("undo")
def undo_change(number: Number, as_json: Json = False, data: Data = None, url: Url = None) -> None:
    """Take a change back, if nothing has changed since what it did. That is a change itself.

    \b
    Example:
      twinhouse changes undo 12
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client:
        made = client.json("POST", f"/changes/{number}/undo")
    if as_json:
        print_json(made)
    else:
        say(f"{number} is undone, by change {made['number']}: {made['added']:,} added, {made['removed']:,} removed")
