"""A SPARQL text as the tokens that the parser reads, and edits to it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from storage.graph.tokens import TOKEN

LONGEST_EDITED = 1 << 18  # characters
_SHORT = 8192  # characters; what is known of longer texts is not kept
_MOST = 1 << 18  # tokens: some 40 MB, of each text that is read
LITERALS = frozenset({"string", "number"})
OPERANDS = frozenset({"variable", "string", "number", "language", "iri", "name"})


class NotUnderstood(Exception):
    """The text has something that the parser does not know, or that has no rewriting."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it stands. `kind` is that of `storage.graph.tokens.TOKEN`, or `blank`, `sign` and `end`."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword that the token is, in upper case; else nothing."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def sign(self) -> str:
        return self.text if self.kind == "sign" else ""


def tokens_of(text: str) -> list[Token]:
    """Return the tokens without the comments, and a last one of the kind `end`; they are others' as well.

    Raises NotUnderstood where there are very many.
    """
    return _tokens_of_short(text) if len(text) < _SHORT else _tokens_of(text)


def _tokens_of(text: str) -> list[Token]:
    found: list[Token] = []
    for match in TOKEN.finditer(text):
        kind, value, start = match.lastgroup or "", match.group(), match.start()
        if kind == "comment":
            continue
        if kind == "name" and found and (found[-1].sign, found[-1].end) == ("_", start):
            found.pop()
            kind, value, start = "blank", "_" + value, start - 1
        found += _split(kind, value, start)
        if len(found) > _MOST:
            raise NotUnderstood(f"it has more than {_MOST:,} tokens")
    return [*found, Token("end", "", len(text), len(text))]


_tokens_of_short = lru_cache(64)(_tokens_of)


def _split(kind: str, value: str, start: int) -> Iterable[Token]:
    """Take the full stops off the end of a name or a number: they end a triple."""
    kind = "sign" if kind == "other" else kind
    if kind not in ("name", "blank", "number") or not value.endswith(".") or value.endswith("\\."):
        return (Token(kind, value, start, start + len(value)),)
    core = value.rstrip(".")
    end = start + len(core)
    stops = (Token("sign", ".", end + i, end + i + 1) for i in range(len(value) - len(core)))
    return (Token(kind, core, start, end), *stops)


def between(tokens: Sequence[Token], start: int, end: int) -> Sequence[Token]:
    """Return the tokens in a part of the text."""
    begin = bisect_left(tokens, start, key=lambda token: token.start)
    return tokens[begin : bisect_left(tokens, end, key=lambda token: token.start)]


def closing(tokens: Sequence[Token], place: int) -> Token:
    """Return the bracket that closes the one at a place."""
    depth = 0
    for token in tokens[place:]:
        depth += (token.sign == "(") - (token.sign == ")")
        if depth == 0:
            return token
    raise NotUnderstood("a bracket is not closed")


@dataclass(frozen=True, slots=True)
class Edit:
    """What replaces a part of the text."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit], longest: int = LONGEST_EDITED) -> str:
    """Return the text with the edits made: insertions at one place in their order, a replacement given twice once.

    Raises NotUnderstood where they meet, and where the text gets too long: what is written twice may have parts that
    are.
    """
    parts, done, size = [], 0, len(text)
    last: Edit | None = None
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit == last and edit.end > edit.start:
            continue
        last = edit
        if edit.start < done:
            raise NotUnderstood("two edits of one place")
        parts += [text[done : edit.start], edit.text]
        size += len(edit.text) - (edit.end - edit.start)
        if size > longest:
            raise NotUnderstood("too long")
        done = edit.end
    return "".join([*parts, text[done:]])


class Fresh:
    """Makes variables that a text does not have."""

    def __init__(self, text: str) -> None:
        self._stem = "_r"
        while self._stem in text:
            self._stem += "r"
        self._made = 0

    def variable(self) -> str:
        """Return a new variable's name, without its question mark."""
        self._made += 1
        return f"{self._stem}{self._made}"
