"""Updates of data alone (SPARQL 1.1 Update, sections 3.1.1 and 3.1.2): each names the quads that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyoxigraph as ox

from storage.graph.guard import keywords

_INSERT_DATA_ALONE = frozenset({"BASE", "PREFIX", "INSERT", "DATA", "GRAPH", "A", "TRUE", "FALSE"})
_DATA_ALONE = _INSERT_DATA_ALONE | {"DELETE"}
_LONGEST = 1 << 20
_SMALL = 1 << 13  # characters
# An INSERT DATA or DELETE DATA, however long; a group holds no other but those of its graphs.
_INERT = r"""[^{}"'<#]++ | <[^<>"{}|^`\\\x00-\x20]*+> | "(?!"")(?:[^"\\\n\r]|\\.)*+" | '(?!'')(?:[^'\\\n\r]|\\.)*+'"""
_PROLOGUE = r"""(?> \s++ | PREFIX \s++ [^\s:<]*+ : \s*+ <[^<>\s]*+> | BASE \s*+ <[^<>\s]*+> )*+"""
_BLOCK = rf"\{{ (?> {_INERT} | \{{ (?> {_INERT} )*+ \}} )*+ \}}"
_OPERATION = re.compile(
    rf"(?P<prologue>{_PROLOGUE}) (?P<verb>INSERT|DELETE) \s++ DATA \s*+ (?P<block>{_BLOCK}) \s*+ (?: ; \s*+ | \Z)",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def is_small_data(text: str) -> bool:
    """Tell whether an update, if it is valid, is of data alone, and so little that it takes no time."""
    if len(text) > _SMALL:
        return False
    return None not in data_operations(text) or _DATA_ALONE.issuperset(keywords(text))


def data_operations(text: str) -> Iterator[re.Match[str] | None]:
    """Yield the operations of an update of data alone (prologue, verb, block), and None where it is in doubt."""
    at = 0
    while at < len(text):
        operation = _OPERATION.match(text, at)
        if operation is None or (at and operation["prologue"]):  # the engine takes one at the beginning alone
            yield None
            return
        yield operation
        at = operation.end()


def inserted_quads(text: str, base_iri: str | None = None) -> list[ox.Quad] | None:
    """Return what a valid update inserts; None where it may do anything else, or is too long to be read twice."""
    if len(text) > _LONGEST or not _INSERT_DATA_ALONE.issuperset(keywords(text)):
        return None
    return quads_of(text, base_iri)


def quads_of(insert_data: str, base_iri: str | None) -> list[ox.Quad]:
    """Return what an INSERT DATA inserts, as a store has it. Raises SyntaxError."""
    scratch = ox.Store()
    scratch.update(insert_data, base_iri=base_iri)
    return list(scratch)
