"""`twinhouse bacnet import`: a scan becomes a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.failure import say
from server.cli.options import Data, Json, Url, target_of
from server.cli.output import print_json

ScanFile = Annotated[Path, typer.Argument(metavar="FILE", help="A scan: site.json.", show_default=False)]


def import_scan(file: ScanFile, as_json: Json = False, data: Data = None, url: Url = None) -> None:
    """Make a model of a scan: devices and points, with proposed classes, tags, units and places.

    It replaces what the scan before made, and keeps what people decided. UUIDs are the same on any machine. A name
    that has changed stays as an alias.

    \b
    Example:
      twinhouse bacnet import site.json --data ./office
    """
    from server.cli.bacnet_twin import import_network, proposals_for, read_scan
    from server.cli.client import connect

    target, network = target_of(data, url), read_scan(file)
    with connect(target, creates=True) as client:
        report = import_network(client, network, proposals_for(client, network))
    if as_json:
        print_json(report)
    else:
        show(report)


def show(report: dict[str, Any]) -> None:
    """Tell what an import did."""
    say(f"{report['devices']} devices, {report['points']} points in {report['graph']}")
    say(f"{report['classified']} points have a class, {report['plain']} are unclear: `twinhouse bacnet review`")
    decided = {name: report[name] for name in ("accepted", "corrected", "rejected", "taught") if report[name]}
    if decided:
        say(", ".join(f"{count} {name}" for name, count in decided.items()))
