"""Rewrites an update so that its operations read another dataset (SPARQL 1.1 Protocol, section 2.2.3).

Only the operations with a WHERE read one. Outside of all braces a WHERE is theirs: it gets the USING clauses. Lines
are kept, so that errors have the right place.
"""

from __future__ import annotations

from collections.abc import Iterator

from storage.graph.guard import TOKEN


def names_dataset(text: str) -> bool:
    """Tell whether the text has USING or WITH of its own."""
    return any(word in ("USING", "WITH") for word, _ in _outer_words(text))


def with_using(text: str, default: tuple[str, ...], named: tuple[str, ...]) -> str:
    """Return the update with these graphs as the dataset of its every operation."""
    clauses = "".join([*(f"USING <{iri}> " for iri in default), *(f"USING NAMED <{iri}> " for iri in named)])
    parts, done, before = [], 0, ""
    for word, at in _outer_words(text):
        if word == "WHERE":
            template = _group(text, at) if before == "DELETE" else ""  # DELETE WHERE {} is short for two groups
            parts += [text[done:at], template, clauses]
            done = at
        before = word
    return "".join([*parts, text[done:]])


def _outer_words(text: str) -> Iterator[tuple[str, int]]:
    """Yield the bare words outside of all braces, in upper case, and where they are."""
    depth = 0
    for token in TOKEN.finditer(text):
        depth += (token.group() == "{") - (token.group() == "}")
        if depth == 0 and token.lastgroup == "word":
            yield token.group().upper(), token.start()


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
