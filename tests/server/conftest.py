"""A small building, in an application that starts and ends with the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from tests.server.building import MODEL, READINGS

HOST = "testserver"
"""What the test client calls the server."""


@contextmanager
def opened(data: Path, **settings: float | str) -> Iterator[TestClient]:
    """Serve a data directory inside this process."""
    given = {"allowed_hosts": HOST, "readers": 2, **settings}
    with TestClient(create_app(Settings.from_environment({}, data=data, **given))) as client:
        yield client


def fill(client: TestClient) -> None:
    """Load the model and the readings."""
    csv, turtle = {"content-type": "text/csv"}, {"content-type": "text/turtle"}
    assert client.post("/models?name=site.ttl", content=MODEL, headers=turtle).status_code == 200
    assert client.post("/readings", content=READINGS, headers=csv).status_code == 200


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """An empty server."""
    with opened(tmp_path / "data") as client:
        yield client


@pytest.fixture
def filled(client: TestClient) -> TestClient:
    """A server of one's own with the building, to change."""
    fill(client)
    return client


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with the building that all tests share, and none changes."""
    with opened(tmp_path_factory.mktemp("site") / "data") as client:
        fill(client)
        yield client
