"""What is known of a point, from its name, description, unit, object type, states, device and views."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product

from ontologies.tagging.classes import KINDS
from ontologies.tagging.tokens import Token, tokens
from ontologies.tagging.vocabulary import Meaning, Measurable, Vocabulary

_CONTEXT = 0.4
_MEDIUM = 0.75
_HOLDER = 0.9
_BEFORE = 0.75
_TERSE = 2
_READINGS = 48
_MOST_WORDS = 64
_SECOND_MEANING = 0.5
_PART = 4
_LONG = 7  # letters of a word that two known ones do not make up by chance
_FEW = 6  # of many states none says what they are about
_BRACKETS = re.compile(r"\([^()]*(?:\)|$)")  # they explain, and do not name
_HOUSES = frozenset({"building", "bldg", "gebaude", "gebaeude", "batiment"})
_ANYTHING = Measurable(None, frozenset())


@dataclass(frozen=True, slots=True)
class PointText:
    """What there is to go by, of a BACnet object or of a point of any other origin.

    ``prefix`` and ``suffix`` are how many words at the ends of the name are its equipment's: they tell where a point
    is, more than what.
    ``context`` are names around it: its device, the views that list it. ``quantity`` is what its unit measures, as
    in the table of units.
    """

    name: str
    description: str = ""
    type: str | None = None
    unit: str | None = None
    quantity: str | None = None
    states: tuple[str, ...] = ()
    commandable: bool | None = None
    context: tuple[str, ...] = ()
    prefix: int = 0
    suffix: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reading of a point's texts: how sure each word of Brick's is, and how surely it was said outright.

    ``kinds`` are probabilities, ``quantities`` what the unit allows (nothing: anything), ``cost`` what the reading
    costs in likelihood for meanings that are not the first. ``sources`` say where each word comes from.
    """

    support: Mapping[str, float]
    said: Mapping[str, float]
    kinds: Mapping[str, float]
    quantities: frozenset[str]
    equipment: tuple[str, ...]
    cost: float = 0.0
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Said:
    support: dict[str, float] = field(default_factory=dict)
    said: dict[str, float] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    equipment: dict[str, float] = field(default_factory=dict)

    def add(self, word: str, strength: float, said: float, source: str) -> None:
        if word.startswith("@"):
            self.equipment[word[1:]] = max(strength, self.equipment.get(word[1:], 0.0))
        elif strength > self.support.get(word, 0.0):
            self.support[word] = strength
            self.sources[word] = source
        if not word.startswith("@"):
            self.said[word] = max(said, self.said.get(word, 0.0))


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    meanings: tuple[Meaning, ...]
    strength: float
    said: float
    source: str


def readings(text: PointText, vocabulary: Vocabulary) -> Iterator[Evidence]:
    """Yield each way to read a point's texts, 48 at most, the likeliest meanings first; of the words the first 64."""
    words = list(islice(_words(text, vocabulary), _MOST_WORDS))
    choices = [range(len(word.meanings)) for word in words]
    for chosen in islice(product(*choices), _READINGS):
        yield _evidence(text, vocabulary, words, chosen)


def _words(text: PointText, vocabulary: Vocabulary) -> Iterator[_Word]:
    found = tokens(text.name)
    terse = sum(token.segment == 0 for token in found) <= _TERSE
    end = len(found) - text.suffix
    for token in joined(found[text.prefix : end], vocabulary.words):
        if token.segment == 0:
            yield from _look_up(token, vocabulary, 1.0, 1.0, "name")
        else:
            yield from _look_up(token, vocabulary, *_of_path(token, terse=terse), "name")
    for token in (*found[: text.prefix], *found[end:]):
        strength, said = (_HOLDER, 0.4) if token.segment == 0 else _of_path(token, terse=terse)
        yield from _look_up(token, vocabulary, strength, said, "name")
    for token in joined(tokens(_BRACKETS.sub(" ", text.description)), vocabulary.words):
        if not (token.numbered and token.text in _HOUSES):
            yield from _look_up(token, vocabulary, 0.95, 0.7, "description")
    for state in text.states[:_FEW]:
        for token in tokens(state):
            yield from _look_up(token, vocabulary, 0.35, 0.0, "state")
    for name in text.context:
        for token in tokens(name):
            yield from _look_up(token, vocabulary, 0.3, 0.0, "device or view")


def _of_path(token: Token, *, terse: bool) -> tuple[float, float]:
    """Return how strong a word is in a part of a path before the last: SupplyFan.CMD says there what it is."""
    return _BEFORE if terse and token.segment == 1 else _CONTEXT, 0.05


