"""Rewrites a SPARQL text into one with the same meaning, which the engine (Oxigraph 0.5) answers rightly and fast.

Each step looks for one thing, and changes nothing where it is not sure: `expressions` and `projection` (functions),
`graphs` (`GRAPH ?g`), `zero_length` (paths), and for speed `classes` (`a/rdfs:subClassOf*`). Where the default graph
is made of several, `merging` follows, with its `sets` and `explicit`. The parts:

    tokens -> triples, parser -> syntax (what is said where) -> scope (which variables) -> the steps -> edits

The rules are those of SPARQL 1.1, whatever the engine would do with the text as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from storage.graph.rewriting import classes, expressions, graphs, merging, projection, zero_length
from storage.graph.rewriting.parser import parse
from storage.graph.rewriting.shared import NOTHING, Shared
from storage.graph.rewriting.syntax import Select
from storage.graph.rewriting.tokens import Edit, NotUnderstood, edited

LONGEST = 1 << 16  # characters; a longer text is data for the most part
LONGEST_MERGED = 1 << 18
_CACHED = 256

_Answer = TypeVar("_Answer")
_Edits = Callable[[str], Iterable[Edit]]
_Step = Callable[[str, tuple[Select, ...]], Iterable[Edit]]
# What the text in capitals must have, then what the text must have: the first costs next to nothing.
_BY_TOKENS: tuple[tuple[str, str, _Edits], ...] = (
    ("GROUP_CONCAT", "", expressions.concatenations),
    ("TWINHOUSE", "", expressions.pairs),
    ("TRUE", r"\b(?!true\b)(?i:true)\b", expressions.booleans),
    ("FALSE", r"\b(?!false\b)(?i:false)\b", expressions.booleans),
)
_BY_SYNTAX: tuple[tuple[str, str, _Step], ...] = (
    ("BNODE", r"(?i:bnode)\s*\(\s*[^\s)]", projection.blank_nodes),
    ("GRAPH", r"(?i:graph)\s*[?$]", graphs.renaming),
    ("GRAPH", r"(?i:graph)\s*[?$]", graphs.binding),
    ("", r"\*(?!\s*(?:[{)]|(?i:where|from)))|\?(?!\w)", zero_length.edits),
    ("SUBCLASSOF", "subClassOf", classes.edits),
)
_WORDS = tuple({word: None for word, _, _ in (*_BY_TOKENS, *_BY_SYNTAX) if word})
_PATH_MARK = re.compile(r"\?(?!\w)")
_VARIABLE = re.compile(r"[?$](\w+)")
_NAMED = re.compile(r"\b(?i:as)\s+[?$](\w+)\s*\)")


def rewritten(text: str) -> str:
    """Return what to ask the engine instead of a query or an update: the text itself where nothing is to mend."""
    return _rewritten(text) if len(text) <= LONGEST and _has_sign(text) else text


def _has_sign(text: str) -> bool:
    """Tell whether a step could find something. Most small queries have nothing, so they are not kept either."""
    capitals = text.upper()
    for word in _WORDS:
        if word in capitals:
            return True
    return "*" in text or _PATH_MARK.search(text) is not None or capitals.partition("{")[0].count("AS") > 1


@lru_cache(maxsize=_CACHED)
def _rewritten(text: str) -> str:
    if "\\u" in text or "\\U" in text:
        return text
    capitals = text.upper()
    for word, sign, edits in _BY_TOKENS:
        if word in capitals and re.search(sign, text):
            text = _tried(text, edits)
    if _may_reuse(text):
        text = _tried(text, _parsed(projection.reused_variables))
    for word, sign, step in _BY_SYNTAX:
        if word in capitals and re.search(sign, text):
            text = _tried(text, _parsed(step))
    return text


@lru_cache(maxsize=_CACHED)
def merged(text: str, shared: Shared) -> str:
    """Return what to ask instead of a text whose default graph is made of several, which share some triples."""
    instead = rewritten(text)
    if not shared or len(instead) > LONGEST_MERGED or "\\u" in text or "\\U" in text:
        return instead
    return _tried(instead, lambda text: merging.edits(text, parse(text), shared))


def ask(text: str, run: Callable[[str], _Answer], shared: Shared = NOTHING) -> _Answer:
    """Run what is to be asked instead of a text; where that has an error, run the text, for the places it names.

    `shared` is what graphs have in common that make up the default graph.
    """
    instead = merged(text, shared) if shared else rewritten(text)
    if instead == text:
        return run(text)
    try:
        return run(instead)
    except SyntaxError:
        return run(text)


def _parsed(step: _Step) -> _Edits:
    return lambda text: step(text, parse(text))


def _tried(text: str, edits: _Edits) -> str:
    try:
        return edited(text, edits(text))
    except NotUnderstood:
        return text


def _may_reuse(text: str) -> bool:
    """Tell whether a variable that the first SELECT names could be in it twice."""
    head = text.partition("{")[0]
    if head.upper().count("AS") < 2:
        return False
    named = _NAMED.findall(head)
    counts = Counter(_VARIABLE.findall(head))
    return len(named) > 1 and any(counts[name] > 1 for name in named)
