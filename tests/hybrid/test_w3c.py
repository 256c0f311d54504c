"""The W3C's query suites once more, with every query on the path of those that see readings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from tests.conformance.cases import Case, Kind
from tests.conformance.manifests import of
from tests.conformance.outcomes import parameters
from tests.conformance.service import AUTHORITY, Service
from tests.conformance.test_queries import test_query as ask_and_compare


@pytest.fixture(scope="module")
def forced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve the real application, as for the suites themselves."""
    data = tmp_path_factory.mktemp("forced") / "data"
    settings = Settings(data=data, default_graph="strict", readers=1, allowed_hosts="*", hybrid="always")
    with TestClient(create_app(settings), base_url=AUTHORITY, raise_server_exceptions=False) as client:
        yield Service(client)


@pytest.mark.parametrize("case", parameters(of(Kind.QUERY, Kind.CSV)))
def test_query(case: Case, forced: Service) -> None:
    ask_and_compare(case, forced)
