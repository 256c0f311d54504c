"""The naming patterns of one building: names without what tells one instance from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ontologies.tagging.evidence import PointText
from ontologies.tagging.tokens import tokens

_SHARE = 0.005
_LEAST = 3


def patterns(texts: Sequence[PointText]) -> list[str]:
    """Return the pattern of each point: the words of its name that recur in the building, its type and its unit.

    Digits are left out, and words that hardly any other name has (codes, serial numbers) stand as ``*``. Points of
    one pattern are what a person would class alike.
    """
    names = [[token.text for token in tokens(text.name)] for text in texts]
    counts = Counter(word for name in names for word in set(name))
    least = min(max(_LEAST, _SHARE * len(texts)), max(1, len(texts) // _LEAST))
    return [
        " ".join((*_starred(name, counts, least), text.type or "-", text.unit or "-"))
        for name, text in zip(names, texts, strict=True)
    ]


def _starred(name: Sequence[str], counts: Counter[str], least: float) -> list[str]:
    words = [word if counts[word] >= least else "*" for word in name]
    return [word for at, word in enumerate(words) if word != "*" or at == 0 or words[at - 1] != "*"]


def teaching_order(found: Sequence[str], confidences: Sequence[float]) -> list[int]:
    """Return the points (by index) in the order in which to review them: what teaches most comes first.

    One of each pattern, then a second of each and so on; patterns of many unsure points go ahead.
    """
    groups: dict[str, list[int]] = {}
    for at, pattern in enumerate(found):
        groups.setdefault(pattern, []).append(at)
    worth = {pattern: sum(1.0 - confidences[at] for at in group) for pattern, group in groups.items()}
    turns = [
        (turn, -round(worth[pattern], 6), pattern, at)
        for pattern, group in groups.items()
        for turn, at in enumerate(group)
    ]
    return [at for *_, at in sorted(turns)]
