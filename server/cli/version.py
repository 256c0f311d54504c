"""`twinhouse version`: which version this is."""

from __future__ import annotations

import typer


def version() -> None:
    """Print the version.

    \b
    Example:
      twinhouse version
    """
    from importlib.metadata import version as installed

    typer.echo(f"twinhouse {installed('twinhouse')}")


def show_version(wanted: bool) -> None:
    """Answer `--version`."""
    if wanted:
        version()
        raise typer.Exit
