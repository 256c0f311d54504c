"""The tables of ``data/``: what words mean, what goes without saying, what kind of point speaks of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ontologies.data_tables import read_table
from ontologies.errors import TableError
from ontologies.tagging.classes import KINDS, point_classes
from ontologies.tagging.tokens import Splitter, fold, tokens

_DATA = Path(__file__).parent / "data"
_ENGLISH = "en"
_EQUIPMENT = "kind,class,part,part_of,fed_by"
_OWN = 4  # letters of a word of Brick's that stands for itself: shorter ones are everyone's abbreviations
_TELLING = 5  # letters of a word that tells a language

Meaning = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Equipment:
    """A kind of equipment: its Brick class, and which part of the building it speaks of.

    ``part_of`` and ``fed_by`` are the kinds that it is a part of, or is fed by, where a name has both.
    """

    kind: str
    class_name: str
    part: str
    part_of: tuple[str, ...] = ()
    fed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Implication:
    """What is taken for granted: the conditions, the words that follow, the words that go, how surely."""

    wanted: frozenset[str]
    barred: frozenset[str]
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    strength: float


@dataclass(frozen=True, slots=True)
class Measurable:
    """What a unit can measure: all of it, and what it is unless another is named (None: that would be a guess)."""

    measured: str | None
    all: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that the tables say, the words by language."""

    languages: dict[str, dict[str, tuple[Meaning, ...]]]
    words: dict[str, tuple[Meaning, ...]]
    equipment: dict[str, Equipment]
    implications: tuple[Implication, ...]
    kinds: dict[str, dict[str, float]]
    quantities: dict[str, Measurable]
    splitter: Splitter = field(repr=False)


def load_vocabulary(extra_words: Iterable[Path] = ()) -> Vocabulary:
    """Read the tables; `extra_words` are further ones like ``words.csv``, whose meanings come before ours."""
    languages: dict[str, dict[str, tuple[Meaning, ...]]] = {_ENGLISH: {}}
    for path in (*extra_words, _DATA / "words.csv"):
        _read_words(path, languages)
    for word in point_classes().weights:  # what Brick itself calls things, where the tables say nothing else
        if len(word) >= _OWN:
            languages[_ENGLISH].setdefault(word, ((word,),))
    equipment = {found.kind: found for found in map(_kind_of_equipment, _table("equipment.csv", _EQUIPMENT))}
    words = _merged(languages, sorted(languages, key=lambda name: (name != _ENGLISH, name)))
    return Vocabulary(
        languages,
        words,
        equipment,
        tuple(_implications()),
        dict(_kinds()),
        dict(_quantities()),
        Splitter(words),
    )


def _kind_of_equipment(row: Mapping[str, str]) -> Equipment:
    part_of, fed_by = (tuple(row[name].split()) for name in ("part_of", "fed_by"))
    return Equipment(row["kind"], row["class"], row["part"], part_of, fed_by)


def spoken(vocabulary: Vocabulary, texts: Sequence[str]) -> Vocabulary:
    """Return the vocabulary with only the languages that the texts are in: English and what they show to be used.

    An abbreviation of one language is another's everyday word, so one that nobody speaks there only misleads; what
    is spoken most is meant first.
    """
    seen = {token.text for text in texts for token in tokens(text) if len(token.text) >= _TELLING}
    seen |= {piece for word in seen for piece in vocabulary.splitter.split(word) if len(piece) >= _TELLING}
    told = _told(seen, vocabulary.languages)
    used = [language for language, count in told.items() if count or language == _ENGLISH]
    words = _merged(vocabulary.languages, sorted(used, key=lambda name: (-told[name], name != _ENGLISH, name)))
    here = replace(vocabulary, words=words, splitter=Splitter(words))
    return _discharging(here) if _says_discharge(texts, here) else here


