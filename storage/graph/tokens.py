"""The tokens of SPARQL 1.1 Query, section 19.8, as far as they separate keywords from strings, IRIs, names, comments.

What begins like a token, and is none, must not be looked at again and again: a text may have 16 MiB. So a long run
that is no name is one word, and a quote behind a backslash, where SPARQL has none, begins no string. And where most
tokens do not matter, they are passed over within one expression: to look at each takes ten times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

_COMMENT = r"\#[^\n\r]*+"
_IRI = r"""<(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+>"""
_STRING = r"""
    \"\"\"(?:[^"\\]|\\.|"(?!""))*+\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*+'''
    | "(?:[^"\\\n\r]|\\.)*+" | '(?:[^'\\\n\r]|\\.)*+'
"""
_VARIABLE = r"[?$]\w+"
_LANGUAGE = r"@[A-Za-z]++(?:-[A-Za-z0-9]++)*+(?:--[a-z]+)?"
_NAME = r"(?:[^\W\d_][\w.\-]*+)?:(?:(?:[\w:]|%[0-9A-Fa-f]{2}|\\.)(?:[\w.\-:]++|%[0-9A-Fa-f]{2}|\\.)*+)?"
_WORD = r"[^\W\d_][\w.\-]{100,}+|[^\W\d_]\w*"
_NUMBER = r"\d[\w.]*"
_QUOTE = r"""\\["']"""

TOKEN = re.compile(
    rf"""
      (?P<comment>{_COMMENT})
    | (?P<iri>{_IRI})
    | (?P<string>{_STRING})
    | (?P<variable>{_VARIABLE})
    | (?P<language>{_LANGUAGE})
    | (?P<name>{_NAME})
    | (?P<word>{_WORD})
    | (?P<number>{_NUMBER})
    | (?P<other>{_QUOTE}|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = re.compile(
    rf"""
    (?: \s++ | {_COMMENT} | {_IRI} | {_STRING} | {_VARIABLE} | {_LANGUAGE} | {_NAME} | {_NUMBER} | {_QUOTE}
      | (?![^\W_])\S )*+
    (?: (?P<word>{_WORD}) | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)


def words(text: str) -> Iterator[re.Match[str]]:
    """Yield a match for each bare word of a text: its group `word`."""
    return (match for match in _WORDS.finditer(text) if match["word"] is not None)


# What follows passes over tokens that have neither SERVICE nor LOAD, in whatever letters Python takes for the same.
_FREE = r"[^\WsSlLſ]++ | (?!(?i:SERVICE|LOAD))[sSlLſ]"
_PLAIN = r"""(?: [^<>"{}|^`\\\x00-\x20'\#();sSlLſ]++ | (?!(?i:SERVICE|LOAD))[sSlLſ] )*+"""
_OPERAND = rf"""
    [)}}>] [)}}>\s]*+ | {_VARIABLE} | {_STRING} | {_LANGUAGE} | (?=:){_NAME}
    | (?=[^\W\d_]) (?=(?:{_FREE} | [.\-])*+ (?![\w.\-])) (?:{_NAME} | {_WORD})
    | (?=\d) (?:{_FREE} | [.])*+ (?![\w.])
"""
_OTHER = rf"""
    \s++ | {_COMMENT} | {_QUOTE} | (?!{_IRI})< | (?!{_STRING})["'] | (?!{_VARIABLE})[?$] | (?!{_LANGUAGE})@
    | (?![^\W_])[^\s"'?$@:<>()}}\#]
"""
_SIGNS = r"\[\],.;=|/*+!&^{\-"


def _passing(iri: str, signs: str) -> re.Pattern[str]:
    """Return what matches tokens: up to the last that an operation may follow, and the `rest`.

    A group within a possessive repetition would have a wrong place now and then, which is Python's fault.
    """
    others = rf"(?: [{signs}]++ | {_OTHER} )*+"
    return re.compile(rf"(?: {others} (?: {iri} | {_OPERAND} ) )*+ (?P<rest> {others} )", re.VERBOSE | re.DOTALL)


_OUTSIDE = _passing(_IRI, _SIGNS)
_INSIDE = _passing(f"<{_PLAIN}>", f"{_SIGNS}(")
_COMMENTS = re.compile(_COMMENT, re.VERBOSE)
_CONTENT = re.compile(_PLAIN, re.VERBOSE)
_BETWEEN_BRACKETS = re.compile(
    rf"""
    (?![(){{}}])
    (?: [\[\],.;=|/*+!&^\-\s]++ | {_COMMENT} | {_IRI} | {_STRING} | {_VARIABLE} | {_LANGUAGE} | {_NAME} | {_WORD}
      | {_NUMBER} | {_QUOTE} | [^\s(){{}}] )++
    """,
    re.VERBOSE | re.DOTALL,
)
_STEPS = {pair: bytes.maketrans(pair.encode(), b"\x01\xff") for pair in ("()", "{}")}


def without_keywords(text: str, position: int, *, inside: bool) -> re.Match[str]:
    """Return the tokens from a place on that have neither SERVICE nor LOAD, none or many, as one match.

    They end before one that opens a bracket; or, `inside` of brackets, before an IRI that read as a `<` and what
    follows is more than tokens up to its end. Its group `rest` is what follows the last operand among them: no token,
    or some that are none.
    """
    passed = (_INSIDE if inside else _OUTSIDE).match(text, position)
    assert passed is not None  # noqa: S101 - it matches nothing at least, for the type checker
    return passed


def content_without_keywords(text: str, position: int) -> int:
    """Return how far an IRI goes on from a place on without a `>`, `#` or what else would matter if it were none."""
    content = _CONTENT.match(text, position)
    return content.end() if content else position


def ends_with_iri(text: str, end: int) -> bool:
    """Tell whether an IRI, or what could be one, ends at a place."""
    iri = TOKEN.match(text, max(text.rfind("<", 0, end), 0))
    return iri is not None and iri.lastgroup == "iri" and iri.end() == end


def without_comments(text: str) -> str:
    """Return tokens that are neither strings nor IRIs without comments, and without spaces around them."""
    return _COMMENTS.sub("", text).strip()


def brackets_of(text: str) -> str:
    """Return the brackets and braces of a text that begins and ends with a token, and nothing else."""
    return _BETWEEN_BRACKETS.sub("", text)


def depth_behind(signs: str, pair: str, depth: int) -> int:
    """Return how deep a pair of signs is in itself behind brackets; one that closes none does nothing."""
    rise = signs.count(pair[0]) - signs.count(pair[1])
    if pair[1] not in signs:
        return depth + rise
    steps = signs.encode().translate(_STEPS[pair], b"(){}".translate(None, pair.encode()))
    return depth + rise - min(min(accumulate(memoryview(steps).cast("b"), initial=depth)), 0)
