"""The W3C's query suites once more, with every query on the path of those that see readings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.cases import Case, Kind
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.service import Service, opened
from tests.conformance.test_queries import test_query as ask_and_compare


@pytest.fixture(scope="module")
def forced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve the real application, as for the suites themselves."""
    with opened(tmp_path_factory.mktemp("forced"), hybrid="always") as found:
        yield found


@pytest.mark.parametrize("case", parameters(of(Kind.QUERY, Kind.CSV)))
def test_query(case: Case, forced: Service) -> None:
    ask_and_compare(case, forced)
