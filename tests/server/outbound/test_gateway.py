"""The gateway by itself, and with the engine before and forged texts behind it."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import NoReturn

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.outbound.gateway import Gateway, Kept, Source
from server.outbound.hosts import AllowList
from server.outbound.service import Outbound
from storage.errors import OutboundFailed, QueryRefused, QuerySyntaxError
from storage.graph.guard import refuse_outbound
from tests.storage.graph.test_federation import MORE_STATEMENTS
from tests.storage.graph.test_guard import PROLOGUE, execute
from tests.support.peer import JSON, ROWS, Peer, typed


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    opened = Gateway()
    yield opened
    opened.close()


def answering(body: bytes) -> Source:
    return lambda sent: Kept("text/plain", io.BytesIO(sent + body))


def asked(iri: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """GET, or POST a body."""
    authority, path = iri.removeprefix("http://").split("/")
    connection = HTTPConnection(authority, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", f"/{path}", body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()


def test_only_who_knows_the_iri_gets_an_answer(gateway: Gateway) -> None:
    iri = gateway.open(answering(b"!"))
    assert (asked(iri), asked(iri, b"body")) == ((200, b"!"), (200, b"body!"))
    root = iri.rpartition("/")[0]
    for other in (f"{root}/", f"{root}/00", f"{iri}0", iri[:-1]):
        assert asked(other)[0] == 404
    gateway.shut(iri)
    assert asked(iri)[0] == 404
    assert gateway.open(answering(b"")) != iri


def test_it_listens_on_loopback_alone(gateway: Gateway) -> None:
    host, port = gateway.open(answering(b"")).removeprefix("http://").split("/")[0].split(":")
    assert host == "127.0.0.1"
    for family, other in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as client, pytest.raises(OSError, match=r"."):
            client.connect((other, int(port)))


def test_a_body_without_an_honest_length_is_refused(gateway: Gateway) -> None:
    iri = gateway.open(answering(b"!"))
    for length in ("99999999999", "-1", "x"):
        assert asked(iri, b"", {"Content-Length": length})[0] == 413


def test_a_failure_is_one_that_the_engine_names(gateway: Gateway) -> None:
    def failing(_sent: bytes) -> NoReturn:
        raise OutboundFailed("the cause")

    iri = gateway.open(failing)
    secret = iri.rpartition("/")[2]
    for text in ("INSERT {{}} WHERE {{ SERVICE {} <{}> {{}} }}", "LOAD {} <{}>"):
        with pytest.raises(RuntimeError, match=secret):  # an OSError would be one of the disk
            ox.Store().update(text.format("", iri))
        ox.Store().update(text.format("SILENT", iri))


def test_closing_twice_is_fine() -> None:
    for hosts in ("", "127.0.0.1"):
        outbound = Outbound(AllowList.parse(hosts), 100)
        outbound.close()
        outbound.close()


def test_a_lease_ends(peer: Peer) -> None:
    peer.replies["/"] = typed(JSON, ROWS)
    outbound = Outbound(AllowList.parse(peer.host), 1 << 20)
    with contextlib.closing(outbound):
        lease = outbound.lend(f"SELECT * {{ SERVICE <{peer.url}> {{}} }}", None, 20.0)
        assert lease is not None
        assert len(list(ox.Store().query(lease.text))) == 2  # type: ignore[arg-type] # it is a SELECT
        lease.close()
        lease.close()
        with pytest.raises(OSError, match="404"):
            list(ox.Store().query(lease.text))  # type: ignore[arg-type]
    assert len(peer.asked) == 1


@pytest.mark.parametrize(("seconds", "bytes_"), [(0.0, 1 << 20), (20.0, 10)])
def test_without_time_or_room_there_is_no_answer(peer: Peer, seconds: float, bytes_: int) -> None:
    peer.replies["/"] = typed(JSON, ROWS)
    outbound = Outbound(AllowList.parse(peer.host), bytes_)
    with contextlib.closing(outbound), outbound.lent(f"LOAD <{peer.url}>", None, seconds) as lease:
        assert lease is not None
        with pytest.raises(RuntimeError) as caught:
            ox.Store().update(lease.text)
        assert isinstance(lease.explain(caught.value), OutboundFailed)


@pytest.fixture(scope="module")
def listed() -> Iterator[Peer]:
    opened = Peer()
    opened.replies["/"] = typed(JSON, ROWS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def trap() -> Iterator[Peer]:
    opened = Peer()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def outbound(listed: Peer) -> Iterator[Outbound]:
    opened = Outbound(AllowList.parse(listed.host), 1 << 20)
    yield opened
    opened.close()


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.tuples(st.sampled_from(MORE_STATEMENTS), st.booleans()), max_size=6))
def test_nobody_but_the_listed_is_asked(
    parts: list[tuple[str, bool]], listed: Peer, trap: Peer, outbound: Outbound
) -> None:
    pattern = "".join(
        part.format(url=listed.url if allowed else trap.url, n=number) for number, (part, allowed) in enumerate(parts)
    )
    text = f"{PROLOGUE.format(url=listed.url)}SELECT*{{{pattern}}}"
    with contextlib.suppress(QueryRefused, QuerySyntaxError), outbound.lent(text, None, 20.0) as lease:
        safe = text if lease is None else lease.text
        if lease is None:
            refuse_outbound(text)
        execute(ox.Store(), safe)
    assert trap.asked == []


def test_an_answer_can_be_read_by_several_at_once() -> None:
    body = bytes(range(256)) * 1000
    kept = Kept("text/plain", io.BytesIO(body))
    pairs = list(zip(kept, kept, strict=True))
    assert len(pairs) > 1
    assert [b"".join(parts) for parts in zip(*pairs, strict=True)] == [body, body]
