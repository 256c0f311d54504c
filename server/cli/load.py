"""`twinhouse load`: models into the graph."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.failure import Failure, say
from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json

if TYPE_CHECKING:
    from server.cli.client import Client

_COUNTS = {
    "triples": "triples",
    "points": "points",
    "references": "points given a series reference",
    "repaired_iris": "terms repaired",
    "repaired_ids": "series ids set right by the map",
    "damaged_ids": "damaged series ids",
    "shared_series": "series shared by several points",
}


def load(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="RDF files.", show_default=False)],
    graph: Annotated[
        str | None, typer.Option(metavar="IRI", help="The graph to replace; else made from the file's name.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="turtle, ntriples, nquads, trig, rdfxml, jsonld, or a media type."),
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Repair IRIs and language tags that no parser should take.")
    ] = False,
    point_map: Annotated[
        Path | None,
        typer.Option("--map", metavar="CSV", help="Table of iri and uuid: the right series of each point."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Load models, each into a graph of its own. Loading a file again replaces its graph.

    Points that name a series in another way than by UUID get a UUID, the same each time.

    \b
    Examples:
      twinhouse load building.ttl --data ./office
      twinhouse load old.ttl --lenient --map points.csv --graph urn:site:main
    """
    target = target_of(data, url)
    _check(files, graph, point_map)
    from server.cli.client import connect

    reports = []
    with connect(target, creates=True) as client:
        for file in files:
            report = _load(client, file, _parameters(graph, format, lenient), point_map)
            reports.append({"file": str(file), **report})
            if not as_json:
                _show(file, report)
    if as_json:
        print_json(reports)


def _check(files: list[Path], graph: str | None, point_map: Path | None) -> None:
    """Refuse what would lose something: missing files, and two files for one graph."""
    for path in (*files, point_map):
        if path is not None and not path.is_file():
            raise Failure(f"{path} is {'a folder' if path.is_dir() else 'not there'}")
    if graph is not None and len(files) > 1:
        raise typer.BadParameter("--graph takes one file: each would replace the one before")
    from server.twin.models import model_graph

    taken: dict[str, Path] = {}
    for file in files:
        name = model_graph(file.name).value
        if taken.setdefault(name, file) != file:
            raise typer.BadParameter(f"{taken[name]} and {file} would both be {name}: load them apart, with --graph")


def _parameters(graph: str | None, name: str | None, lenient: bool) -> dict[str, str]:
    from server.negotiation import GRAPHS

    given = {
        "graph": graph,
        "format": GRAPHS.get(name, name) if name else None,
        "lenient": "true" if lenient else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _load(client: Client, file: Path, parameters: dict[str, str], point_map: Path | None) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        # The file's ending tells the format, unless --format does.
        parts = {"model": (file.name, stack.enter_context(file.open("rb")), "application/octet-stream")}
        if point_map is not None:
            parts["map"] = (point_map.name, stack.enter_context(point_map.open("rb")), "text/csv")
        try:
            report: dict[str, Any] = client.json("POST", "/models", params=parameters, files=parts)
        except Failure as failure:
            raise _explained(failure, file, "lenient" in parameters) from None
    return report


def _explained(failure: Failure, file: Path, lenient: bool) -> Failure:
    hint = failure.hint
    if not lenient and any(word in failure.detail for word in ("IRI", "language tag")):
        hint = "--lenient repairs such terms, and says which"
    return Failure(f"{file}: {failure.detail}", hint=hint, notes=("nothing of this file was loaded",))


def _show(file: Path, report: dict[str, Any]) -> None:
    typer.echo(f"{file} -> {', '.join(report['graphs'])}")
    for key, label in _COUNTS.items():
        if report[key] or key in ("triples", "points"):
            typer.echo(f"{report[key]:>13,}  {label}")
    for key, examples in report["examples"].items():
        for example in examples:
            say(f"{_COUNTS[key]}: {example}")
    for warning in report["warnings"]:
        say(f"warning: {warning}")
