"""`twinhouse restore`: a data directory from a backup."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from server.cli.failure import Failure
from server.cli.options import Data, Target, data_of


def restore(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP_DIR", help="A backup.", show_default=False)],
    data: Data = None,
) -> None:
    """Make a data directory from a backup.

    The directory must be absent or empty. It is opened, and every file is checked.

    \b
    Example:
      twinhouse restore ./backups/2026-05-04 --data ./office
    """
    target = data_of(data)
    if not (folder / "twinhouse.json").is_file():
        raise Failure(f"{folder} is no backup", hint="`twinhouse backup DIR` makes one")
    from server.cli.archive import require_empty

    require_empty(target)
    _copy(folder, target)
    _verify(target)


def _copy(folder: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    from server.cli.archive import publish

    try:
        shutil.copytree(folder, partial)
        publish(partial, target)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _verify(target: Path) -> None:
    from server.cli.check import show_check
    from server.cli.client import connect

    with connect(Target(target)) as client:
        report = client.json("POST", "/check")
    typer.echo(f"{target} is restored and opens:")
    show_check(report)
    raise typer.Exit(0 if report["ok"] else 1)
