"""Single functions and keywords that the engine gets wrong, mended by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from storage.graph.rewriting.tokens import Edit, Token, closing, tokens_of

_OURS = "urn:twinhouse:"
_OF_PAIRS = frozenset(_OURS + name for name in ("first", "last", "timeWeightedMean", "integral", "percentile"))


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


def pairs(text: str) -> Iterator[Edit]:
    """Yield the edits that make one argument of the two that an aggregate of ours takes: the engine knows but one."""
    tokens = tokens_of(text)
    prefixes = {
        tokens[place + 1].text[:-1]: token.text[1:-1]
        for place, (before, token) in enumerate(zip(tokens, tokens[2:], strict=False))
        if before.word == "PREFIX" and token.kind == "iri"
    }
    for place, token in enumerate(tokens):
        if _iri(token, prefixes) in _OF_PAIRS and tokens[place + 1].sign == "(":
            end = closing(tokens, place + 1)
            if _has_comma(tokens, place + 2, end):
                yield Edit(tokens[place + 1].end, tokens[place + 1].end, f"<{_OURS}at>(")
                yield Edit(end.start, end.start, ")")


def _iri(token: Token, prefixes: dict[str, str]) -> str:
    if token.kind == "iri":
        return token.text[1:-1]
    prefix, colon, local = token.text.partition(":")
    return prefixes[prefix] + local if token.kind == "name" and colon and prefix in prefixes else ""


def _has_comma(tokens: list[Token], place: int, end: Token) -> bool:
    """Tell whether an argument follows the one at a place, before the bracket that ends them."""
    depth = 0
    while tokens[place] is not end:
        sign = tokens[place].sign
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            return True
        place += 1
    return False
