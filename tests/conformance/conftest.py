"""One application for all of the suites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.service import Service, opened


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve the real application."""
    with opened(tmp_path_factory.mktemp("conformance")) as found:
        yield found
