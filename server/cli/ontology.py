"""`twinhouse ontology`: the vocabularies that come with Twinhouse."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json, print_table

ontology = typer.Typer(
    help="List and load the ontologies that come with Twinhouse.", rich_markup_mode=None, no_args_is_help=True
)


@ontology.command("list")
def list_ontologies(as_json: Json = False, data: Data = None, url: Url = None) -> None:
    """List the ontologies that can be loaded, and whether they are.

    \b
    Example:
      twinhouse ontology list
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client:
        known = client.json("GET", "/ontologies")["ontologies"]
    if as_json:
        print_json(known)
    else:
        print_table(known, ("name", "version", "loaded", "graph"))


@ontology.command("load")
def load_ontology(
    name: Annotated[str, typer.Argument(help="brick or 223p.", show_default=False)],
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Of brick: 1.4 (default) or 1.5.")] = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Load an ontology into a graph of its own, once.

    \b
    Example:
      twinhouse ontology load brick --version 1.4
    """
    target = target_of(data, url)
    from server.cli.client import connect

    params = {"name": name} | ({"version": version} if version is not None else {})
    with connect(target, creates=True) as client:
        report = client.json("POST", "/ontologies", params=params)
    if as_json:
        print_json(report)
        return
    state = "loaded into" if report["loaded"] else "already in"
    typer.echo(f"{report['name']} {report['version']} {state} {report['graph']}")
