"""From evidence to a ranked list of classes: each is weighed by the words of its name that are known of the point."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ontologies.tagging.classes import KINDS, QUALIFIERS, QUANTITIES, PointClass, PointClasses, point_classes
from ontologies.tagging.evidence import Evidence

_KIND = 0.8  # how much the kind counts beside a word of the name
_MISSING = 1.0  # what a word of the class costs that nothing speaks for
_QUALIFIER = 1.6  # how much more it costs where the word sets one of several alike apart
_QUANTITY = 1.6  # how much more either counts for a quantity
_UNUSED = 0.55  # what a word of the point costs that the class has not
_WRONG_QUANTITY = 3.0
_FLOOR = 0.002
_TOP = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A class with its score (in units of one telling word) and the reading of the texts that gave it."""

    found: PointClass
    score: float
    evidence: Evidence


class Ranker:
    """Scores every class at once."""

    def __init__(self, classes: PointClasses) -> None:
        self.classes = classes.classes
        self._words = tuple(sorted(classes.weights))
        self._at = {word: at for at, word in enumerate(self._words)}
        self._weights = np.array([classes.weights[word] for word in self._words])
        self._costs = self._weights * [_QUANTITY if word in QUANTITIES else 1.0 for word in self._words]
        self._missing = _MISSING * self._costs * [_QUALIFIER if word in QUALIFIERS else 1.0 for word in self._words]
        self._has = np.zeros((len(self.classes), len(self._words)))
        for row, found in enumerate(self.classes):
            for word in found.words:
                self._has[row, self._at[word]] = 1.0
        self._quantities = [found.quantities for found in self.classes]
        self._cache: dict[frozenset[str], NDArray[np.float64]] = {}

    def weight(self, word: str) -> float:
        """Return how much a word tells; 0 for one that no class has."""
        return float(self._weights[self._at[word]]) if word in self._at else 0.0

    def scores(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the score of each class for one reading."""
        support, said = np.zeros(len(self._words)), np.zeros(len(self._words))
        for word, strength in evidence.support.items():
            if word in self._at:
                support[self._at[word]] = strength
        for word, strength in evidence.said.items():
            if word in self._at:
                said[self._at[word]] = strength
        gain = self._weights * support - self._missing * (1.0 - support)
        cost = _UNUSED * self._costs * said
        scores: NDArray[np.float64] = self._has @ (gain + cost) - cost.sum()
        return scores + self._kind_scores(evidence) - self._unit_costs(evidence.quantities) - evidence.cost

    def _kind_scores(self, evidence: Evidence) -> NDArray[np.float64]:
        logs = {kind: _KIND * math.log(max(evidence.kinds[kind], _FLOOR)) for kind in KINDS}
        return np.array([logs[found.kind] if found.kind else _KIND * -2.0 for found in self.classes])

    def _unit_costs(self, quantities: frozenset[str]) -> NDArray[np.float64]:
        if quantities not in self._cache:
            self._cache[quantities] = np.array(
                [_WRONG_QUANTITY * bool(quantities and own and not own & quantities) for own in self._quantities]
            )
        return self._cache[quantities]

    def rank(self, ways: Iterable[Evidence], top: int = _TOP) -> list[Candidate]:
        """Return the best classes over all readings, the best first; equals by name."""
        best: dict[int, Candidate] = {}
        for evidence in ways:
            scores = self.scores(evidence)
            for at in np.argsort(-scores, kind="stable")[: 2 * top]:
                score = round(float(scores[at]), 6)
                if at not in best or score > best[at].score:
                    best[int(at)] = Candidate(self.classes[at], score, evidence)
        return sorted(best.values(), key=lambda c: (-c.score, c.found.name))[:top]


@lru_cache(maxsize=1)
def standard_ranker() -> Ranker:
    """Return the ranker of the packaged Brick."""
    return Ranker(point_classes())
