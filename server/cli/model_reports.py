"""What reading or writing a model found, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from server.cli.failure import say

_COUNTS = {
    "triples": "triples",
    "points": "points",
    "with_series": "points whose model names their series",
    "references": "points given a series reference",
    "repaired_iris": "terms repaired",
    "repaired_ids": "series ids set right by the map",
    "damaged_ids": "damaged series ids",
    "shared_series": "series shared by several points",
}
_KINDS = {
    "not-understood": "not understood",
    "without-class": "without a class of their own",
    "not-expressed": "not expressed",
    "repaired": "repaired",
    "renamed": "renamed",
}
_SHOWN = 5  # findings of a kind
_CLASSES = 12


def show(file: Path | str, report: Mapping[str, Any]) -> None:
    """Print a report of a load."""
    done = "->" if report["loaded"] else "would be"
    typer.echo(f"{file} ({report['form']}) {done} {', '.join(report['graphs'])}")
    for key, label in _COUNTS.items():
        if report[key] or key in ("triples", "points"):
            typer.echo(f"{report[key]:>13,}  {label}")
    for name, count in sorted(report["counts"].items()):
        typer.echo(f"{count:>13,}  {name}")
    if not report["loaded"]:
        _show_classes(report["classes"])
    for key, examples in report["examples"].items():
        if key != "repaired_iris":  # which are findings
            for example in examples:
                say(f"{_COUNTS[key]}: {example}")
    show_findings(report)
    for warning in report["warnings"]:
        say(f"warning: {warning}")


def _show_classes(classes: Mapping[str, int]) -> None:
    for name, count in list(classes.items())[:_CLASSES]:
        typer.echo(f"{count:>13,}  {name}")
    if len(classes) > _CLASSES:
        typer.echo(f"{'':>13}  and {len(classes) - _CLASSES} more classes: --json lists all")


def show_findings(report: Mapping[str, Any], hint: str = ": --json lists them") -> None:
    """Say how many findings a report has of each kind, and the first of them; `hint` tells where the others are."""
    findings = report["findings"]
    for kind, count in report["found"].items():
        say(f"{count:,} {_KINDS.get(kind, kind)}:")
        mine = [finding for finding in findings if finding["kind"] == kind][:_SHOWN]
        for finding in mine:
            say("  " + ": ".join(filter(None, (finding["where"], finding["message"]))))
        if count > len(mine):
            say(f"  and {count - len(mine):,} more{hint}")
