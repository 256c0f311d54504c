"""What a building's reviewed points teach about the rest: multinomial logistic regression in its dual form.

With some tens of reviewed points and thousands of features the dual is small: a number a reviewed point and class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ontologies.tagging.features import FeatureSpace, Matrix

_STEPS = 150
_RATE = 8.0
_DECAY = 1e-4
_BLOCK = 1024
_ENOUGH_REVIEWED = 1500  # more are thinned out: the time grows with their square

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Taught:
    """For one point: each reviewed class with its probability, how near the nearest reviewed point is, and which."""

    probabilities: Mapping[str, float]
    nearness: float
    nearest: int


def learn(points: Sequence[dict[str, float]], reviewed: Mapping[int, str]) -> list[Taught]:
    """Return what the reviewed points (index to class) teach about every point. Without any the list is empty."""
    if not reviewed:
        return []
    chosen = _thinned(sorted(reviewed))
    space = FeatureSpace(points, [points[at] for at in chosen])
    labels = [reviewed[at] for at in chosen]
    classes = sorted(set(labels))
    examples = space.rows([points[at] for at in chosen])
    weights = _train(examples, labels, classes)
    taught: list[Taught] = []
    for start in range(0, len(points), _BLOCK):
        likeness = space.rows(points[start : start + _BLOCK]) @ examples.T
        taught += _taught(likeness, weights, classes, chosen)
    return taught


def _thinned(reviewed: list[int]) -> list[int]:
    step = max(1.0, len(reviewed) / _ENOUGH_REVIEWED)
    return [reviewed[int(at * step)] for at in range(int(len(reviewed) / step))]


def _train(examples: Matrix, labels: list[str], classes: list[str]) -> Scores:
    truth = np.array([[label == name for name in classes] for label in labels], dtype=np.float64)
    kernel = (examples @ examples.T).astype(np.float64)
    weights = np.zeros_like(truth)
    for _ in range(_STEPS):
        error = _softmax(kernel @ weights) - truth
        weights -= _RATE * (error / len(labels) + _DECAY * weights)
    return weights


def _softmax(scores: Scores) -> Scores:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Scores = raised / raised.sum(axis=1, keepdims=True)
    return result


def _taught(likeness: Matrix, weights: Scores, classes: list[str], chosen: list[int]) -> list[Taught]:
    chances = np.round(_softmax(likeness.astype(np.float64) @ weights), 4)
    nearest = np.round(likeness, 4).argmax(axis=1)
    return [
        Taught(
            {name: float(chance) for name, chance in zip(classes, row, strict=True) if chance > 0.0},
            float(round(float(likeness[at, near]), 4)),
            chosen[near],
        )
        for at, (row, near) in enumerate(zip(chances, nearest, strict=True))
    ]
