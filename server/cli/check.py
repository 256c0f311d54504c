"""`twinhouse check`: is what is stored sound?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from server.cli.options import Data, Json, Url, given, target_of
from server.cli.output import print_json

_COUNTS = {
    "quads": "quads",
    "points": "points",
    "points_without_readings": "points without readings",
    "series": "series",
    "series_without_point": "series without a point",
    "readings": "readings",
}
_EXAMPLES = 3


def check(
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Set broken files of readings apart; take back what is whole again.")
    ] = False,
    give_up: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=0, help="Give up a file in quarantine for good."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Verify what is stored. Changes nothing without an option that says so.

    Reads every file and compares graph and readings. Exits with 1 for faults.

    \b
    Example:
      twinhouse check --data ./office
    """
    target = target_of(data, url)
    params = given(quarantine=quarantine, give_up=give_up)
    from server.cli.client import connect

    with connect(target) as client:
        report = client.json("POST", "/check", params=params)
    if as_json:
        print_json(report)
    else:
        show_check(report)
    raise typer.Exit(0 if report["ok"] else 1)


def show_check(report: dict[str, Any]) -> None:
    """Print the counts, the notes and the faults of a check."""
    for key, label in _COUNTS.items():
        examples = report["examples"].get(key, [])[:_EXAMPLES]
        such_as = f"   such as {', '.join(examples)}" if examples else ""
        typer.echo(f"{report[key]:>15,}  {label}{such_as}")
    for note in report["notes"]:
        typer.echo(f"note: {note}")
    for fault in report["faults"]:
        typer.echo(f"fault: {fault}")
    typer.echo("sound" if report["ok"] else f"{len(report['faults']):,} faults")
