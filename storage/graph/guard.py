"""Reads a SPARQL text as tokens, to decide what may run before the engine sees it.

The engine would follow SERVICE and LOAD to any address, and has no switch. The tokens are those of SPARQL 1.1
Query, section 19.8; only what separates keywords from strings, IRIs, names and comments matters here. A word
is a keyword by its letters alone, so `ex:service` (a prefixed name) or `?load` (a variable) are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from storage.errors import QueryRefused

_TOKEN = re.compile(
    r"""
      (?P<comment>\#[^\n\r]*)
    | (?P<iri><(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*>)
    | (?P<string>\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*'''
        | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*')
    | (?P<variable>[?$]\w+)
    | (?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[a-z]+)?)
    | (?P<name>(?:[^\W\d_][\w.\-]*)?:(?:[\w.\-:]|%[0-9A-Fa-f]{2}|\\.)*)
    | (?P<word>[^\W\d_]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_QUERY_FORMS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})
_UPDATE_FORMS = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"})
_OUTBOUND = frozenset({"SERVICE", "LOAD"})
# `FILTER(1<2)SERVICE#>` is one IRI to a tokeniser but a comparison, a keyword and a comment to the engine.
_HIDDEN_IN_IRI = re.compile(r"\)\W*(SERVICE|LOAD)\b", re.IGNORECASE)


class Form(StrEnum):
    """The query form (SPARQL 1.1 Query, section 16), UPDATE, or UNKNOWN for what is none of them."""

    SELECT = "SELECT"
    ASK = "ASK"
    CONSTRUCT = "CONSTRUCT"
    DESCRIBE = "DESCRIBE"
    UPDATE = "UPDATE"
    UNKNOWN = "UNKNOWN"


def keywords(text: str) -> Iterator[str]:
    """Yield the bare words of `text` in upper case, in order."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "word":
            yield match.group().upper()
        elif match.lastgroup == "iri" and (hidden := _HIDDEN_IN_IRI.search(match.group())):
            yield hidden.group(1).upper()


def decode_escapes(text: str) -> str:
    r"""Replace `\uXXXX` and `\UXXXXXXXX` (SPARQL 1.1 Query, section 19.2)."""
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    code = int(match.group(1) or match.group(2), 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()


def form(text: str) -> Form:
    """Tell what a text asks for, by its first keyword after the prologue."""
    for word in keywords(text):
        if word in _QUERY_FORMS:
            return Form(word)
        if word in _UPDATE_FORMS:
            return Form.UPDATE
    return Form.UNKNOWN


def refuse_outbound(text: str) -> None:
    """Raise QueryRefused if the text would make the engine open a connection.

    The text is read both as it is and with its code point escapes decoded: whichever way the engine
    reads them, a keyword that it sees is seen here.
    """
    for reading in {text, decode_escapes(text)}:
        for word in keywords(reading):
            if word in _OUTBOUND:
                raise QueryRefused(f"{word} is not allowed: this server makes no outbound requests")
