"""`twinhouse points`: what there is to read."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from server.cli.failure import say
from server.cli.options import Data, Json, Output, Url, target_of
from server.cli.output import format_of, on_terminal, print_table, refuse_binary, write

_ALL = 1 << 30
_ON_TERMINAL = 1_000
_COLUMNS = ("label", "class", "unit", "room", "readings", "latest_time", "latest_value", "iri")


def points(
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Text in IRI, label or class.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many points.")] = None,
    as_json: Json = False,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="table (on a terminal), csv, json, ndjson, arrow, parquet.")
    ] = None,
    output: Output = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """List points and what is known of each.

    What the graph says of it, how many readings its series has, and the latest.

    \b
    Examples:
      twinhouse points --search temperature
      twinhouse points --format csv -o points.csv
    """
    target, given = target_of(data, url), "json" if as_json else format
    chosen = format_of(given, output) or ("table" if on_terminal() and output is None else "csv")
    refuse_binary(chosen, output)
    as_table = chosen == "table"
    most = _ON_TERMINAL if as_table else _ALL
    count = most if limit is None else limit
    params: dict[str, str | int] = {"format": "json" if as_table else chosen, "limit": count}
    if search is not None:
        params["search"] = search
    from server.cli.client import connect

    with connect(target) as client, client.stream("GET", "/points", params=params) as response:
        if as_table:
            _print(json.loads(response.read())["data"], count)
        else:
            write(response.iter_bytes(), output)


def _print(rows: list[dict[str, Any]], limit: int) -> None:
    from ontologies.namespaces import compact

    short = [row | {name: compact(row[name] or "") for name in ("class", "unit", "iri")} for row in rows]
    for row in short:
        row["room"] = (row["room"] or "").replace("#", "/").rpartition("/")[2]
    print_table(short, _COLUMNS, ("readings", "latest_value"))
    say(f"{len(rows):,} points" + (" (there may be more: --limit)" if len(rows) == limit else ""))
