"""Update evaluation: the data in, the update run, everything that is then stored compared."""

from __future__ import annotations

import pytest

from tests.conformance import archive
from tests.conformance.cases import Case, Kind
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.rdf import dataset, quads_of
from tests.conformance.service import Service, must


@pytest.mark.parametrize("case", parameters(of(Kind.UPDATE)))
def test_update(case: Case, service: Service) -> None:
    """Expect the dataset of the result's files."""
    service.load(case.data)
    must(service.update(archive.text(case.text), base=case.text))
    assert dataset(service.dataset()) == dataset(quads_of(case.after))
