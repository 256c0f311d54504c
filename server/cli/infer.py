"""`twinhouse infer`: what follows from the models."""

from __future__ import annotations

from typing import Annotated

import typer

from server.cli.options import Data, Json, Url, given, target_of
from server.cli.output import print_json
from server.cli.progress import waiting


def infer(
    ontology: Annotated[
        str, typer.Option(metavar="NAME", help="The ontology whose rules count: brick (with REC), 223p.")
    ] = "brick",
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Of brick: 1.4 (default) or 1.5.")] = None,
    classes: Annotated[bool, typer.Option("--classes", help="Also all classes above each node's own.")] = False,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Keep what follows from the models in the graph urn:twinhouse:inferred: inverses, tags, classes.

    Asked again, it looks only at models that have changed. `twinhouse serve --inference brick` does so by itself.
    `twinhouse update 'DROP GRAPH <urn:twinhouse:inferred>'` takes it all back.

    \b
    Example:
      twinhouse infer --classes
    """
    target = target_of(data, url)
    params = given(name=ontology, version=version, classes=classes)
    from server.cli.client import connect

    with connect(target) as client, waiting("inferring"):
        report = client.json("POST", "/infer", params=params)
    if as_json:
        print_json(report)
        return
    typer.echo(f"{report['triples']:,} triples in {report['graph']}, by {report['ontology']}")
    typer.echo(
        f"{report['added']:,} more and {report['removed']:,} fewer than before; {report['inferred_groups']:,} of"
        f" {report['groups']:,} groups of models were looked at, in {report['seconds']:.1f} s"
    )
