"""Reads a SPARQL text as tokens, to decide what may run before the engine sees it.

The engine would follow SERVICE and LOAD to any address, and has no switch: they may only lead to a gateway of our
own (`storage.graph.federation`). A word is a keyword by its letters alone, so `ex:service` (a prefixed name) or
`?load` (a variable) are none.

The engine itself has no tokens: its grammar reads characters. So it finds keywords where section 19.8 has none,
without a space (`5SERVICE<…>`, `SERVICEex:a{`) or inside what is an IRI by the longest match (`1<2)SERVICE#>`).
`refuse_outbound` looks for every reading that it could have.
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from storage.errors import QueryRefused
from storage.graph.tokens import (
    TOKEN,
    brackets_of,
    content_without_keywords,
    depth_behind,
    ends_with_iri,
    without_comments,
    without_keywords,
    words,
)

_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_QUERY_FORMS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})
_UPDATE_FORMS = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"})
_OUTBOUND = re.compile(r"SERVICE|LOAD", re.IGNORECASE)
_NOWHERE = "this server makes no outbound requests; the setting outbound_hosts names hosts that it may ask"
_OFTEN_UNCLEAR = (
    "much of it could be read in two ways; send it in parts, or with each row of VALUES on a line of its own"
)
_UNCLEAR = "write it as a word of its own, with its IRI behind it, on a line of their own"
_MOST_UNCLEAR = 1 << 20  # tokens that are read while another reading goes on: each takes microseconds
_OPENS_GROUP = re.compile(r"(?:\s|#[^\n\r]*+)*+\{")


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
    return (match["word"].upper() for match in words(text))


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


def mentions_outbound(text: str) -> bool:
    """Tell whether SERVICE or LOAD could be in the text at all, at the price of a search."""
    return any(map(_OUTBOUND.search, _readings(text)))


def refuse_outbound(text: str, gateways: Collection[str] = ()) -> None:
    """Raise QueryRefused if the text could make the engine open a connection, but to the IRIs of `gateways`.

    The text is read both as it is and with its code point escapes decoded: whichever way the engine
    reads them, a keyword that it sees is seen here.
    """
    for reading in _readings(text):
        if _OUTBOUND.search(reading):
            _refuse_outbound(reading, gateways)


def _readings(text: str) -> Collection[str]:
    return {text, decode_escapes(text)} if "\\" in text else (text,)


def _refuse_outbound(text: str, gateways: Collection[str]) -> None:
    allowed = []
    for place, token in _all_readings(text):
        if keyword := _keyword_within(token, place):
            if not _leads_to(token, gateways):
                raise QueryRefused(f"{keyword} is not allowed: {_UNCLEAR if gateways else _NOWHERE}")
            allowed.append(token)
    if allowed:
        _refuse_doubt(text, allowed)


def _refuse_doubt(text: str, allowed: list[re.Match[str]]) -> None:
    """Raise QueryRefused where one of these keywords is something else in another reading, as a part of a string."""
    spans = sorted({token.span() for token in allowed})
    for _, token in _all_readings(text):
        nearest = bisect_left(spans, (token.end(),)) - 1
        if nearest >= 0 and token.start() < spans[nearest][1] and token.span() != spans[nearest]:
            raise QueryRefused(f"{text[slice(*spans[nearest])]} is not allowed: {_UNCLEAR}")


def _leads_to(token: re.Match[str], gateways: Collection[str]) -> bool:
    named = target(token)
    return named is not None and named.lastgroup == "iri" and named.group()[1:-1] in gateways


def target(token: re.Match[str]) -> re.Match[str] | None:
    """Return the token behind SERVICE or LOAD, and behind SILENT; None where `token` is more than that keyword."""
    if token.lastgroup != "word" or token.group().upper() not in ("SERVICE", "LOAD"):
        return None
    behind = (t for t in TOKEN.finditer(token.string, token.end()) if t.lastgroup != "comment")
    named = next(behind, None)
    return next(behind, None) if is_word(named, "SILENT") else named


def is_word(token: re.Match[str] | None, word: str) -> bool:
    """Tell whether a token is this keyword."""
    return token is not None and token.lastgroup == "word" and token.group().upper() == word


@dataclass(slots=True)
class _Place:
    """What precedes a token: open brackets, open braces, and whether a whole operand, a whole operation may."""

    brackets: int = 0
    braces: int = 0
    operand: bool = False
    operation: bool = True

    def after(self, token: re.Match[str]) -> _Place:
        """Return the place behind `token`."""
        if token.lastgroup == "comment":
            return self
        text, other = token.group(), token.lastgroup == "other"
        brackets = self.brackets + (other and text == "(") - (other and text == ")")
        braces = self.braces + (other and text == "{") - (other and text == "}")
        operand = not other or text in ")>}"
        operation = braces <= 0 and (text == ";" or token.lastgroup == "iri")  # an IRI ends a prologue
        return _Place(max(brackets, 0), max(braces, 0), operand, operation)

    def pass_over(self, text: str, position: int) -> int:
        """Make this the place behind the tokens from there on that have no keyword; return where they end."""
        passed = without_keywords(text, position, inside=self.brackets > 0)
        if signs := brackets_of(passed.group()):
            self.brackets = depth_behind(signs, "()", self.brackets)
            self.braces = depth_behind(signs, "{}", self.braces)
        if rest := without_comments(passed["rest"]):
            self.operand, self.operation = False, self.braces <= 0 and rest.endswith(";")
        elif (end := passed.start("rest")) > position:
            self.operand, self.operation = True, self.braces <= 0 and ends_with_iri(text, end)
        return passed.end()

    def merge(self, place: _Place) -> None:
        """Make this place cover another one as well."""
        self.brackets = max(self.brackets, place.brackets)
        self.braces = min(self.braces, place.braces)
        self.operand |= place.operand
        self.operation |= place.operation


def _all_readings(text: str) -> Iterator[tuple[_Place, re.Match[str]]]:
    """Yield each token of each reading once: inside brackets, behind an operand, an IRI may be a `<` instead.

    Where there is one reading alone, tokens that have no keyword and begin no other reading may be left out. Raises
    QueryRefused for a text that is hardly anywhere clear.
    """
    places, ahead, unclear = {0: _Place()}, [0], 0

    def go_on(position: int, place: _Place) -> None:
        if position in places:
            places[position].merge(place)
        else:
            places[position] = place
            heapq.heappush(ahead, position)

    while ahead:
        position = heapq.heappop(ahead)
        place = places.pop(position)
        unclear += bool(ahead)
        if unclear > _MOST_UNCLEAR:
            raise QueryRefused(f"SERVICE and LOAD are not allowed in so long a text: {_OFTEN_UNCLEAR}")
        if not ahead:
            position = place.pass_over(text, position)
        token = TOKEN.search(text, position)
        if token is None:
            continue
        yield place, token
        go_on(token.end(), place.after(token))
        if token.lastgroup == "iri" and place.brackets and place.operand:
            start = content_without_keywords(text, token.start() + 1)
            if text[start] != ">":
                operand = text[start] == "#"
                start = start if operand else token.start() + 1
                go_on(start, _Place(place.brackets, place.braces, operand, operation=False))


def _keyword_within(token: re.Match[str], place: _Place) -> str | None:
    """Return SERVICE or LOAD if the engine could find it in the token.

    In a prefixed name that could be a SERVICE, if a group follows, or where an update may begin a LOAD.
    """
    prefix = token.group().partition(":")[0]
    if token.lastgroup not in ("word", "number", "name") or not (found := _OUTBOUND.search(prefix)):
        return None
    keyword = found.group().upper()
    if token.lastgroup != "name":
        return keyword
    if keyword == "LOAD":
        return keyword if place.operation and found.start() == 0 else None
    return keyword if _OPENS_GROUP.match(token.string, token.end()) else None
