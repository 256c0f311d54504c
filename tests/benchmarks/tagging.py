"""Names to classes, measured on buildings that somebody has classed by hand.

    python -m tests.benchmarks.tagging --write-docs

Each building is taken alone: nothing is learned from one for another. The tables of words and the weights of the
certainty were made while looking at the buildings "developed on"; those "held back" were measured and not looked at.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from ontologies.tagging.certainty import WEIGHTS, measures
from ontologies.tagging.classes import point_classes
from ontologies.tagging.evidence import readings
from ontologies.tagging.neighbours import with_holders
from ontologies.tagging.patterns import patterns, teaching_order
from ontologies.tagging.proposals import THRESHOLD, haystack_tags
from ontologies.tagging.ranking import standard_ranker
from ontologies.tagging.suggesting import Guess, all_texts, suggest
from ontologies.tagging.tokens import template
from ontologies.tagging.vocabulary import spoken, standard_vocabulary
from tests.benchmarks.report import Part
from tests.support.data import SHARED
from tests.support.labelled import DEVELOPED_ON, HELD_BACK, Labelled, labelled

DOCS = Path(__file__).resolve().parents[2] / "docs" / "tagging.md"
_BEGIN, _END = "<!-- figures -->", "<!-- /figures -->"
_REVIEWED = 50
_SEEDS = range(5)
_SHARES = (0.5, 0.7, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """What share of points is right, of classes (macro-F1), and has the truth among the first three."""

    accuracy: float
    macro_f1: float
    top3: float


def figures(guesses: Sequence[Guess], truths: Sequence[str]) -> Figures:
    """Compare guesses with what people said. Macro-F1 is over the classes that people used."""
    first = [guess.suggestions[0].name for guess in guesses]
    hits = [name == truth for name, truth in zip(first, truths, strict=True)]
    among = [truth in [s.name for s in guess.suggestions[:3]] for guess, truth in zip(guesses, truths, strict=True)]
    return Figures(mean(hits), macro_f1(first, truths), mean(among))


def macro_f1(guessed: Sequence[str], truths: Sequence[str]) -> float:
    """Return the mean over the true classes of F1, which is 2 x right / (guessed + true)."""
    right = Counter(truth for name, truth in zip(guessed, truths, strict=True) if name == truth)
    said, true = Counter(guessed), Counter(truths)
    return mean(2 * right[name] / (said[name] + true[name]) for name in true)


def at_reviewed(points: Sequence[Labelled], chosen: Iterable[int]) -> Figures:
    """Review the chosen points as people did, and measure on all the others."""
    reviewed = {at: points[at].truth for at in chosen}
    guesses = suggest([point.text for point in points], reviewed)
    rest = [at for at in range(len(points)) if at not in reviewed]
    return figures([guesses[at] for at in rest], [points[at].truth for at in rest])


def _average(found: Sequence[Figures]) -> Figures:
    return Figures(*(mean(getattr(f, name) for f in found) for name in ("accuracy", "macro_f1", "top3")))


def _row(name: str, points: int, found: Figures) -> tuple[str, ...]:
    return name, str(points), f"{found.accuracy:.1%}", f"{found.macro_f1:.2f}", f"{found.top3:.1%}"


def _named(name: str) -> str:
    return f"{name} (held back)" if name in HELD_BACK else name


_HEAD = ("building", "points", "exact class", "macro-F1", "in the first three")


def report(buildings: dict[str, list[Labelled]]) -> list[Part]:
    """Measure everything; takes about a minute."""
    guesses = {name: suggest([p.text for p in points]) for name, points in buildings.items()}
    return [
        _without_reviews(buildings, guesses),
        _with_reviews(buildings, guesses),
        _coverage(buildings, guesses),
        _tags(buildings, guesses),
    ]


def _without_reviews(buildings: dict[str, list[Labelled]], guesses: dict[str, list[Guess]]) -> Part:
    known = {found.name for found in point_classes().classes}
    part = Part(
        "Nothing reviewed",
        (*_HEAD, "classes that Brick 1.4 has"),
        "The first proposal, whatever its confidence, against the class that people gave; a class that Brick 1.4 has"
        " replaced counts as what replaced it. Some labels are classes that Brick 1.4 does not have at all: no"
        " proposal can be right there, and the last column tells the share of points that have another.",
    )
    found = {}
    for name, points in buildings.items():
        found[name] = figures(guesses[name], [p.truth for p in points])
        share = mean(p.truth in known for p in points)
        part.add(*_row(_named(name), len(points), found[name]), f"{share:.1%}")
    for title, names in (("mean, developed on", DEVELOPED_ON), ("mean, held back", HELD_BACK)):
        part.add(*_row(title, sum(len(buildings[n]) for n in names), _average([found[n] for n in names])), "")
    return part


def _with_reviews(buildings: dict[str, list[Labelled]], guesses: dict[str, list[Guess]]) -> Part:
    part = Part(
        f"{_REVIEWED} points reviewed",
        (*_HEAD[:2], "exact class", "macro-F1", "in the first three", "suggested 50: exact class", "macro-F1"),
        f"{_REVIEWED} points of the building itself have their true class; measured on all its other points. The"
        f" first figures are means over {len(_SEEDS)} random choices of the {_REVIEWED}; the last two columns"
        f" are with the {_REVIEWED} that `review` puts first."
        f" Buildings of fewer than {2 * _REVIEWED} points are left out.",
    )
    rows: dict[str, tuple[Figures, Figures]] = {}
    for name, points in buildings.items():
        if len(points) < 2 * _REVIEWED:
            continue
        drawn = [random.Random(seed).sample(range(len(points)), _REVIEWED) for seed in _SEEDS]
        chance = _average([at_reviewed(points, chosen) for chosen in drawn])
        confidences = [guess.suggestions[0].confidence for guess in guesses[name]]
        order = teaching_order(patterns([p.text for p in points]), confidences)
        guided = at_reviewed(points, order[:_REVIEWED])
        rows[name] = chance, guided
        part.add(*_row(_named(name), len(points), chance), f"{guided.accuracy:.1%}", f"{guided.macro_f1:.2f}")
    for title, names in (("mean, developed on", DEVELOPED_ON), ("mean, held back", HELD_BACK)):
        both = [rows[name] for name in names if name in rows]
        chance, guided = _average([a for a, _ in both]), _average([b for _, b in both])
        total = sum(len(buildings[name]) for name in names if name in rows)
        part.add(*_row(title, total, chance), f"{guided.accuracy:.1%}", f"{guided.macro_f1:.2f}")
    return part


def _coverage(buildings: dict[str, list[Labelled]], guesses: dict[str, list[Guess]]) -> Part:
    part = Part(
        "Confidence, nothing reviewed",
        (
            "the surest",
            *(f"{what}, {names}" for names in ("developed on", "held back") for what in ("exact", "fits")),
        ),
        "Of the points that are surest, the share that is the true class; and of those the share whose class fits:"
        " the true one, or one that says more (Zone_Air_Temperature_Sensor where the label is Air_Temperature_Sensor;"
        " Supply for Discharge). Means over buildings, of the points whose class Brick 1.4 has. The last line is what"
        f" an import proposes: a confidence of {THRESHOLD} or more; below it, it proposes no more than the kind of"
        " point.",
    )
    sets = [[_by_confidence(guesses[n], buildings[n]) for n in names] for names in (DEVELOPED_ON, HELD_BACK)]
    for share in _SHARES:
        parts = [[found[: max(1, round(share * len(found)))] for found in each] for each in sets]
        part.add(f"{share:.0%}", *(cell for each in parts for cell in _precision(each)))
    parts = [[[one for one in found if one[0] >= THRESHOLD] for found in each] for each in sets]
    shares = (mean(len(p) / len(f) for p, f in zip(*both, strict=True)) for both in zip(parts, sets, strict=True))
    title = " and ".join(f"{share:.0%}" for share in shares)
    part.add(title, *(cell for each in parts for cell in _precision(each)))
    return part


def _by_confidence(guesses: Sequence[Guess], points: Sequence[Labelled]) -> list[tuple[float, bool, bool]]:
    """Return confidence, whether exact, whether it fits, of each point whose class there is; the surest first."""
    known = {found.name for found in point_classes().classes}
    pairs = [(g.suggestions[0], p.truth) for g, p in zip(guesses, points, strict=True) if p.truth in known]
    return sorted(
        ((s.confidence, s.name == truth, fits(s.name, truth)) for s, truth in pairs), key=lambda each: -each[0]
    )


def _precision(found: Sequence[Sequence[tuple[float, bool, bool]]]) -> Iterable[str]:
    return (f"{mean(mean(one[at] for one in each) for each in found if each):.1%}" for at in (1, 2))


def _tags(buildings: dict[str, list[Labelled]], guesses: dict[str, list[Guess]]) -> Part:
    part = Part(
        "Haystack tags, nothing reviewed",
        ("site", "points", "proposed tags that the site has", "tags of the site that are proposed"),
        "On the Haystack sites: the tags of the class that is proposed first, against the tags that the site gives"
        " its points (of those that some class can propose, and without `point` itself).",
    )
    possible = {tag for found in point_classes().classes for tag in haystack_tags(found.name)} - {"point"}
    for name, points in buildings.items():
        if not any(point.tags for point in points):
            continue
        pairs = [
            (set(haystack_tags(guess.suggestions[0].name)) - {"point"}, set(_current_tags(point.tags)) & possible)
            for guess, point in zip(guesses[name], points, strict=True)
        ]
        both = sum(len(ours & theirs) for ours, theirs in pairs)
        ours_all, theirs_all = sum(len(ours) for ours, _ in pairs), sum(len(theirs) for _, theirs in pairs)
        part.add(_named(name), str(len(points)), f"{both / ours_all:.1%}", f"{both / theirs_all:.1%}")
    return part


def _current_tags(tags: Iterable[str]) -> Iterable[str]:
    """Haystack 4 calls cool and heat cooling and heating."""
    return ({"cool": "cooling", "heat": "heating"}.get(tag, tag) for tag in tags)


def fit(buildings: dict[str, list[Labelled]]) -> list[float]:
    """Return weights of the certainty, by logistic regression on the buildings that were developed on.

    Each pattern of names counts once in its building, and each building as much as another.
    """
    rows, right, weight = [], [], []
    ranker = standard_ranker()
    known = {found.name for found in point_classes().classes}
    for name in DEVELOPED_ON:
        points = [point for point in buildings[name] if point.truth in known]
        texts = with_holders([point.text for point in points])
        here = spoken(standard_vocabulary(), all_texts(texts))
        patterns = {(template(p.text.name), p.truth): (text, p) for text, p in zip(texts, points, strict=True)}
        for text, point in patterns.values():
            candidates = ranker.rank(readings(text, here))
            rows.append(measures(candidates[0], ranker))
            right.append(fits(candidates[0].found.name, point.truth))
            weight.append(1 / len(patterns))
    values, truth, importance = np.array(rows), np.array(right, dtype=float), np.array(weight)
    importance /= importance.sum()
    weights = np.array(WEIGHTS)
    for _ in range(20_000):
        chance = 1 / (1 + np.exp(-values @ weights))
        weights = weights - 0.5 * (values.T @ ((chance - truth) * importance) + 1e-3 * weights)
        weights[1:] = np.maximum(weights[1:], 0.0)  # more evidence never makes less sure
    return [round(float(value), 2) for value in weights]


def fits(guess: str, truth: str) -> bool:
    """Tell whether a guess is the true class or a more exact one, Supply and Discharge being the same to Brick."""
    ours, theirs = (name.replace("Discharge", "Supply").split("_") for name in (guess, truth))
    return ours[-1] == theirs[-1] and set(theirs) <= set(ours)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tagging", description=__doc__)
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/tagging.md")
    parser.add_argument("--fit", action="store_true", help="fit the weights of the certainty, and print them")
    given = parser.parse_args(arguments)
    buildings = {name: labelled(SHARED, name) for name in (*DEVELOPED_ON, *HELD_BACK)}
    if given.fit:
        print(tuple(fit(buildings)))
        return 0
    started = time.process_time()
    text = "\n".join(part.markdown() for part in report(buildings))
    print(text)
    print(f"{time.process_time() - started:.0f} s of CPU", file=sys.stderr)
    if given.write_docs:
        page = DOCS.read_text("utf-8")
        pattern = re.compile(f"{_BEGIN}.*{_END}", re.DOTALL)
        DOCS.write_text(pattern.sub(lambda _: f"{_BEGIN}\n{text}{_END}", page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
