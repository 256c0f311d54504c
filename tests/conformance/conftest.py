"""One application for all of the suites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from tests.conformance.service import AUTHORITY, Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve the real application; its default graph is the plain one, as the suites have it."""
    data = tmp_path_factory.mktemp("conformance") / "data"
    settings = Settings(data=data, default_graph="strict", readers=1, allowed_hosts="*")
    with TestClient(create_app(settings), base_url=AUTHORITY, raise_server_exceptions=False) as client:
        yield Service(client)
