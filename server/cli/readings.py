"""`twinhouse readings`: the join of a query's points and their readings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.failure import say
from server.cli.options import Data, Output, QueryFile, Timeout, Url, read_text, target_of
from server.cli.output import format_of, on_terminal, print_table, refuse_binary, write

_ALL = 1 << 30
_ON_TERMINAL = 1_000


def readings(
    point: Annotated[
        list[str] | None, typer.Argument(metavar="[POINT]...", help="IRIs or UUIDs of points.", show_default=False)
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SPARQL", help="A SELECT of ?point and columns to carry along.")
    ] = None,
    file: QueryFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="First time: 2026-01-31T08:00Z, -7d, now.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="The time just after the last.")] = None,
    every: Annotated[str | None, typer.Option(metavar="STEP", help="Width of a bucket: 15m, 1h, 1d, PT1H.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Whose clock buckets follow: Europe/Berlin. Default: UTC."),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(metavar="TIME", help="A time on that clock at which a bucket starts.")
    ] = None,
    offset: Annotated[
        str | None, typer.Option(metavar="STEP", help="Buckets start so much later: 6h makes days from 06:00.")
    ] = None,
    aggregate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mean (default), min, max, sum, count, first, last, median, p95, stddev, twmean, integral, "
            "duration, duration:STATE, difference, increase, rate.",
        ),
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="The longest that a value holds: twmean and the like."),
    ] = None,
    fill: Annotated[
        str | None, typer.Option(metavar="NAME", help="Empty buckets: none, null, previous, linear.")
    ] = None,
    fill_limit: Annotated[str | None, typer.Option(metavar="STEP", help="How far a value fills: 3h.")] = None,
    downsample: Annotated[
        int | None, typer.Option(metavar="N", help="So many raw readings a series, for a plot.")
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="A column a point, instead of a row a reading.")] = False,
    as_of: Annotated[
        bool,
        typer.Option("--as-of", help="As --wide, at the times of the first point."),
    ] = False,
    tolerance: Annotated[str | None, typer.Option(metavar="STEP", help="How old others may be then: 10m.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many rows.")] = None,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="table (on a terminal), csv, json, ndjson, arrow, parquet.")
    ] = None,
    output: Output = None,
    timeout: Timeout = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Read readings of points.

    Of named points, of those that a query selects, or of all.

    \b
    Examples:
      twinhouse readings urn:site:temperature-1 --start -1d
      twinhouse readings --start -7d --every 1h --wide -o week.parquet \\
        --query 'SELECT ?point ?ahu WHERE { ?ahu <https://brickschema.org/schema/Brick#hasPoint> ?point }'
    """
    target = target_of(data, url)
    if sum((bool(point), query is not None, file is not None)) > 1:
        raise typer.BadParameter("give points, --query or -f FILE, one of them")
    chosen = format_of(format, output) or ("table" if on_terminal() and output is None else "csv")
    refuse_binary(chosen, output)
    wanted = {
        "point": point or None,
        "query": read_text(file) if file is not None else query,
        "start": start,
        "end": end,
        "every": every,
        "timezone": timezone,
        "origin": origin,
        "offset": offset,
        "aggregate": aggregate,
        "hold": hold,
        "fill": fill,
        "fill_limit": fill_limit,
        "downsample": downsample,
        "shape": "asof" if as_of else ("wide" if wide else None),
        "tolerance": tolerance,
        "limit": limit,
        "timeout": timeout,
    }
    _ask(wanted, chosen, output, target)


def _ask(wanted: dict[str, Any], chosen: str, output: Path | None, target: Any) -> None:  # noqa: ANN401 - Target
    from server.cli.client import connect

    as_table = chosen == "table"
    if as_table:
        # One more than is shown, to know whether there is more.
        wanted |= {"limit": min(_ON_TERMINAL + 1, _ALL if wanted["limit"] is None else wanted["limit"])}
    document = {name: value for name, value in wanted.items() if value is not None}
    params = {"format": "json" if as_table else chosen}
    with (
        connect(target) as client,
        client.stream("POST", "/readings/query", params=params, content=json.dumps(document).encode()) as response,
    ):
        if as_table:
            _print(json.loads(response.read()))
        else:
            write(response.iter_bytes(), output)


def _print(document: dict[str, Any]) -> None:
    from ontologies.namespaces import compact

    columns = {column["name"]: column["type"] for column in document["columns"]}
    rows = document["data"]
    texts = [name for name, kind in columns.items() if kind not in ("double", "int64") and name != "time"]
    for row in rows:
        row |= {name: compact(row[name]) for name in texts if isinstance(row[name], str)}
    used = [name for name in columns if name not in ("text", "status") or any(row[name] is not None for row in rows)]
    print_table(rows[:_ON_TERMINAL], used, columns.keys() - {*texts, "time"})
    if len(rows) > _ON_TERMINAL:
        say(f"the first {_ON_TERMINAL:,} rows are shown: --format csv has all")
    else:
        say(f"{len(rows):,} rows")