def _told(seen: Collection[str], languages: Mapping[str, Mapping[str, object]]) -> dict[str, int]:
    """Return how many words there are of each language alone."""
    spoken_in = {word: [name for name, words in languages.items() if word in words] for word in seen}
    return {name: sum(found == [name] for found in spoken_in.values()) for name in languages}


def _says_discharge(texts: Iterable[str], vocabulary: Vocabulary) -> bool:
    """Tell whether a building speaks of discharge air rather than of supply air: Brick holds both to be the same."""
    counts = Counter(
        word
        for text in texts
        for token in tokens(text)
        for word in ("discharge", "supply")
        if word in vocabulary.words.get(token.text, ((),))[0] and "water" not in vocabulary.words[token.text][0]
    )
    return counts["discharge"] > counts["supply"]


def _discharging(vocabulary: Vocabulary) -> Vocabulary:
    """Return the vocabulary with what goes without saying of supply air said of discharge air."""
    rules = (
        replace(rule, added=tuple("discharge" if word == "supply" else word for word in rule.added))
        for rule in vocabulary.implications
    )
    return replace(vocabulary, implications=tuple(rules))


def _merged(
    languages: Mapping[str, Mapping[str, tuple[Meaning, ...]]], wanted: Iterable[str]
) -> dict[str, tuple[Meaning, ...]]:
    """Join the words of the languages: what a word means in the first comes first."""
    merged: dict[str, tuple[Meaning, ...]] = {}
    for language in wanted:
        for word, meanings in languages[language].items():
            known = merged.get(word, ())
            merged[word] = (*known, *(meaning for meaning in meanings if meaning not in known))
    return merged


@lru_cache(maxsize=1)
def standard_vocabulary() -> Vocabulary:
    """Return the tables as they come with Twinhouse."""
    return load_vocabulary()


def _table(name: str, columns: str) -> Iterable[dict[str, str]]:
    return map(dict, read_table(_DATA / name, tuple(columns.split(","))))


def _read_words(path: Path, languages: dict[str, dict[str, tuple[Meaning, ...]]]) -> None:
    for row in read_table(path, ("word", "language", "meanings")):
        words = languages.setdefault(row["language"], {})
        meanings = tuple(_meaning(part) for part in row["meanings"].split("|"))
        for spelling in _spellings(row["word"], row["language"]):
            known = words.get(spelling, ())
            words[spelling] = (*known, *(meaning for meaning in meanings if meaning not in known))


def _meaning(text: str) -> Meaning:
    return tuple(word for word in text.split() if word != "-")


def _spellings(word: str, language: str) -> set[str]:
    """Return a word as names spell it: umlauts written as such, as two letters or as one."""
    short = plain = fold(word.lower())
    if language == "de":
        for two, one in (("ae", "a"), ("oe", "o"), ("ue", "u")):
            short = short.replace(two, one)
    return {plain, short}


def _implications() -> Iterable[Implication]:
    for row in read_table(_DATA / "implications.csv", ("when", "then", "strength")):
        conditions, results = row["when"].split(), row["then"].split()
        yield Implication(
            frozenset(word for word in conditions if not word.startswith("!")),
            frozenset(word[1:] for word in conditions if word.startswith("!")),
            tuple(word for word in results if not word.startswith("-")),
            tuple(word[1:] for word in results if word.startswith("-")),
            _number(row["strength"], "implications.csv"),
        )


def _kinds() -> Iterable[tuple[str, dict[str, float]]]:
    for row in read_table(_DATA / "kinds.csv", ("evidence", *KINDS)):
        yield row["evidence"], {kind: _number(row[kind], "kinds.csv") for kind in KINDS}


def _quantities() -> Iterable[tuple[str, Measurable]]:
    for row in _table("quantities.csv", "quantity,measured,others"):
        measured = row["measured"] or None
        yield row["quantity"], Measurable(measured, frozenset({*row["measured"].split(), *row["others"].split()}))


def _number(text: str, file: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise TableError(f"a number expected, not {text!r}", file=file) from error
