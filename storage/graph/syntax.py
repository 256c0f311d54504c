"""What the engine's parsers say, made readable."""

from __future__ import annotations

import re

from storage.errors import QuerySyntaxError, TermTooLong

_PLACE = re.compile(r"error at (\d+):(\d+): ")
_LONGEST = 240
_UNREPORTED = "expected <unreported>"  # what a rule of the grammar's notes refuses
_REFUSED = "this is not allowed here, such as the label of a blank node that another pattern has"
_TOO_LONG = (
    "a literal or an IRI has more than 16 MiB as N-Quads, where a quote and the end of a line take two bytes each,"
    " and a control character six"
)


def too_long(message: str) -> TermTooLong | None:
    """Return the error that a MemoryError is, if it is about a parser's buffer, which holds a term as a whole."""
    return TermTooLong(_TOO_LONG) if "buffer maximal size" in message else None


def syntax_error(message: str, line: int | None, column: int | None) -> QuerySyntaxError:
    """Return the engine's syntax error, with the place that some of its messages hold, and without its grammar.

    What it expected can be a page of token classes; the first line of it is what a person can use.
    """
    if place := _PLACE.match(message):
        line, column = line or int(place[1]), column or int(place[2])
        message = message[place.end() :]
    brief = message.partition("\n")[0].replace(_UNREPORTED, _REFUSED)
    short = brief if len(brief) <= _LONGEST else brief[:_LONGEST].rpartition(",")[0] + ", …"
    where = f"line {line}, column {column}: " if line else ""
    return QuerySyntaxError(where + short, line, column)
