from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.server.conftest import opened
from tests.server.outbound.asking import update
from tests.support.peer import Peer


@pytest.fixture
def stranger() -> Iterator[Peer]:
    """A server that nobody may ask."""
    opened = Peer()
    yield opened
    assert opened.asked == []
    opened.close()


@pytest.fixture(scope="session")
def known() -> Iterator[Peer]:
    opened = Peer()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server(known: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with opened(tmp_path_factory.mktemp("twin") / "data", outbound_hosts=known.host, body_megabytes=1) as client:
        yield client


@pytest.fixture
def peer(known: Peer) -> Peer:
    """The one server that may be asked, as yet without replies."""
    known.replies.clear()
    known.asked.clear()
    return known


@pytest.fixture
def twin(server: TestClient, peer: Peer) -> TestClient:
    """A server with an empty graph that may ask the peer, for 1 MiB."""
    assert peer.asked == []
    assert update(server, "DROP ALL").status_code == 204
    return server
