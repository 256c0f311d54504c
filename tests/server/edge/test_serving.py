"""The frame of the application."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from server.edge.serving import Service, fields_of


async def _seen(request: Request) -> Response:
    client = request.client
    return JSONResponse([request.url.scheme, client.host if client else None])


@pytest.mark.parametrize(
    ("proxy", "seen"), [("127.0.0.1", ["https", "192.0.2.7"]), ("192.0.2.1", ["http", "192.0.2.1"])]
)
def test_a_proxy_on_this_machine_tells_of_its_clients_and_no_other_does(proxy: str, seen: list[str]) -> None:
    service = Service([Route("/seen", _seen)], [], lambda _: _Nothing())
    client = TestClient(service, client=(proxy, 1))
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    assert client.get("/seen", headers=told).json() == seen
    assert client.get("/seen").json() == ["http", proxy]


class _Nothing:
    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


def test_headers_of_one_name_are_a_list() -> None:
    assert fields_of([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == {b"a": b"1, 3", b"b": b"2"}
