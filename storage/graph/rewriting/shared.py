"""Which triples are in several graphs of a store, by their predicates: never less than is true."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from storage.graph.rewriting.triples import TYPE


@dataclass(frozen=True, eq=False)
class Shared:
    """The predicates of triples that are in several graphs; of rdf:type the classes. Equal to itself alone.

    `everything` says that it is not known, or too much to tell.
    """

    predicates: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.predicates or self.classes)

    def has(self, predicate: str | None, of_class: str | None = None) -> bool:
        """Tell whether a triple with this predicate, and class if it is rdf:type, may be shared; None is any."""
        if self.everything or predicate is None:
            return bool(self)
        if predicate != TYPE:
            return predicate in self.predicates
        return bool(self.classes) if of_class is None else of_class in self.classes

    def with_more(self, predicates: Iterable[str], classes: Iterable[str]) -> Shared:
        """Return one that has these as well."""
        return Shared(self.predicates.union(predicates), self.classes.union(classes), self.everything)

    def __or__(self, other: Shared) -> Shared:
        more = self.with_more(other.predicates, other.classes)
        return Shared(more.predicates, more.classes, self.everything or other.everything)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "predicates": sorted(self.predicates),
            "classes": sorted(self.classes),
            "everything": self.everything,
        }

    @classmethod
    @lru_cache(maxsize=4)
    def parse(cls, text: bytes) -> Shared:
        """Return what `document` has become: the same for the same text. Raises ValueError."""
        try:
            found = json.loads(text)
            return cls(frozenset(found["predicates"]), frozenset(found["classes"]), bool(found["everything"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not of shared triples: {error}") from error


NOTHING = Shared()
UNKNOWN = Shared(everything=True)
