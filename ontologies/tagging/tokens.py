"""Names of points taken apart: separators, camel case, digits, and words that were written together."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

# Gases and particles whose digits belong to them; kept whole.
_CHEMICAL = r"(?i:co2|no2|pm2[._]5|pm10|pm1(?!\d))"
_ORDINAL = r"\d+(?i:st|nd|rd|th|er|e|eme|ere)(?![A-Za-z])"
_PIECE = re.compile(
    rf"{_CHEMICAL}|{_ORDINAL}|[A-Z]+(?=[A-Z][a-z]{{2}})|[A-Z]?[a-z]+|[A-Z]+|\d+(?:[A-Za-z](?![A-Za-z]))?"
)
# A dot between digits is a number's, one before a space an abbreviation's; an apostrophe after l or d is French.
_SEPARATOR = re.compile(r"[/:\\|>]|(?<!\d)\.(?=\S)|(?<=\d)\.(?=[^\d\s])|(?<!\b[dlDL])'")
# A lone small letter among capitals, as in CLGMiNFLO, begins no word.
_STRAY = re.compile(r"(?<=[A-Z])[a-z](?=[A-Z]{2})")
_SENTENCE = re.compile(r"(?:\b[a-z]+\b[ ,]+){3}")
# Two words that a stroke joins, where it parts the others: one point is of both.
_PAIR = re.compile(r"(?i)\b(s|start|on|enable|open|heat|occ)/(s|stop|off|disable|close|cool|unocc)\b")
_MANY = 4096


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a name in lower case, without accents; `segment` counts the parts of a path from the last, 0."""

    text: str
    segment: int = 0
    numbered: bool = False


def fold(text: str) -> str:
    """Return text without accents, for comparing: ``Rücklauf`` and ``rucklauf`` are one."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(char for char in plain if not unicodedata.combining(char))


def tokens(name: str) -> tuple[Token, ...]:
    """Take a name apart. What is followed by digits is `numbered`; the digits themselves are left out.

    Only the first 4,096 characters are looked at.
    """
    folded = _STRAY.sub(lambda match: match[0].upper(), fold(name[:_MANY]))
    folded = _PAIR.sub(r"\1 \2", folded.replace("_", " "))
    segments = _segments(re.sub(r"(?i)pm2\.5", "pm2_5", folded))
    found: list[Token] = []
    # In a sentence short words are the language's: "on", "an", "de".
    shortest = 3 if _SENTENCE.search(folded) else 1
    for depth, segment in zip(range(len(segments) - 1, -1, -1), segments, strict=True):
        pieces = _PIECE.findall(segment)
        for at, piece in enumerate(pieces):
            if not piece[0].isdigit() and (len(piece) >= shortest or piece.isupper()):
                numbered = at + 1 < len(pieces) and pieces[at + 1][0].isdigit()
                found.append(Token(piece.lower().replace("_", "."), depth, numbered))
    return tuple(found)


def template(name: str) -> str:
    """Return a name with each run of digits as ``#``: names of one pattern have one template."""
    return re.sub(r"\d+", "#", fold(name[:_MANY]).lower())


class Splitter:
    """Takes words apart that were written together, as ``zulufttemperatur`` and ``supfanspd``, by known words."""

    _SHORTEST = 2
    _LONGEST = 40

    def __init__(self, words: Collection[str]) -> None:
        self._words = frozenset(word for word in words if len(word) >= self._SHORTEST)
        self.split = lru_cache(maxsize=20_000)(self._split)

    def _split(self, text: str) -> tuple[str, ...]:
        """Return the fewest known words that make up a text, longer ones first; itself if there are none."""
        if text in self._words or not 2 * self._SHORTEST <= len(text) <= self._LONGEST:
            return (text,)
        best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ())] + [None] * len(text)
        for end in range(self._SHORTEST, len(text) + 1):
            best[end] = min(self._ways(text, end, best), default=None)
        whole = best[len(text)]
        # Two letters match by chance; nothing but such pairs is no match.
        return whole[1] if whole is not None and max(map(len, whole[1])) > self._SHORTEST else (text,)

    def _ways(
        self, text: str, end: int, best: list[tuple[float, tuple[str, ...]] | None]
    ) -> list[tuple[float, tuple[str, ...]]]:
        ways = []
        for start in range(end - self._SHORTEST + 1):
            before = best[start]
            piece = text[start:end]
            if before is None:
                continue
            if piece in self._words:
                # Two letters match by chance: they cost as much as two longer words.
                ways.append((before[0] + (2.0 if len(piece) == self._SHORTEST else 1.0), (*before[1], piece)))
        # German joins words with an s.
        joined = best[end - 1]
        if joined is not None and joined[1] and text[end - 1] == "s" and len(joined[1][-1]) > self._SHORTEST:
            ways.append((joined[0] + 0.5, joined[1]))
        return ways


def last_segment(path: str) -> str:
    """Return what follows the last separator of a path: ``temp`` of ``b1/ahu1.temp``."""
    return (_segments(path) or [path])[-1]


def _segments(path: str) -> list[str]:
    """Return the parts of a path that have letters."""
    return [part for part in _SEPARATOR.split(path) if any(map(str.isalpha, part))]
