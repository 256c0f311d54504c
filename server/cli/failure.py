"""What a command says when it cannot do what it was asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any


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


def failure_of(document: Mapping[str, Any]) -> Failure:
    """Return what a problem document (RFC 9457) tells, with its line and column where they are known."""
    return Failure(str(document["detail"]) + _place(document), hint=str(document.get("hint", "")))


def _place(document: Mapping[str, Any]) -> str:
    """Return ` (line 3, column 7)` where it is known and not said."""
    known = [f"{name} {document[name]}" for name in ("line", "column") if document.get(name) is not None]
    said = any(place in str(document["detail"]) for place in known)
    return f" ({', '.join(known)})" if known and not said else ""


def say(text: str = "") -> None:
    """Print a line to stderr, where everything goes that is not data."""
    print(text, file=sys.stderr, flush=True)
