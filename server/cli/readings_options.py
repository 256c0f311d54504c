"""The options of `twinhouse readings` alone: each is a field of POST /readings/query, in the order of the help."""

from __future__ import annotations

from typing import Annotated

import typer

Query = Annotated[str | None, typer.Option(metavar="SPARQL", help="A SELECT of ?point and columns to carry along.")]
Every = Annotated[str | None, typer.Option(metavar="STEP", help="Width of a bucket: 15m, 1h, 1d, PT1H.")]
Timezone = Annotated[
    str | None, typer.Option(metavar="ZONE", help="Whose clock buckets follow: Europe/Berlin. Default: UTC.")
]
Origin = Annotated[str | None, typer.Option(metavar="TIME", help="A time on that clock at which a bucket starts.")]
Offset = Annotated[
    str | None, typer.Option(metavar="STEP", help="Buckets start so much later: 6h makes days from 06:00.")
]
Aggregate = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="mean (default), min, max, sum, count, first, last, median, p95, stddev, twmean, integral, "
        "duration, duration:STATE, difference, increase, rate.",
    ),
]
Hold = Annotated[
    str | None, typer.Option(metavar="STEP", help="The longest that a value holds: twmean and the like.")
]
Fill = Annotated[str | None, typer.Option(metavar="NAME", help="Empty buckets: none, null, previous, linear.")]
FillLimit = Annotated[str | None, typer.Option(metavar="STEP", help="How far a value fills: 3h.")]
Downsample = Annotated[int | None, typer.Option(metavar="N", help="So many raw readings a series, for a plot.")]
Wide = Annotated[bool, typer.Option("--wide", help="A column a point, instead of a row a reading.")]
AsOf = Annotated[bool, typer.Option("--as-of", help="As --wide, at the times of the first point.")]
Tolerance = Annotated[str | None, typer.Option(metavar="STEP", help="How old others may be then: 10m.")]
Limit = Annotated[int | None, typer.Option(min=0, help="At most so many rows.")]
