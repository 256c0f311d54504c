"""`twinhouse convert`: a model in another form, without a twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.failure import Failure, failure_of
from server.cli.model_reports import show_findings
from server.cli.options import BrickRelease, Json, Setting, require_file, settings_of
from server.cli.output import print_json, written

if TYPE_CHECKING:
    from ontologies.models.form import Form
    from ontologies.models.report import Report
    from server.twin.models import Model


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The model.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write; its ending tells the form.", show_default=False)
    ],
    read_as: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="The form of IN; else its content tells.")
    ] = None,
    write_as: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="The form of OUT, as `twinhouse forms` names it.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="IRI", help="What IRIs begin with where IN has none; else made from its name."),
    ] = None,
    brick: BrickRelease = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Repair what no parser should take.")] = False,
    settings: Setting = None,
    as_json: Json = False,
) -> None:
    """Convert a model from any form into any other. No server and no data directory is needed.

    What the other form cannot express is said.

    \b
    Examples:
      twinhouse convert site.zinc site.ttl
      twinhouse convert building.ttl building.json --to haystack-json
      twinhouse convert points.xlsx points.ttl --set mapping=@columns.toml
    """
    from ontologies.errors import OntologyError
    from ontologies.models.registry import form_named, form_of_ending
    from server.errors import Problem, problem_of
    from server.twin.models import Model
    from storage.errors import NotInFormat

    require_file(source)
    try:
        writer = form_named(write_as) if write_as else form_of_ending(target.name)
        model = Model(
            source, source.name, read_as, None, lenient, None, base, brick=brick, settings=settings_of(settings)
        )
        reports = _convert(model, writer, target)
    except (OntologyError, Problem, NotInFormat) as error:
        problem = problem_of(error)
        failure = failure_of(problem.document() if problem is not None else {"detail": error})
        notes = (f"{target} was not written",)
        raise Failure(f"{source}: {failure.detail}", hint=failure.hint, notes=notes) from None
    _tell(source, target, reports, as_json=as_json)


def _convert(model: Model, writer: Form, target: Path) -> tuple[Report, Report]:
    from pyoxigraph import DefaultGraph

    from ontologies.models.form import HEAD
    from ontologies.models.reading import read
    from ontologies.models.settings import settings_for
    from server.twin.exporting import write_as
    from server.twin.unpacking import head_of, unpacked

    with unpacked(model.document, model.most) as document, written(target) as sink:
        reader = model.form(head_of(document, HEAD))
        reading, writing = settings_for(model.settings, reader, writer)
        options = replace(model, settings=reading).options(reader, DefaultGraph())
        found = read(reader, document, options)
        return found.report, write_as(writer, found.quads, sink, replace(options, settings=writing))


def _tell(source: Path, target: Path, reports: tuple[Report, Report], *, as_json: bool) -> None:
    read, wrote = reports
    if as_json:
        print_json({"read": read.to_dict(), "written": wrote.to_dict()})
        return
    typer.echo(f"{source} ({read.form}) -> {target} ({wrote.form})")
    for report in reports:
        for name, count in sorted(report.counts.items()):
            typer.echo(f"{count:>13,}  {name}" + ("" if report is read else " written"))
        show_findings(report.to_dict())
