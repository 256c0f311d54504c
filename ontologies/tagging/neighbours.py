"""What the names of one building share: the numbered equipment that many of them begin or end with.

``temp_supply_fan_S11``, ``speed_supply_fan_S11`` and ``status_supply_fan_S11`` are points of ``supply_fan_S11``:
those words say where a point is, and hardly what it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ontologies.tagging.evidence import PointText
from ontologies.tagging.tokens import fold, tokens

_PIECE = re.compile(r"[^\W_]+")
_MOST = 24  # pieces of a name
_LEAST = 3  # points that a piece of equipment has at least
_SHARE = 0.6

Ends = tuple[tuple[str, ...], bool]


def with_holders(texts: Sequence[PointText]) -> list[PointText]:
    """Return the texts, each with how many words of its name, at either end, are those of numbered equipment.

    Equipment is what at least three names of the building begin (or end) with, and has a number in it. Where longer
    and shorter beginnings would do, it is the longest after which names go on in about as many ways as after any.
    """
    pieces = [tuple(_PIECE.findall(fold(text.name).lower()))[:_MOST] for text in texts]
    ways: defaultdict[Ends, set[tuple[str, ...]]] = defaultdict(set)
    for name in set(pieces):
        for end, rest in _ends(name):
            ways[end].add(tuple(re.sub(r"\d+", "#", piece) for piece in rest))
    counts = {end: len(rests) for end, rests in ways.items()}
    return [_held(text, name, counts) for text, name in zip(texts, pieces, strict=True)]


def _ends(name: tuple[str, ...]) -> Iterator[tuple[Ends, tuple[str, ...]]]:
    """Yield each beginning and each ending of a name that has a digit, with the rest of the name."""
    for at in range(1, len(name)):
        for part, rest, first in ((name[:at], name[at:], True), (name[at:], name[:at], False)):
            if any(letter.isdigit() for piece in part for letter in piece) and any(map(str.isalpha, "".join(rest))):
                yield (part, first), rest


def _held(text: PointText, name: tuple[str, ...], counts: dict[Ends, int]) -> PointText:
    begins, ends = (_longest(name, counts, first=first) for first in (True, False))
    if len(begins) + len(ends) >= len(name):
        ends = ()
    prefix = max(text.prefix, len(tokens(" ".join(begins))))
    room = len(tokens(text.name)) - prefix - 1  # a word at least says what the point is
    return replace(text, prefix=prefix, suffix=max(0, min(room, len(tokens(" ".join(ends))))))


def _longest(name: tuple[str, ...], counts: dict[Ends, int], *, first: bool) -> tuple[str, ...]:
    found = [(end[0], counts[end]) for end, _ in _ends(name) if end[1] is first and counts[end] >= _LEAST]
    most = max((count for _, count in found), default=0)
    return max((part for part, count in found if count >= _SHARE * most), key=len, default=())
