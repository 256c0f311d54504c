"""`twinhouse infer`: what follows from the models."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json
from server.cli.progress import waiting


def infer(
    ontology: Annotated[str, typer.Option(metavar="NAME", help="The ontology whose rules count.")] = "brick",
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="1.4 (default) or 1.5.")] = None,
    closure: Annotated[
        bool, typer.Option("--closure", help="Also each class above those that something is of.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Put what follows from all models into the graph urn:twinhouse:inferred, in place of what was there.

    By the rules of Brick, such as inverse relations and tags. Where no model has changed since, nothing is done.

    \b
    Example:
      twinhouse infer --data ./office
    """
    target = target_of(data, url)
    given = {"name": ontology, "version": version, "closure": "true" if closure else None}
    from server.cli.client import connect

    with connect(target) as client, waiting("inferring"):
        report = client.json("POST", "/infer", params={name: value for name, value in given.items() if value})
    if as_json:
        print_json(report)
        return
    what = "inferred" if report["changed"] else "inferred before; nothing has changed since"
    typer.echo(f"{report['graph']}: {report['triples']:,} triples {what}")
