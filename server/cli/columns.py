"""`twinhouse columns`: how the columns of a table are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.cli.failure import Failure
from server.cli.options import Json, Setting, require_file, settings_of
from server.cli.output import print_json


def columns(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The table: CSV or Excel.", show_default=False)],
    settings: Setting = None,
    as_json: Json = False,
) -> None:
    """Print the role that each column of a table of points or equipment plays, as TOML to change and give back.

    \b
    Example:
      twinhouse columns points.xlsx > columns.toml
      twinhouse load points.xlsx --set mapping=@columns.toml
    """
    from ontologies.errors import OntologyError
    from ontologies.models.form import Options
    from ontologies.tables.forms import sheets_of
    from ontologies.tables.mapping import mapping_toml

    require_file(file)
    try:
        found = list(sheets_of(file, Options(settings=settings_of(settings))))
    except OntologyError as error:
        raise Failure(f"{file}: {error}") from None
    if as_json:
        roles = [
            {"sheet": sheet.name, "rows": mapping.kind, "columns": {k: v.value for k, v in mapping.columns.items()}}
            for sheet, mapping in found
        ]
        print_json(roles)
        return
    for sheet, mapping in found:
        if len(found) > 1:
            typer.echo(f"# sheet {sheet.name}: give it with --set sheet={sheet.name!r}")
        typer.echo(mapping_toml(mapping))
