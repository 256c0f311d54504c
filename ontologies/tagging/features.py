"""What makes two points of one building alike: n-grams, words, patterns and what the rules make of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ontologies.tagging.evidence import PointText
from ontologies.tagging.tokens import last_segment, template, tokens

_GRAMS = (3, 4)
_LONGEST = 120

Matrix = NDArray[np.float32]


def point_features(text: PointText, guess: str, pattern: str) -> dict[str, float]:
    """Return the weighted features of a point; `guess` is the class that the rules give it."""
    name = template(text.name)[:_LONGEST]
    last = last_segment(name)
    found = {f"pattern {pattern}": 2.0, f"name {name}": 1.0, f"last {last}": 2.0, f"rule {guess}": 3.0}
    for gram in _grams(name):
        found[f"gram {gram}"] = 0.5
    for gram in _grams(last):
        found[f"gram {gram}"] = 1.0
    for token in tokens(text.name):
        if len(token.text) > 1:
            found[f"word {token.text}"] = 0.5 if token.segment else 1.0
    found |= {f"description {token.text}": 1.0 for token in tokens(text.description)}
    found |= dict.fromkeys(_facts(text), 1.5)
    return found


def _facts(text: PointText) -> Iterator[str]:
    if text.type:
        yield f"type {text.type}"
    if text.unit:
        yield f"unit {text.unit}"


def _grams(pattern: str) -> Iterable[str]:
    edged = f"^{pattern}$"
    return (edged[at : at + size] for size in _GRAMS for at in range(len(edged) - size + 1))


class FeatureSpace:
    """The features of a building's points, each weighed by how few points have it (tf-idf), as unit vectors.

    Only the features that the examples have are columns: the others liken no point to any of them.
    """

    def __init__(self, points: Sequence[dict[str, float]], examples: Sequence[dict[str, float]]) -> None:
        counts = Counter(name for features in points for name in features)
        # What only one point has likens it to none.
        self._weights = {
            name: math.log(1.0 + len(points) / count) for name, count in sorted(counts.items()) if count > 1
        }
        names = sorted({name for features in examples for name in features} & self._weights.keys())
        self._at = {name: at for at, name in enumerate(names)}

    def rows(self, points: Sequence[dict[str, float]]) -> Matrix:
        """Return a matrix of points x columns; each row is a part of a vector of length 1."""
        found = np.zeros((len(points), len(self._at)), dtype=np.float32)
        for row, features in enumerate(points):
            weighed = {name: value * self._weights[name] for name, value in features.items() if name in self._weights}
            norm = math.sqrt(sum(value * value for value in weighed.values())) or 1.0
            for name, value in weighed.items():
                at = self._at.get(name)
                if at is not None:
                    found[row, at] = value / norm
        return found
