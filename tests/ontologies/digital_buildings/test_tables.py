"""The tables between Digital Buildings and Brick say something of every standard field and unit."""

from __future__ import annotations

from collections import Counter

from ontologies.digital_buildings.ontology import Ontology
from ontologies.digital_buildings.tables import class_of_field, class_of_type, connection_kinds, unit_of
from ontologies.namespaces import BRICK

GENERIC = {"Alarm", "Command", "Parameter", "Point", "Sensor", "Setpoint", "Status"}


def test_every_standard_field_has_a_class_and_most_a_telling_one(ontology: Ontology) -> None:
    found = {name: class_of_field(name) for name in ontology.fields}
    assert all(found.values())
    generic = Counter(each.iri.value.removeprefix(BRICK.iri) in GENERIC for each in found.values() if each)
    assert generic[False] > 4 * generic[True]


def test_most_types_and_units_have_one(ontology: Ontology) -> None:
    canonical = [each.name for each in ontology.types.values() if each.is_canonical]
    assert sum(class_of_type(name) is None for name in canonical) < 0.02 * len(canonical)
    units = set().union(*ontology.units.values())
    assert len({name for name in units if unit_of(name) is None}) <= 12
    assert ontology.connections <= set(connection_kinds())
