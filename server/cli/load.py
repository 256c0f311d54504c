"""`twinhouse load`: models into the graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.failure import Failure
from server.cli.loading import loaded
from server.cli.model_reports import show
from server.cli.options import (
    BrickRelease,
    Data,
    Json,
    Setting,
    Url,
    given,
    read_text,
    require_file,
    settings_of,
    target_of,
)
from server.cli.output import print_json
from server.cli.progress import waiting
from server.cli.reading_models import hint_of, report_of

if TYPE_CHECKING:
    from server.cli.client import Client


def load(
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Models, folders of them, or URLs.", show_default=False)
    ],
    graph: Annotated[
        str | None, typer.Option(metavar="IRI", help="The graph to replace; else made from the file's name.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The form, as `twinhouse forms` names it; else the content tells."),
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Repair IRIs and language tags that no parser should take.")
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(metavar="IRI", help="What IRIs begin with where the model has none; else made from the graph."),
    ] = None,
    brick: BrickRelease = None,
    point_map: Annotated[
        Path | None,
        typer.Option("--map", metavar="CSV", help="Table of iri and uuid: the right series of each point."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Load nothing, only say what was found.")] = False,
    settings: Setting = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Load models, each into a graph of its own. Loading a file again replaces its graph.

    Their form is told by their content, also packed as .gz or .zst: RDF, Haystack, Azure Digital Twins and
    what else `twinhouse forms` lists. Points that name a series in another way than by UUID get a UUID, the
    same each time.

    \b
    Examples:
      twinhouse load building.ttl --data ./office
      twinhouse load site.zinc --dry-run
      twinhouse load old.ttl --lenient --map points.csv --graph urn:site:main
      twinhouse load points.xlsx --set mapping=@columns.toml
      twinhouse load https://models.example.org/site.ttl     # the server fetches it, if --outbound-host allows
    """
    target = target_of(data, url)
    files, urls = [Path(each) for each in sources if not _is_url(each)], [each for each in sources if _is_url(each)]
    named = list(_named(files, one_graph=graph is not None))
    _check([file for _, file in named], urls, graph, point_map)
    from server.cli.client import connect

    reports = []
    alone = dry_run and target.url is None and not urls  # there is nothing to open for it
    parameters = given(graph=graph, format=format, base=base, brick=brick, lenient=lenient, dry_run=dry_run)
    chosen = settings_of(settings)
    with contextlib.nullcontext() if alone else connect(target, creates=True) as client:
        for name, file in named:
            report = _load(client, name, file, parameters, point_map, chosen)
            reports.append({"file": str(file), **report})
            if not as_json:
                show(file, report)
        for each in urls:
            assert client is not None  # noqa: S101 - there are URLs
            report = loaded(client, each, params=[*parameters.items(), *_sent(chosen), ("url", each)])
            reports.append({"file": each, **report})
            if not as_json:
                show(each, report)
    if as_json:
        print_json(reports)


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _sent(settings: dict[str, str]) -> list[tuple[str, str]]:
    """Return the settings of a form as a server takes them: but for those that name what is here."""
    from ontologies.models.settings import LOCAL

    return [("set", f"{key}={value}") for key, value in settings.items() if key not in LOCAL]


def _named(paths: list[Path], *, one_graph: bool) -> Iterator[tuple[str, Path]]:
    """Yield each file with the name that makes its graph: in a folder, with that of the folders below it."""
    taken: dict[str, Path] = {}
    from server.twin.models import model_graph

    for path in paths:
        found = sorted(each for each in path.rglob("*") if _is_model(each)) if path.is_dir() else [path]
        if not found:
            raise Failure(f"the folder {path} holds no file")
        for file in found:
            name = "-".join(file.relative_to(path).parts) if path.is_dir() else file.name
            graph = model_graph(name).value
            if taken.setdefault(graph, file) != file and not one_graph:
                raise typer.BadParameter(
                    f"{taken[graph]} and {file} would both be {graph}: load them apart, with --graph"
                )
            yield name, file


def _is_model(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _check(files: list[Path], urls: list[str], graph: str | None, point_map: Path | None) -> None:
    """Refuse what would lose something: missing files, and two files for one graph."""
    if urls and point_map is not None:
        raise typer.BadParameter("--map is for files: fetch the model first")
    for path in filter(None, (*files, point_map)):
        require_file(path)
    if graph is not None and len(files) + len(urls) > 1:
        raise typer.BadParameter("--graph takes one file: each would replace the one before")


def _load(
    client: Client | None,
    name: str,
    file: Path,
    parameters: dict[str, Any],
    point_map: Path | None,
    settings: dict[str, str],
) -> dict[str, Any]:
    from ontologies.models.settings import LOCAL

    if client is None or LOCAL & set(settings):  # what is only here is looked at here, before anything is sent
        report = _dry_run(name, file, parameters, point_map, settings)
        if client is None:
            return report
    sent = [*parameters.items(), *_sent(settings)]
    with contextlib.ExitStack() as stack:
        # The content tells the form, unless --format does.
        parts = {"model": (name, stack.enter_context(file.open("rb")), "application/octet-stream")}
        if point_map is not None:
            parts["map"] = (point_map.name, stack.enter_context(point_map.open("rb")), "text/csv")
        try:
            return loaded(client, str(file), params=sent, files=parts)
        except Failure as failure:
            hint, notes = hint_of(failure, "lenient" in parameters), ("nothing of this file was loaded",)
            raise Failure(f"{file}: {failure.detail}", hint=hint, notes=notes) from None


def _dry_run(
    name: str, file: Path, parameters: dict[str, Any], point_map: Path | None, settings: dict[str, str]
) -> dict[str, Any]:
    """Read a model as a server does, in this process."""
    from dataclasses import asdict, replace

    from ontologies.errors import MapError
    from ontologies.point_map import read_map
    from server.twin.models import Model

    told = parameters.get
    try:
        table = read_map(read_text(point_map).splitlines(keepends=True)) if point_map is not None else None
    except MapError as error:
        raise Failure(f"{point_map}: {error}") from None
    lenient = "lenient" in parameters
    model = Model(file, name, told("format"), told("graph"), lenient, table, told("base"), brick=told("brick"))
    with waiting(f"reading {file}"):
        return {**asdict(report_of(replace(model, settings=settings))), "loaded": False}
