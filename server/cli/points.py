"""`twinhouse points`: what there is to read."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from server.cli.failure import say
from server.cli.options import Data, Json, Output, TableFormat, Url, given, target_of
from server.cli.output import MOST_SHOWN, print_table, table_format_of, write

_ALL = 1 << 30
_COLUMNS = ("label", "class", "unit", "room", "readings", "latest_time", "latest_value", "iri")


def points(
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Text in IRI, label or class.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many points.")] = None,
    as_json: Json = False,
    format: TableFormat = None,
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
    target = target_of(data, url)
    chosen = table_format_of("json" if as_json else format, output)
    as_table = chosen == "table"
    most = MOST_SHOWN if as_table else _ALL
    count = most if limit is None else limit
    params = given(format="json" if as_table else chosen, limit=count, search=search)
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
