"""`twinhouse diff`: what two models differ in, or a file and what is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.options import BrickRelease, Data, Json, Url, target_of
from server.cli.output import print_json

if TYPE_CHECKING:
    from pyoxigraph import Quad

    from server.cli.options import Target


def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="A model; alone, it is the newer of itself and what is loaded.")
    ],
    new: Annotated[Path | None, typer.Argument(metavar="[NEW]", help="The newer model.", show_default=False)] = None,
    graph: Annotated[
        str | None, typer.Option(metavar="IRI", help="The loaded graph to compare with; else made from the name.")
    ] = None,
    brick: BrickRelease = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Repair what no parser should take.")] = False,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Tell what two models differ in, of whatever forms they are, or what loading a file would change.

    Each line is a triple that is new (+) or gone (-); blank nodes are told by what is said of them. Exits with 1
    where there is a difference.

    \b
    Examples:
      twinhouse diff yesterday.ttl today.zinc
      twinhouse diff building.ttl --data ./office
    """
    from ontologies.models.comparing import difference
    from server.cli.reading_models import quads_of
    from server.twin.models import model_graph

    name = graph or model_graph(old.name).value
    first = quads_of(old, graph=name, brick=brick, lenient=lenient)
    if new is not None:
        # As if both were loaded under one name, so that what has no IRI of its own gets the same.
        found = difference(first, quads_of(new, graph=name, brick=brick, lenient=lenient))
    else:
        found = difference(_loaded(target_of(data, url), name), first)
    if as_json:
        print_json({"added": list(found.added), "removed": list(found.removed)})
    else:
        for sign, lines in (("-", found.removed), ("+", found.added)):
            for line in lines:
                typer.echo(f"{sign} {line}")
        typer.echo(f"{len(found.added):,} triples added, {len(found.removed):,} removed")
    raise typer.Exit(1 if found else 0)


def _loaded(target: Target, graph: str) -> list[Quad]:
    from ontologies.models.form import Options
    from ontologies.models.registry import form_named
    from server.cli.client import connect

    with (
        connect(target) as client,
        client.stream("GET", "/models", params={"as": "nquads", "graph": graph}) as response,
    ):
        return list(form_named("nquads").read(response.read(), Options()).quads)
