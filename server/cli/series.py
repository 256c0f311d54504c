"""`twinhouse series`: the readings as they are stored, and deleting of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from server.cli.failure import Failure, say
from server.cli.options import (
    ONE_OF_THEM,
    Data,
    End,
    Json,
    Points,
    QueryFile,
    Start,
    Timeout,
    Url,
    given,
    selected,
    target_of,
)
from server.cli.output import print_json

series = typer.Typer(help="Look after the readings as they are stored.", rich_markup_mode=None, no_args_is_help=True)


@series.command("delete")
def delete_readings(
    point: Points = None,
    query: Annotated[str | None, typer.Option(metavar="SPARQL", help="Instead: a SELECT of ?point.")] = None,
    file: QueryFile = None,
    start: Start = None,
    end: End = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing, only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    data: Data = None,
    url: Url = None,
) -> None:
    """Delete readings of points, of some time or all of it.

    Says how many there are, and asks. What is written later stays, whatever its time.

    \b
    Example:
      twinhouse series delete urn:site:temperature-1 --start 2026-01-01 --end 2026-02-01
    """
    target = target_of(data, url)
    chosen = selected(point, query, file)
    if not chosen:
        raise typer.BadParameter(ONE_OF_THEM)
    params = {**chosen, **given(start=start, end=end, timeout=timeout)}
    from server.cli.client import connect

    with connect(target) as client:
        if dry_run or not yes:
            report = client.json("DELETE", "/readings", params={**params, "dry_run": "true"})
            if not dry_run and report["readings"]:
                _ask(report)
        if not dry_run:
            report = client.json("DELETE", "/readings", params=params)
    if as_json:
        print_json(report)
    else:
        say(f"{_counted(report)} {'would be deleted' if dry_run else 'deleted'}")


def _ask(report: dict[str, Any]) -> None:
    if not typer.confirm(f"delete {_counted(report)}?", err=True):
        raise Failure("nothing was deleted")


def _counted(report: dict[str, Any]) -> str:
    return f"{report['readings']:,} readings of {report['points']:,} points"


@series.command("status")
def show_status(as_json: Json = False, data: Data = None, url: Url = None) -> None:
    """Show what is stored where, and what is being done about it.

    \b
    Example:
      twinhouse series status --url http://127.0.0.1:8080
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client:
        status = client.json("GET", "/series/status")
    if as_json:
        print_json(status)
        return
    for name, value in status.items():
        typer.echo(f"{name:16}{_shown(value)}")


def _shown(value: int | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else value


@series.command("retain")
def apply_retention(as_json: Json = False, data: Data = None, url: Url = None) -> None:
    """Apply the rules of retention now. A server does so each hour.

    The rules are those of the server, or with --data, of the environment variable TWINHOUSE_RETENTION.

    \b
    Example:
      twinhouse series retain --data ./office
    """
    target = target_of(data, url)
    from server.cli.client import connect

    with connect(target) as client:
        rules = client.json("POST", "/series/retain")["rules"]
    if as_json:
        print_json(rules)
        return
    if not rules:
        say("there are no rules: see `twinhouse serve --retention`")
    for rule in rules:
        old = f"{rule['retired']:,} of {rule['series']:,} series had readings"
        say(f"{rule['what']}: {old} from before {rule['before']}")
