"""Syntax tests: what is SPARQL is run, what is not is refused as a syntax error."""

from __future__ import annotations

import pytest
from httpx2 import Response

from tests.conformance import archive
from tests.conformance.cases import Case, Kind, Sources
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.service import Service, problem


@pytest.mark.parametrize("case", parameters(of(Kind.POSITIVE, Kind.POSITIVE_UPDATE)))
def test_positive_syntax(case: Case, service: Service) -> None:
    """Expect it to run, even if only to find that there is nothing to run on, or nobody who answers."""
    answer = _run(case, service)
    assert problem(answer) in (None, "query-evaluation", "outbound-failed"), answer.text


@pytest.mark.parametrize("case", parameters(of(Kind.NEGATIVE, Kind.NEGATIVE_UPDATE)))
def test_negative_syntax(case: Case, service: Service) -> None:
    """Expect a syntax error."""
    answer = _run(case, service)
    assert (answer.status_code, problem(answer)) == (400, "query-syntax"), answer.text


def _run(case: Case, service: Service) -> Response:
    service.load(Sources())
    run = service.update if case.is_update else service.query
    return run(archive.text(case.text), base=case.text)
