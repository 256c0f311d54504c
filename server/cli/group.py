"""The group of all commands: turns expected errors into a few lines and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from server.cli.failure import Failure

_INTERRUPTED = 130


class Commands(TyperGroup):
    """Exit codes: 1 for what cannot be done (and for a check that finds something), 2 for wrong usage."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps its click to itself
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except Failure as failure:
            failure.show()
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:
            _close_stdout()
            raise typer.Exit(0) from None
        return result


def _close_stdout() -> None:
    """Let what is still buffered go nowhere: the reader of the pipe (`| head`) has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
