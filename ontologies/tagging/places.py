"""The equipment and the room that a point's texts name: ``AHU-1`` and its kind, ``Room 305``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ontologies.tagging.tokens import fold
from ontologies.tagging.vocabulary import Equipment, Vocabulary

# A word with its number, as it is written: AHU-1, VAV 3-05, RM100C, CH_2.
_NUMBERED = re.compile(r"(?<![A-Za-z])([A-Za-z]+?)[ _-]?#?(\d+[A-Za-z]?(?:[-_]\d+[A-Za-z]?)*)(?![A-Za-z0-9])")
_ROOMS = frozenset({"room", "rm", "raum", "salle", "zimmer", "bureau", "local", "piece"})
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class NamedEquipment:
    """A piece of equipment by its name in the texts, and its Brick class.

    ``within`` is the equipment that the text names before it, where their kinds tell how they hang together: then the
    name has that of the other before it, since numbers begin again in each. ``fed`` tells that the other feeds this
    one, of which it is a part otherwise.
    """

    name: str
    class_name: str
    within: NamedEquipment | None = None
    fed: bool = False


def equipment_named(texts: Iterable[str], vocabulary: Vocabulary) -> NamedEquipment | None:
    """Return the first piece of equipment that the texts name with a number, else None.

    Of several in one text it is the last: ``AHU-1.VAV-3`` is about the VAV box.
    """
    for text in texts:
        found = [(kind, name) for word, name in _numbered(text) for kind in _kinds(word, vocabulary)]
        if found:
            return _within(found)
    return None


def _within(found: Sequence[tuple[Equipment, str]]) -> NamedEquipment:
    """Return the last one, within the one before it if that is where its kind belongs."""
    kind, name = found[-1]
    if len(found) > 1:
        other, its_name = found[-2]
        if other.kind in kind.part_of or other.kind in kind.fed_by:
            within = NamedEquipment(its_name, other.class_name)
            return NamedEquipment(f"{its_name} {name}", kind.class_name, within, other.kind in kind.fed_by)
    return NamedEquipment(name, kind.class_name)


def room_named(texts: Iterable[str]) -> str | None:
    """Return the first room that the texts name with a number, as they write it."""
    return next((name for text in texts for word, name in _numbered(text) if fold(word).lower() in _ROOMS), None)


def _numbered(text: str) -> Iterator[tuple[str, str]]:
    return ((match[1], match[0]) for match in _NUMBERED.finditer(text[:_LONGEST]))


def _kinds(word: str, vocabulary: Vocabulary) -> Iterator[Equipment]:
    """Yield what equipment a word stands for: ``ahu`` is such, and so is ``sf``, a supply fan."""
    meanings = vocabulary.words.get(fold(word).lower(), ())
    meaning = meanings[0] if meanings else ()
    kinds = [part.removeprefix("@") for part in meaning if part.startswith("@")] or list(meaning[-1:])
    return (vocabulary.equipment[kind] for kind in kinds if kind in vocabulary.equipment)
