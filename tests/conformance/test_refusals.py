"""What does not apply because the service refuses it, is refused."""

from __future__ import annotations

import pytest

from tests.conformance import archive
from tests.conformance.cases import Case, Sources
from tests.conformance.manifests import cases
from tests.conformance.outcomes import not_applicable
from tests.conformance.service import Service, problem

_REFUSED = [case for case in cases() if any(group.refused and group.has(case) for group in not_applicable())]


@pytest.mark.parametrize("case", _REFUSED, ids=lambda case: case.id)
def test_refused(case: Case, service: Service) -> None:
    """SERVICE and LOAD would make the server open connections for its clients."""
    service.load(Sources())
    text = archive.text(case.text)
    run = service.update if case.is_update else service.query
    answer = run(text, base=case.text)
    assert (answer.status_code, problem(answer)) == (403, "query-refused")
