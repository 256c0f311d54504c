"""Rewrites an update so that its operations read another dataset (SPARQL 1.1 Protocol, section 2.2.3).

Only the operations with a WHERE read one. Outside of all braces a WHERE is theirs: it gets the USING clauses. Lines
are kept, so that errors have the right place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from storage.graph.tokens import TOKEN


def names_dataset(text: str) -> bool:
    """Tell whether the text has USING or WITH of its own."""
    return any(_word(token) in ("USING", "WITH") for token in _outer_tokens(text))


def names_several(text: str) -> bool:
    """Tell whether a WHERE of the update may read several graphs as its default graph."""
    return text.upper().count("USING") > 1


def with_using(text: str, default: Sequence[str], named: Sequence[str]) -> str:
    """Return the update with these graphs as the dataset of its every operation."""
    clauses = "".join([*(f"USING <{iri}> " for iri in default), *(f"USING NAMED <{iri}> " for iri in named)])
    parts, done, before = [], 0, ""
    for token in _outer_tokens(text):
        if _word(token) == "WHERE":
            at = token.start()
            template = _group(text, at) if before == "DELETE" else ""  # DELETE WHERE {} is short for two groups
            parts += [text[done:at], template, clauses]
            done = at
        before = _word(token)
    return "".join([*parts, text[done:]])


def with_union(text: str, graphs: Sequence[str], spare: str | None) -> str:
    """Return the update with the union of these graphs as the default graph that its WHERE reads, if it has one.

    USING cannot name the store's own default graph: where that is part of the union, the new graph `spare` holds a
    copy of it as long as the update runs. Raises ValueError for several operations: what one does to the graphs,
    those after it would not see.
    """
    tokens = list(_outer_tokens(text))
    words = [_word(token) for token in tokens]
    if "WHERE" not in words:
        return text
    signs = [token.group() for token in tokens]
    if ";" in signs[:-1]:
        raise ValueError("with using-union-graph an update that has a WHERE must have no other operation")
    if spare is None:
        return with_using(text, graphs, graphs)
    start = next(token.start() for token, word in zip(tokens, words, strict=True) if word in ("INSERT", "DELETE"))
    copied = f"{text[:start]}ADD SILENT DEFAULT TO <{spare}> ; {text[start:]}"
    semicolon = "" if signs[-1] == ";" else ";"
    return f"{with_using(copied, (*graphs, spare), graphs)}\n{semicolon} DROP SILENT GRAPH <{spare}>"


def _outer_tokens(text: str) -> Iterator[re.Match[str]]:
    """Yield the tokens outside of all braces, and the braces that end these, without comments."""
    depth = 0
    for token in TOKEN.finditer(text):
        depth += (token.group() == "{") - (token.group() == "}")
        if depth == 0 and token.lastgroup != "comment":
            yield token


def _word(token: re.Match[str]) -> str:
    """Return the keyword that a token is, in upper case; else nothing."""
    return token.group().upper() if token.lastgroup == "word" else ""


def _group(text: str, start: int) -> str:
    """Return the first group from `start` on, in one line and without comments."""
    depth, parts = 0, []
    for token in TOKEN.finditer(text, start + len("WHERE")):
        depth += (token.group() == "{") - (token.group() == "}")
        if token.lastgroup != "comment":
            parts.append(token.group())
        if depth == 0:
            break
    return " ".join(parts) + " "
