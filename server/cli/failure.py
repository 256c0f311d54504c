"""What a command says when it cannot do what it was asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence


class Failure(Exception):
    """An expected error: what happened, notes on what was done before, and a hint at what to do."""

    def __init__(self, detail: str, *, hint: str = "", notes: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.notes = tuple(notes)

    def show(self) -> None:
        """Print it to stderr."""
        say(f"error: {self.detail}")
        for note in self.notes:
            say(f"note: {note}")
        if self.hint:
            say(f"hint: {self.hint}")


def say(text: str = "") -> None:
    """Print a line to stderr, where everything goes that is not data."""
    print(text, file=sys.stderr, flush=True)
