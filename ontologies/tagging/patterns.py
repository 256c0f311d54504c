"""The naming patterns of one building: names without what tells one instance from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ontologies.tagging.evidence import PointText, known_part
from ontologies.tagging.tokens import tokens
from ontologies.tagging.vocabulary import Vocabulary, standard_vocabulary

_SHARE = 0.005
_LEAST = 3
_FALL = 4


def patterns(texts: Sequence[PointText], vocabulary: Vocabulary | None = None) -> list[str]:
    """Return the pattern of each point: the words of its name that recur in the building, its type and its unit.

    Digits are left out; of words that hardly any other name has the part that the vocabulary knows is left, or ``*``
    for a code or serial number. Points of one pattern are what a person would class alike.
    """
    known = (vocabulary or standard_vocabulary()).words
    names = [[token.text for token in tokens(text.name)] for text in texts]
    counts = Counter(word for name in names for word in set(name))
    least = min(max(_LEAST, _SHARE * len(texts)), max(1, len(texts) // _LEAST))
    return [
        " ".join((*_starred(name, counts, least, known), text.type or "-", text.unit or "-"))
        for name, text in zip(names, texts, strict=True)
    ]


def _starred(name: Sequence[str], counts: Counter[str], least: float, known: Mapping[str, object]) -> list[str]:
    words = [word if counts[word] >= least else _known_or_star(word, known) for word in name]
    return [word for at, word in enumerate(words) if word != "*" or at == 0 or words[at - 1] != "*"]


def _known_or_star(word: str, known: Mapping[str, object]) -> str:
    part = known_part(word, known)
    return part if part in known and len(part) > 1 else "*"


def teaching_order(found: Sequence[str], confidences: Sequence[float]) -> list[int]:
    """Return the points (by index) in the order in which to review them: what teaches most comes first.

    A point of a large pattern teaches most, but each further one of it much less than the one before; of equally
    large patterns the one goes first of which less is sure.
    """
    groups: dict[str, list[int]] = {}
    for at, pattern in enumerate(found):
        groups.setdefault(pattern, []).append(at)
    worth = {pattern: sum(1.0 - confidences[at] for at in group) for pattern, group in groups.items()}
    turns = [
        (-len(group) / (turn + 1) ** _FALL, -round(worth[pattern], 6), pattern, at)
        for pattern, group in groups.items()
        for turn, at in enumerate(group)
    ]
    return [at for *_, at in sorted(turns)]
