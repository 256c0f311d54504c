"""How sure a class is that the rules found: logistic in a few plain measures.

``tests/benchmarks/tagging.py --fit`` fitted the weights, on the buildings that were developed on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ontologies.tagging.ranking import Candidate, Ranker

# intercept, lead over the next kind of class, share of the class that is known, score, probability of its kind,
# number of its words that were said
WEIGHTS = (-1.4, 0.45, 1.68, 0.2, 0.55, 0.09)
_MOST = 0.99


def rule_certainty(candidates: Sequence[Candidate], ranker: Ranker) -> list[float]:
    """Return a probability for each candidate; they fall from the first to the last."""
    certainties: list[float] = []
    for at in range(len(candidates)):
        raw = sum(weight * value for weight, value in zip(WEIGHTS, measures(candidates, at, ranker), strict=True))
        certainty = min(_MOST, 1.0 / (1.0 + math.exp(-raw)))
        certainties.append(round(min(certainty, certainties[-1] if certainties else 1.0), 3))
    return certainties


def measures(candidates: Sequence[Candidate], at: int, ranker: Ranker) -> tuple[float, ...]:
    """Return what the certainty of a candidate depends on, in the order of `WEIGHTS`."""
    candidate = candidates[at]
    evidence, words = candidate.evidence, candidate.found.words
    weigh = ranker.weight
    rival = max((other.score for other in candidates if not _alike(other, candidate)), default=candidate.score - 3.0)
    # fsum: a set has no order, and a plain sum depends on it.
    own = math.fsum(weigh(word) for word in words)
    backed = math.fsum(weigh(word) * evidence.support.get(word, 0.0) for word in words)
    kind = evidence.kinds.get(candidate.found.kind or "", 0.0)
    return (
        1.0,
        max(-2.0, min(2.0, candidate.score - rival)),
        backed / own if own else 0.0,
        max(-3.0, min(6.0, candidate.score)),
        kind,
        min(4.0, sum(evidence.said.get(word, 0.0) > 0.0 for word in words)),
    )


def _alike(one: Candidate, other: Candidate) -> bool:
    """Tell whether two classes differ in no more than supply and discharge, which Brick holds to be the same."""
    return one.found.name.replace("Discharge", "Supply") == other.found.name.replace("Discharge", "Supply")
