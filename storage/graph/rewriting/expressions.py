"""Single functions and keywords that the engine gets wrong, mended by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from storage.graph.rewriting.tokens import Edit, closing, tokens_of


def concatenations(text: str) -> Iterator[Edit]:
    """Yield the edits that make GROUP_CONCAT give a simple literal (SPARQL 1.1 Query, section 18.5.1.7).

    The engine keeps a language that all values have; STR takes it away.
    """
    tokens = tokens_of(text)
    for place, token in enumerate(tokens):
        if token.word == "GROUP_CONCAT" and tokens[place + 1].sign == "(":
            end = closing(tokens, place + 1).end
            yield Edit(token.start, token.start, "STR(")
            yield Edit(end, end, ")")


def booleans(text: str) -> Iterator[Edit]:
    """Yield the edits that write TRUE and FALSE in small letters: any will do (section 19.8), but for the engine."""
    for token in tokens_of(text):
        if token.word in ("TRUE", "FALSE") and token.text != token.word.lower():
            yield Edit(token.start, token.end, token.word.lower())
