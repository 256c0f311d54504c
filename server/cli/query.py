"""`twinhouse query`: SPARQL over the graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.failure import say
from server.cli.options import Data, Output, QueryFile, Timeout, Url, given, target_of, text_of
from server.cli.output import MOST_SHOWN, print_json, print_table, table_format_of, write

if TYPE_CHECKING:
    import httpx2

_TURTLE = "text/turtle"
_AS_TABLE = f"application/sparql-results+json, {_TURTLE};q=0.9"
_AS_TEXT = f"text/csv, {_TURTLE};q=0.9"


def query(
    sparql: Annotated[str | None, typer.Argument(metavar="SPARQL", help="The query.", show_default=False)] = None,
    file: QueryFile = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="table, csv, tsv, json, xml, arrow, parquet; turtle, ntriples, rdfxml, jsonld, trig, nquads."
            " Default: table (SELECT) or turtle on a terminal, else csv or turtle.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Instead of the answer: what graph and readings are asked, and how long that takes."
        ),
    ] = False,
    output: Output = None,
    timeout: Timeout = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Ask the graph in SPARQL 1.1, and the readings: as observations of SOSA, and as brick:lastKnownValue.

    ASK prints true or false. A table on the terminal shortens IRIs by the usual prefixes; other formats never do.

    \b
    Examples:
      twinhouse query 'SELECT ?class (COUNT(*) AS ?n) WHERE { ?x a ?class } GROUP BY ?class ORDER BY DESC(?n)'
      twinhouse query -f points.rq -o points.parquet
      twinhouse query --explain 'PREFIX sosa: <http://www.w3.org/ns/sosa/>
          SELECT ?p (COUNT(*) AS ?n) WHERE { ?o sosa:madeBySensor ?p } GROUP BY ?p'
      twinhouse query 'CONSTRUCT WHERE { ?s a ?o }' --format ntriples --url http://127.0.0.1:8080
    """
    text, target = text_of(sparql, file, "query"), target_of(data, url)
    chosen = table_format_of(format, output, otherwise="")
    from server.cli.client import connect

    if explain:
        with connect(target) as client:
            print_json(client.json("POST", "/query", **_request(text, "", timeout, explain=True)))
        return
    with connect(target) as client, client.stream("POST", "/query", **_request(text, chosen, timeout)) as response:
        if chosen == "table":
            _print(response, output)
        else:
            write(response.iter_bytes(), output, b"" if chosen else b"\n")  # ASK's bare word


def _request(text: str, chosen: str, timeout: float | None, *, explain: bool = False) -> dict[str, Any]:
    accept = _AS_TABLE if chosen == "table" else _AS_TEXT
    named = None if chosen in ("", "table") else chosen
    return {
        "content": text.encode(),
        "headers": {"Content-Type": "application/sparql-query", "Accept": accept},
        "params": given(format=named, timeout=timeout, explain=explain),
    }


def _print(response: httpx2.Response, output: Path | None) -> None:
    if response.headers["content-type"].startswith(_TURTLE):
        write(response.iter_bytes(), output)
        return
    document = json.loads(response.read())
    if "boolean" in document:
        typer.echo("true" if document["boolean"] else "false")
        return
    _print_solutions(document["head"]["vars"], document["results"]["bindings"])


def _print_solutions(variables: list[str], bindings: list[dict[str, Any]]) -> None:
    rows = [{name: shown(term) for name, term in row.items()} for row in bindings[:MOST_SHOWN]]
    numbers = [name for name in variables if bindings and all(_is_number(row.get(name)) for row in bindings)]
    print_table(rows, variables, numbers)
    say(f"{len(bindings):,} rows")
    if len(bindings) > MOST_SHOWN:
        say(f"the first {MOST_SHOWN:,} are shown: --format csv has all")


def shown(term: dict[str, Any]) -> str:
    """Return a term of SPARQL's JSON results as a table shows it: an IRI shortened, a literal's text alone."""
    from ontologies.namespaces import compact

    match term["type"]:
        case "uri":
            return compact(term["value"])
        case "bnode":
            return f"_:{term['value']}"
        case "triple":
            return " ".join(shown(term["value"][part]) for part in ("subject", "predicate", "object"))
    return str(term["value"])


def _is_number(term: dict[str, Any] | None) -> bool:
    kind = (term or {}).get("datatype", "").partition("#")[2]
    return term is None or kind in ("integer", "decimal", "double", "float", "int", "long")
