"""The options of `twinhouse ingest` alone: how tables are read and what becomes of ids, in the order of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

IdColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the series id.")]
TimeColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the time.")]
ValueColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the value.")]
TextColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of texts.")]
StatusColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Column of the quality flags.")]
Wide = Annotated[
    bool | None, typer.Option("--wide/--long", help="A column a series, or a row a reading; else guessed.")
]
Timezone = Annotated[
    str | None, typer.Option(metavar="ZONE", help="Of times without an offset: Europe/Berlin; else UTC.")
]
TimeUnit = Annotated[str | None, typer.Option(metavar="UNIT", help="Of times as numbers: s, ms, us, ns.")]
Delimiter = Annotated[str | None, typer.Option(metavar="CHAR", help="Of CSV; else guessed.")]
Na = Annotated[list[str] | None, typer.Option(metavar="VALUE", help="A cell that means no reading; may be repeated.")]
PointMap = Annotated[
    Path | None,
    typer.Option("--map", metavar="CSV", help="Table of iri, uuid, uuid_as_published: translates the ids."),
]
Source = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What the model calls the store or file; else the file's name is tried."),
]
Unknown = Annotated[
    str | None,
    typer.Option(metavar="accept|ignore", help="Ids of no point and no UUID; default: accept, wide: ignore."),
]
ChunkRows = Annotated[int, typer.Option(min=1, help="Readings a request, each stored whole or not at all.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the last run of this kind was interrupted.")]
