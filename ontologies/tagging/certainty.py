"""How sure a class is that the rules found: logistic in two plain measures.

``tests/benchmarks/tagging.py --fit`` fitted the weights, on the buildings that were developed on. More measures (the
lead over the next class, the share of its words that are known, its kind) fitted those buildings better, and each
that was left out of the fit worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ontologies.tagging.classes import KINDS
from ontologies.tagging.ranking import Candidate, Ranker

# intercept, score, share of what was said that the class has a place for
WEIGHTS = (0.28, 0.41, 0.98)
_BEHIND = 1.0  # how much less sure a class is for each unit of score that it is behind the best
_MOST = 0.99


def rule_certainty(candidates: Sequence[Candidate], ranker: Ranker) -> list[float]:
    """Return a probability for each candidate; they fall from the first to the last."""
    certainties: list[float] = []
    for candidate in candidates:
        raw = math.fsum(w * value for w, value in zip(WEIGHTS, measures(candidate, ranker), strict=True))
        raw -= _BEHIND * (candidates[0].score - candidate.score)
        certainty = min(_MOST, 1.0 / (1.0 + math.exp(-raw)))
        certainties.append(round(min(certainty, certainties[-1] if certainties else 1.0), 3))
    return certainties


def measures(candidate: Candidate, ranker: Ranker) -> tuple[float, float, float]:
    """Return what the certainty of a candidate depends on, in the order of `WEIGHTS`."""
    said = {
        word: ranker.weight(word) * strength
        for word, strength in candidate.evidence.said.items()
        if word not in KINDS
    }
    used = math.fsum(value for word, value in said.items() if word in candidate.found.words)
    return 1.0, max(-3.0, min(6.0, candidate.score)), used / (math.fsum(said.values()) or 1.0)
