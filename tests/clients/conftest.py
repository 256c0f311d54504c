"""The servers, one of each kind for a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.service import guarded, limited
from tests.support.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with limited(tmp_path_factory.mktemp("limited") / "data") as service:
        yield service


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with guarded(tmp_path_factory.mktemp("guarded") / "data") as service:
        yield service
