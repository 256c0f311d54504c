"""Classes for the points of one building: by the rules, and by what was reviewed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ontologies.tagging.certainty import rule_certainty
from ontologies.tagging.classes import KINDS
from ontologies.tagging.evidence import Evidence, PointText, readings
from ontologies.tagging.features import point_features
from ontologies.tagging.learning import Taught, learn
from ontologies.tagging.neighbours import with_holders
from ontologies.tagging.patterns import patterns
from ontologies.tagging.ranking import Candidate, Ranker, standard_ranker
from ontologies.tagging.vocabulary import Vocabulary, spoken, standard_vocabulary
from ontologies.tagging.wording import learned_reason, rule_reason

TOP = 5
# How near a reviewed point must be to be followed: less where reviews have already said what to make of this guess.
_NEAR_KNOWN, _NEAR_NEW = 0.25, 0.6
_SURE_RULE = 0.6
_FULLY_NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A class (its name in Brick, or its IRI where reviews taught another), how sure it is (0 to 1), and why."""

    name: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Guess:
    """What is made of one point: ranked suggestions, probabilities of the kinds, and the reading behind them."""

    suggestions: tuple[Suggestion, ...]
    kinds: Mapping[str, float]
    evidence: Evidence

    @property
    def kind(self) -> str:
        return max(KINDS, key=lambda kind: self.kinds[kind])


def suggest(
    texts: Sequence[PointText], reviewed: Mapping[int, str] | None = None, vocabulary: Vocabulary | None = None
) -> list[Guess]:
    """Return a guess for each point of a building; `reviewed` gives the classes of those that a person looked at.

    The same texts and reviews give the same guesses, whatever their order. Takes about a millisecond a point.
    """
    texts = with_holders(texts)
    spoken_here = spoken(vocabulary or standard_vocabulary(), all_texts(texts))
    ranker = standard_ranker()
    seen: dict[PointText, list[Candidate]] = {}
    for text in texts:
        if text not in seen:
            seen[text] = ranker.rank(readings(text, spoken_here), TOP)
    guesses = {text: _by_rules(candidates, ranker) for text, candidates in seen.items()}
    by_rules = [guesses[text] for text in texts]
    if not reviewed:
        return by_rules
    # Sorted, so that sums come out the same in any order of the points.
    order = sorted(range(len(texts)), key=lambda at: (repr(texts[at]), reviewed.get(at, "")))
    names = [by_rules[at].suggestions[0].name for at in order]
    shapes = patterns(texts, spoken_here)
    taught = learn(
        [point_features(texts[at], name, shapes[at]) for at, name in zip(order, names, strict=True)],
        {place: reviewed[at] for place, at in enumerate(order) if at in reviewed},
    )
    said = {names[place] for place, at in enumerate(order) if at in reviewed}
    result = list(by_rules)
    for place, at in enumerate(order):
        example = texts[order[taught[place].nearest]].name
        result[at] = _with_reviews(by_rules[at], taught[place], names[place] in said, example)
    return result


def all_texts(texts: Sequence[PointText]) -> list[str]:
    """Return everything that is written of the points: it shows which languages are spoken."""
    return [part for text in texts for part in (text.name, text.description, *text.context)]


def _by_rules(candidates: list[Candidate], ranker: Ranker) -> Guess:
    certainties = rule_certainty(candidates, ranker)
    suggestions = tuple(
        Suggestion(candidate.found.name, certainty, rule_reason(candidate))
        for candidate, certainty in zip(candidates, certainties, strict=True)
    )
    return Guess(suggestions, candidates[0].evidence.kinds, candidates[0].evidence)


def _with_reviews(guess: Guess, taught: Taught, guess_reviewed: bool, example: str) -> Guess:
    """Join both: reviewed points that are near lead; else the rules do, and the reviews follow."""
    wanted = _NEAR_KNOWN if guess_reviewed or guess.suggestions[0].confidence < _SURE_RULE else _NEAR_NEW
    trust = min(1.0, taught.nearness / _FULLY_NEAR)
    ranked = sorted(taught.probabilities.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    learned = [
        Suggestion(name, round(chance * trust, 3), learned_reason(example, taught.nearness))
        for name, chance in ranked
    ]
    both = (
        [*learned, *guess.suggestions]
        if taught.nearness >= wanted
        else [*guess.suggestions[:1], *learned, *guess.suggestions]
    )
    unique = {suggestion.name: suggestion for suggestion in reversed(both)}
    order = list(dict.fromkeys(suggestion.name for suggestion in both))
    best = order[0]
    rest = sorted(order[1:], key=lambda name: (-unique[name].confidence, order.index(name)))
    return Guess(tuple(unique[name] for name in (best, *rest)[:TOP]), guess.kinds, guess.evidence)
