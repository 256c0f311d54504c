"""The YAML ontology of Digital Buildings, read once."""

from __future__ import annotations

import pytest

from ontologies.digital_buildings.ontology import Ontology, read_ontology
from tests.support.data import shared


@pytest.fixture(scope="session")
def ontology() -> Ontology:
    return read_ontology(shared("digital-buildings/ontology"))