def joined(found: Sequence[Token], known: Container[str]) -> list[Token]:
    """Join words that were written apart: ``pre heat``, ``Set Point``, ``S_S``.

    It takes a known word that they make up, and that one of them alone is unknown, or both are letters or long.
    """
    result: list[Token] = []
    for token in found:
        last = result[-1] if result else None
        if last is not None and not last.numbered and last.segment == token.segment:
            both = last.text + token.text
            apart = last.text in known and token.text in known and 2 < len(both) < _LONG
            if both in known and not apart:
                result[-1] = replace(token, text=both)
                continue
        result.append(token)
    return result


def _look_up(token: Token, vocabulary: Vocabulary, strength: float, said: float, where: str) -> Iterator[_Word]:
    known = vocabulary.words
    pieces = (token.text,) if token.text in known else vocabulary.splitter.split(token.text)
    if pieces == (token.text,) and token.text not in known:
        pieces = (known_part(token.text, known),)
    for piece in pieces:
        meanings = known.get(piece)
        if meanings and (len(piece) > 1 or said > 0.0):
            weak = 0.6 if len(piece) == 1 else 1.0
            # A plant is of one water: hot in BOILERS.HW.RETURN.TEMP.
            own = max(strength, _MEDIUM) if token.segment and any("water" in way for way in meanings) else strength
            yield _Word(piece, meanings, own * weak, said * weak, f"{where} {token.text!r}")


def known_part(text: str, known: Mapping[str, object]) -> str:
    """Return the longest known word that a longer one begins or ends with, if it is most of it."""
    for length in range(len(text) - 1, max(_PART, len(text) // 2) - 1, -1):
        part = next((part for part in (text[:length], text[-length:]) if part in known), None)
        if part is not None:
            return part
    return text


def _evidence(text: PointText, vocabulary: Vocabulary, words: list[_Word], chosen: tuple[int, ...]) -> Evidence:
    said = _Said()
    cost = 0.0
    for word, choice in zip(words, chosen, strict=True):
        cost += choice * _SECOND_MEANING * word.strength
        for meaning in word.meanings[choice]:
            said.add(meaning, word.strength, word.said, word.source)
    unit = vocabulary.quantities.get(text.quantity or "", _ANYTHING)
    if unit.measured and not unit.all & said.support.keys():
        said.add(unit.measured, 0.9, 0.3, f"unit {text.unit}")
    kinds = kind_probabilities(text, said.said, vocabulary)
    _imply(said, kinds, text.quantity, vocabulary)
    equipment = tuple(sorted(said.equipment, key=lambda kind: (-said.equipment[kind], kind)))
    return Evidence(said.support, said.said, kinds, unit.all, equipment, cost, said.sources)


def kind_probabilities(text: PointText, said: Mapping[str, float], vocabulary: Vocabulary) -> dict[str, float]:
    """Return how likely each kind of point is, from object type, unit and words."""
    logs = dict.fromkeys(KINDS, 0.0)
    evidence = {text.type if text.type in vocabulary.kinds else "none": 1.0, **dict(sorted(said.items()))}
    if text.commandable is not None:
        evidence["commandable" if text.commandable else "measured"] = 1.0
    if text.quantity:
        evidence[f"={text.quantity}"] = 1.0
    for name, strength in evidence.items():
        for kind, factor in vocabulary.kinds.get(name, {}).items():
            logs[kind] += strength * math.log(factor)
    top = max(logs.values())
    weights = {kind: math.exp(log - top) for kind, log in logs.items()}
    total = sum(weights.values())
    return {kind: weight / total for kind, weight in weights.items()}


def _imply(said: _Said, kinds: Mapping[str, float], quantity: str | None, vocabulary: Vocabulary) -> None:
    kind = max(KINDS, key=lambda kind: kinds[kind])
    known = {**said.support, f"#{kind}": 1.0, f"={quantity}": 1.0}
    known |= {f"@{name}": max(strength, 0.7) for name, strength in said.equipment.items()}
    for rule in vocabulary.implications:
        if not rule.wanted <= known.keys() or any(known.get(word, 0.0) > _CONTEXT for word in rule.barred):
            continue
        strength = rule.strength * min(known[word] for word in rule.wanted)
        for word in rule.dropped:
            said.support.pop(word, None)
            said.said.pop(word, None)
            known.pop(word, None)
        for word in rule.added:
            said.add(word, strength, 0.0, f"goes without saying after {' '.join(sorted(rule.wanted))}")
            known[word] = max(strength, known.get(word, 0.0))
