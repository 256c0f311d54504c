"""SERVICE and LOAD, led to a gateway of our own.

The engine makes their requests itself, to any address, and its client can neither be steered nor stopped. So before a
text runs, the IRI behind each of these keywords is replaced by that of a gateway on loopback, which asks the one that
was meant. Whoever runs the text has `guard.refuse_outbound` see to it that it leads nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pyoxigraph as ox

from storage.errors import QueryRefused, QuerySyntaxError
from storage.graph.guard import is_word, mentions_outbound, target
from storage.graph.tokens import TOKEN, words

_MOST_CALLS = 100
_LONGEST_PROLOGUE = 1 << 16  # characters: it is read anew for each call


@dataclass(frozen=True, slots=True)
class Call:
    """A SERVICE or LOAD: the IRI that it names in full, and where that stands in the text, however it is written."""

    keyword: str
    silent: bool
    iri: str
    start: int
    end: int


class Lease(Protocol):
    """What a query or update with SERVICE or LOAD may do: `text` is what to run, and may lead to `gateways` alone."""

    @property
    def text(self) -> str:
        """The text that leads to the gateways."""

    @property
    def gateways(self) -> Collection[str]:
        """Their IRIs, which nobody else can know."""

    def explain(self, error: Exception) -> Exception:
        """Return an error of the engine as one that knows nothing of gateways."""

    def close(self) -> None:
        """End all that goes on at the gateways. Closing twice is fine."""


@contextmanager
def explained(lease: Lease | None) -> Iterator[None]:
    """Raise the engine's errors as they would be if there were no gateways."""
    try:
        yield
    except Exception as error:
        explanation = error if lease is None else lease.explain(error)
        if explanation is error:
            raise
        raise explanation from None


def calls(text: str, base_iri: str | None = None) -> list[Call]:
    """Return each SERVICE and LOAD of the text. Raises QueryRefused for a variable, QuerySyntaxError for no IRI.

    Those that are not written plainly may be left out, for `guard.refuse_outbound` to find.
    """
    if not mentions_outbound(text):
        return []
    prologue = _Prologue(base_iri)
    found: list[Call] = []
    for word in words(text):
        keyword, start = word["word"].upper(), word.start("word")
        if keyword in ("BASE", "PREFIX"):
            prologue.read(text, start)
        elif (token := TOKEN.match(text, start)) and (named := target(token)):
            if len(found) == _MOST_CALLS:
                raise QueryRefused(f"{token.group()} is not allowed more than {_MOST_CALLS} times in a text")
            silent = any(is_word(between, "SILENT") for between in TOKEN.finditer(text, token.end(), named.start()))
            found.append(Call(keyword, silent, prologue.iri(token, named), *named.span()))
    return found


class _Prologue:
    """The declarations (SPARQL 1.1 Query, section 4.1.1) that hold at a place of the text."""

    def __init__(self, base_iri: str | None) -> None:
        self._base_iri = base_iri
        self._declared: list[str] = []

    def read(self, text: str, start: int) -> None:
        """Take the declaration that a BASE or PREFIX begins, if it is one."""
        found: list[str] = []
        for token in TOKEN.finditer(text, start):
            if token.lastgroup == "comment":
                continue
            found.append(token.group())
            if token.lastgroup == "iri":
                self._declared += found
            if len(found) > 1 and token.lastgroup != "name":
                return

    def iri(self, keyword: re.Match[str], named: re.Match[str]) -> str:
        """Return the IRI that is written behind a keyword, as the engine resolves it."""
        if named.lastgroup == "variable":
            raise QueryRefused(f"{keyword.group()} {named.group()} is not allowed: name an IRI")
        if named.lastgroup not in ("iri", "name"):
            raise _unresolved(named, f"one is expected behind {keyword.group()}")
        text = " ".join([*self._declared, f"SELECT ({named.group()} AS ?iri) {{}}"])
        if len(text) > _LONGEST_PROLOGUE:
            raise QueryRefused(f"{keyword.group()} is not allowed behind so many prefixes")
        try:
            [row] = ox.Store().query(text, base_iri=self._base_iri)  # type: ignore[misc] # it is a SELECT
            return str(row["iri"].value)
        except SyntaxError as error:
            raise _unresolved(named, str(error.msg)) from None


def _unresolved(named: re.Match[str], reason: str) -> QuerySyntaxError:
    line, column = _place(named.string, named.start())
    reason = reason.rpartition(": ")[2]
    return QuerySyntaxError(f"line {line}, column {column}: {named.group()} is no IRI: {reason}", line, column)


def _place(text: str, at: int) -> tuple[int, int]:
    """Return line and column, both from 1 on."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


@dataclass(frozen=True, slots=True)
class Detour:
    """A text whose calls lead to gateways, an IRI each."""

    source: str
    calls: Sequence[Call]
    gateways: Sequence[str]

    @property
    def text(self) -> str:
        """The text with each call's IRI replaced by its gateway's."""
        parts, done = [], 0
        for call, gateway in zip(self.calls, self.gateways, strict=True):
            parts += [self.source[done : call.start], f"<{gateway}>"]
            done = call.end
        return "".join([*parts, self.source[done:]])

    def moved_back(self, error: QuerySyntaxError) -> QuerySyntaxError:
        """Return a syntax error in `text` with its place in `source`."""
        if error.line is None or error.column is None:
            return error
        column = error.column
        for call, gateway in zip(self.calls, self.gateways, strict=True):
            line, start = _place(self.source, call.start)
            if line == error.line and column > start:
                column = max(start, column - len(f"<{gateway}>") + call.end - call.start)
        said = str(error).removeprefix(f"line {error.line}, column {error.column}: ")
        return QuerySyntaxError(f"line {error.line}, column {column}: {said}", error.line, column)
