"""The engine's syntax errors, made readable."""

from __future__ import annotations

import re

from storage.errors import QuerySyntaxError

_PLACE = re.compile(r"error at (\d+):(\d+): ")
_LONGEST = 240


def syntax_error(message: str, line: int | None, column: int | None) -> QuerySyntaxError:
    """Return the engine's syntax error, with the place that some of its messages hold, and without its grammar.

    What it expected can be a page of token classes; the first line of it is what a person can use.
    """
    if place := _PLACE.match(message):
        line, column = line or int(place[1]), column or int(place[2])
        message = message[place.end() :]
    brief = message.partition("\n")[0]
    short = brief if len(brief) <= _LONGEST else brief[:_LONGEST].rpartition(",")[0] + ", …"
    where = f"line {line}, column {column}: " if line else ""
    return QuerySyntaxError(where + short, line, column)
