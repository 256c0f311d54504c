"""`twinhouse validate`: does the graph keep to its ontology's shapes?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json
from server.cli.progress import waiting

_FORMS = ("text", "json", "sarif", "shacl")


def validate(
    graph: Annotated[
        str | None, typer.Option(metavar="IRI", help="The graph; else all but the ontologies together.")
    ] = None,
    ontology: Annotated[str, typer.Option(metavar="NAME", help="The ontology whose shapes count.")] = "brick",
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="1.4 (default) or 1.5.")] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="text, json, sarif, or shacl (a report graph).")
    ] = "text",
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Validate models with SHACL, and check their units, series and inverse relations.

    Findings that one change would mend are told as one cause, with the fix. Exits with 1 where a model does not
    conform.

    \b
    Example:
      twinhouse validate --graph urn:twinhouse:model:building --ontology brick --version 1.4
    """
    target = target_of(data, url)
    given = {"graph": graph, "name": ontology, "version": version}
    from ontologies.validation_reports import sarif, shacl
    from server.cli.client import connect

    if form not in _FORMS:
        raise typer.BadParameter(f"--format is one of: {', '.join(_FORMS)}")
    with connect(target) as client, waiting("validating"):
        params = {name: value for name, value in given.items() if value is not None}
        report = client.json("POST", "/validate", params=params)
    if as_json or form == "json":
        print_json(report)
    elif form == "sarif":
        print_json(sarif(report))
    elif form == "shacl":
        typer.echo(shacl(report).decode(), nl=False)
    else:
        _show(report)
    raise typer.Exit(0 if report["conforms"] else 1)


def _show(report: dict[str, Any]) -> None:
    for graph in report["graphs"]:
        typer.echo(f"graph {graph}")
    for cause in report["causes"]:
        _show_cause(cause)
    if report["conforms"]:
        typer.echo(f"conforms to {report['ontology']}")
        return
    found, causes = len(report["findings"]), len(report["causes"])
    typer.echo(f"\n{found:,} findings of {causes:,} causes: does not conform to {report['ontology']}")


def _show_cause(cause: dict[str, Any]) -> None:
    from ontologies.namespaces import compact

    example = cause["example"]
    terms = (compact(term) for term in (example["focus"], example["path"], example["value"]) if term)
    typer.echo(f"\n{cause['severity']}, {cause['count']:,} times: {cause['cause']}")
    if cause["hint"]:
        typer.echo(f"  hint: {cause['hint']}")
    typer.echo(f"  such as {' '.join(terms)}")
