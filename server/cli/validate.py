"""`twinhouse validate`: does the graph keep to its ontology's shapes?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.options import Data, Json, Url, given, target_of
from server.cli.output import format_of, print_json, write
from server.cli.progress import waiting


def validate(
    graph: Annotated[
        str | None, typer.Option(metavar="IRI", help="The graph; else all but the ontologies together.")
    ] = None,
    ontology: Annotated[str, typer.Option(metavar="NAME", help="The ontology whose shapes count.")] = "brick",
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="1.4 (default) or 1.5.")] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="NAME", help="json, sarif; SHACL's report: turtle, ntriples, jsonld, rdfxml."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; its ending tells the format.")
    ] = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Validate models with SHACL.

    Findings that one change would mend are told as one cause; advice is what no shape asks for. Exits with 1 when
    there are findings, unless the report goes to a file or has a --format.

    \b
    Examples:
      twinhouse validate --graph urn:twinhouse:model:building --ontology brick --version 1.4
      twinhouse validate -o findings.sarif
    """
    target = target_of(data, url)
    params = given(graph=graph, name=ontology, version=version, format=format_of(format_, output))
    from server.cli.client import connect

    with connect(target) as client, waiting("validating"):
        if "format" in params:
            with client.stream("POST", "/validate", params=params) as answer:
                write(answer.iter_bytes(), output)
            return
        report = client.json("POST", "/validate", params=params)
    if as_json:
        print_json(report)
    else:
        _show(report)
    raise typer.Exit(0 if report["conforms"] else 1)


def _show(report: dict[str, Any]) -> None:
    for graph in report["graphs"]:
        typer.echo(f"graph {graph}")
    for cause in report["causes"]:
        _show_cause(cause)
    for item in report["advice"]:
        typer.echo(f"\nadvice, {item['count']:,} times: {item['cause']}\n  hint: {item['hint']}")
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
