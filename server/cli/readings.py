"""`twinhouse readings`: the join of a query's points and their readings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.cli import readings_options as option
from server.cli.failure import say
from server.cli.options import (
    Data,
    End,
    Output,
    Points,
    QueryFile,
    Start,
    TableFormat,
    Target,
    Timeout,
    Url,
    given,
    selected,
    target_of,
)
from server.cli.output import MOST_SHOWN, print_table, table_format_of, write


def readings(
    point: Points = None,
    query: option.Query = None,
    file: QueryFile = None,
    start: Start = None,
    end: End = None,
    every: option.Every = None,
    timezone: option.Timezone = None,
    origin: option.Origin = None,
    offset: option.Offset = None,
    aggregate: option.Aggregate = None,
    hold: option.Hold = None,
    fill: option.Fill = None,
    fill_limit: option.FillLimit = None,
    downsample: option.Downsample = None,
    wide: option.Wide = False,
    as_of: option.AsOf = False,
    tolerance: option.Tolerance = None,
    limit: option.Limit = None,
    format: TableFormat = None,
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
    wanted = selected(point, query, file) | given(
        start=start,
        end=end,
        every=every,
        timezone=timezone,
        origin=origin,
        offset=offset,
        aggregate=aggregate,
        hold=hold,
        fill=fill,
        fill_limit=fill_limit,
        downsample=downsample,
        shape="asof" if as_of else "wide" if wide else None,
        tolerance=tolerance,
        limit=limit,
        timeout=timeout,
    )
    _ask(wanted, table_format_of(format, output), output, target)


def _ask(wanted: dict[str, Any], chosen: str, output: Path | None, target: Target) -> None:
    from server.cli.client import connect

    as_table = chosen == "table"
    if as_table:
        # One more than is shown, to know whether there is more.
        wanted["limit"] = min(MOST_SHOWN + 1, wanted.get("limit", MOST_SHOWN + 1))
    params = {"format": "json" if as_table else chosen}
    with (
        connect(target) as client,
        client.stream("POST", "/readings/query", params=params, content=json.dumps(wanted).encode()) as response,
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
    print_table(rows[:MOST_SHOWN], used, columns.keys() - {*texts, "time"})
    if len(rows) > MOST_SHOWN:
        say(f"the first {MOST_SHOWN:,} rows are shown: --format csv has all")
    else:
        say(f"{len(rows):,} rows")
