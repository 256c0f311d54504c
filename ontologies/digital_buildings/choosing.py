"""Names for what never was in a building config: fields for points by their classes, types for entities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ontologies.digital_buildings.ontology import EntityType, Ontology
from ontologies.digital_buildings.tables import class_of_field, class_of_type
from ontologies.namespaces import BRICK

PASSTHROUGH = "GATEWAYS/PASSTHROUGH"
_PLACES = {
    "Building": "FACILITIES/BUILDING",
    "Floor": "FACILITIES/FLOOR",
    "Level": "FACILITIES/FLOOR",
    "Room": "FACILITIES/ROOM",
}
_WORDS = {"flow": "flowrate", "level": "concentration"}


class Chooser:
    """Chooses by the ontology, where there is one."""

    def __init__(self, ontology: Ontology | None) -> None:
        self._ontology = ontology
        self._by_class: dict[str, str] = {}
        self._types: defaultdict[str, list[EntityType]] = defaultdict(list)
        if ontology is not None:
            self._index(ontology)

    def _index(self, ontology: Ontology) -> None:
        for name in sorted(ontology.fields, key=lambda each: (len(each), each), reverse=True):
            found = class_of_field(name)
            if found is not None and not found.unsaid:
                self._by_class[found.iri.value] = name
        for each in ontology.types.values():
            chosen = class_of_type(each.name)
            if chosen is not None and not each.is_abstract:
                self._types[chosen.value].append(each)

    def field(self, classes: Iterable[str], taken: set[str], units: Iterable[str] = ()) -> str:
        """Return a field for a point of classes, with a number where others have it already.

        A standard field may need units or states; where these are not known, ``_value`` makes it another field.
        """
        listed = sorted(classes, key=lambda iri: (not iri.startswith(BRICK.iri), -len(iri), iri))
        name = next((self._by_class[iri] for iri in listed if iri in self._by_class), None)
        if name is None:
            name = _spelt(listed[0]) if listed else "value"
        if not self._fits(name, set(units)):
            name += "_value"
        number, chosen = 1, name
        while chosen in taken:
            chosen = f"{name}_{number}"
            number += 1
        return chosen

    def _fits(self, name: str, units: set[str]) -> bool:
        if self._ontology is None:
            return bool(units)
        standard = self._ontology.standard_field(name)
        if standard is None or standard in self._ontology.states:
            return True
        allowed = self._ontology.units_of(standard)
        return allowed is None or (bool(units) and units <= allowed)

    def states(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return the states of a field, each with its own name as the device's value."""
        standard = self._ontology.standard_field(name) if self._ontology is not None else None
        found = self._ontology.states.get(standard, ()) if self._ontology is not None and standard else ()
        return {state: (state,) for state in sorted(found)}

    def type(self, classes: Iterable[str], fields: set[str]) -> tuple[str, bool]:
        """Return a type that has these fields and needs no others, and whether there is one."""
        listed = sorted(classes)
        place = next((_PLACES[name] for iri in listed if (name := iri.rpartition("#")[2]) in _PLACES), None)
        if place is not None and not fields:
            return place, True
        fitting = [
            each
            for iri in listed
            for each in self._types.get(iri, ())
            if each.required <= fields and (fields <= each.fields or each.allows_undefined)
        ]
        if fitting:
            best = min(
                fitting, key=lambda each: (-len(each.required), not each.is_canonical, len(each.name), each.name)
            )
            return best.name, True
        return PASSTHROUGH, False


def _spelt(iri: str) -> str:
    words = iri.rpartition("#")[2].lower().replace(".", "pt").split("_")
    return "_".join(_WORDS.get(word, word) for word in words)
