"""The entry point of `twinhouse`: all commands, in the order in which the help lists them."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from server.cli.backup import backup
from server.cli.bacnet import bacnet
from server.cli.changes import changes
from server.cli.check import check
from server.cli.columns import columns
from server.cli.convert import convert
from server.cli.demo import demo
from server.cli.diff import diff
from server.cli.export import export
from server.cli.forms import forms
from server.cli.group import Commands
from server.cli.healthcheck import healthcheck
from server.cli.infer import infer
from server.cli.ingest import ingest
from server.cli.load import load
from server.cli.ontology import ontology
from server.cli.points import points
from server.cli.queries import queries
from server.cli.query import query
from server.cli.readings import readings
from server.cli.restore import restore
from server.cli.seal import seal
from server.cli.series import series
from server.cli.serve import serve
from server.cli.token import token
from server.cli.update import update
from server.cli.validate import validate
from server.cli.version import show_version, version

app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,  # rich alone takes as long to import as all the rest
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def twinhouse(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Twinhouse, a digital twin server for buildings: a graph, its readings, and the join of both.

    \b
    Begin with:
      twinhouse demo                             a building with a year of readings
      twinhouse load building.ttl                a model of your own
      twinhouse ingest readings.csv              and what its points reported
      twinhouse serve                            http://127.0.0.1:8080
      twinhouse COMMAND --help                   each with an example
    """


for _command in (
    *(serve, demo, load, convert, diff, forms, columns, ingest, query, update, readings, points),
    *(infer, validate, check, seal, export, backup, restore, healthcheck, version),
):
    app.command()(_command)
app.add_typer(ontology, name="ontology")
app.add_typer(token, name="token")
app.add_typer(series, name="series")
app.add_typer(queries, name="queries")
app.add_typer(changes, name="changes")
app.add_typer(bacnet, name="bacnet")


def main() -> None:
    """Run the command line. SIGTERM ends it like an error would: what is open is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    app(prog_name="twinhouse")
