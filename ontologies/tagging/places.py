"""The equipment and the room that a point's texts name: ``AHU-1`` and its kind, ``Room 305``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ontologies.tagging.tokens import fold
from ontologies.tagging.vocabulary import Vocabulary

# A word with its number, as it is written: AHU-1, VAV 3-05, RM100C, CH_2.
_NUMBERED = re.compile(r"(?<![A-Za-z])([A-Za-z]+?)[ _-]?#?(\d+[A-Za-z]?(?:[-_]\d+[A-Za-z]?)*)(?![A-Za-z0-9])")
_ROOMS = frozenset({"room", "rm", "raum", "salle", "zimmer", "bureau", "local", "piece"})
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class NamedEquipment:
    """A piece of equipment by its name in the texts, and its Brick class."""

    name: str
    class_name: str


def equipment_named(texts: Iterable[str], vocabulary: Vocabulary) -> NamedEquipment | None:
    """Return the first piece of equipment that the texts name with a number, else None.

    Of several in one text it is the last: ``AHU-1.VAV-3`` is about the VAV box.
    """
    for text in texts:
        found = [named for word, name in _numbered(text) for named in _equipment(word, name, vocabulary)]
        if found:
            return found[-1]
    return None


def room_named(texts: Iterable[str]) -> str | None:
    """Return the first room that the texts name with a number, as they write it."""
    return next((name for text in texts for word, name in _numbered(text) if fold(word).lower() in _ROOMS), None)


def _numbered(text: str) -> Iterator[tuple[str, str]]:
    return ((match[1], match[0]) for match in _NUMBERED.finditer(text[:_LONGEST]))


def _equipment(word: str, name: str, vocabulary: Vocabulary) -> Iterator[NamedEquipment]:
    meanings = vocabulary.words.get(fold(word).lower(), ())
    kinds = (part.removeprefix("@") for part in (meanings[0] if meanings else ()) if part.startswith("@"))
    for kind in kinds:
        if kind in vocabulary.equipment:
            yield NamedEquipment(name, vocabulary.equipment[kind].class_name)
