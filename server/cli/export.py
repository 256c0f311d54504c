"""`twinhouse export`: a data set that is useful without us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.options import Data, Setting, Url, settings_of, target_of

if TYPE_CHECKING:
    from server.cli.options import Target


def export(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Where to; absent or empty. A file with --as.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="The same as DIR, as other commands have it."),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Write the models alone, as this form; see `forms`.")
    ] = None,
    graphs: Annotated[
        list[str] | None, typer.Option("--graph", metavar="IRI", help="With --as: this graph alone; may be repeated.")
    ] = None,
    settings: Setting = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Write a data set for other tools to read, or the models in another form.

    All readings as Parquet, the points as a table and the graph as N-Quads. Its README.md shows how with
    DuckDB, pandas and Polars. With --as, one document of the models, and what its form cannot express is said.

    \b
    Examples:
      twinhouse export ./office-data --url http://127.0.0.1:8080
      twinhouse export office.zinc --as haystack-zinc
    """
    if (folder is None) == (output is None):
        raise typer.BadParameter("say once where to write: a folder, or with --as a file", param_hint="DIR")
    where = folder or output or Path()
    target = target_of(data, url)
    if form is not None:
        _export_models(target, where, form, graphs or [], settings_of(settings))
        return
    if graphs or settings:
        raise typer.BadParameter("--graph and --set go with --as")
    from server.cli.archive import fetch
    from server.cli.client import connect

    with connect(target) as client:
        size = fetch(client, "/export", where)
    typer.echo(f"{where}: {size / 1e6:,.1f} MB; {where / 'README.md'} tells how to begin")


def _export_models(target: Target, file: Path, name: str, graphs: list[str], settings: dict[str, str]) -> None:
    """Take the graphs as they are, and write them here, where what is lost can be said."""
    from ontologies.errors import UnknownFormat, UnknownSetting
    from ontologies.models.form import Options
    from ontologies.models.registry import form_named
    from ontologies.models.settings import settings_for
    from server.cli.client import connect
    from server.cli.failure import Failure
    from server.cli.model_reports import show_findings
    from server.cli.output import written

    try:
        form = form_named(name)
        (given,) = settings_for(settings, form)
    except (UnknownFormat, UnknownSetting) as error:
        raise Failure(str(error)) from None
    parameters = [("as", "nquads"), *(("graph", graph) for graph in graphs)]
    with connect(target) as client, client.stream("GET", "/models", params=parameters) as response:
        document = response.read()
    quads = form_named("nquads").read(document, Options()).quads
    with written(file) as sink:
        report = form.write(quads, sink, Options(settings=given))
    typer.echo(f"{file}: {form.title}, {file.stat().st_size / 1e6:,.1f} MB")
    show_findings(report.to_dict(), hint="")
