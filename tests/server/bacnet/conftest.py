"""A client on loopback. Devices have addresses of their own and the port of BACnet; the client another port."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.bacnet.interfaces import Interface
from server.bacnet.link import Network, on_network
from tests.support.bacnet import loopback

T = TypeVar("T")
_ADDRESSES = itertools.count(1)


def fresh_address() -> str:
    """Return an address of loopback that no other test uses."""
    return loopback.address(next(_ADDRESSES))


def interface(timeout: float = 0.5, retries: int = 1) -> Interface:
    """Return a client's place on loopback, at a free port."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Interface("127.0.0.1/8", port=port, timeout=timeout, retries=retries)


def with_client(what: Callable[[Network], Awaitable[T]], at: Interface | None = None) -> T:
    """Run a test's coroutine with a client."""

    async def run() -> T:
        async with on_network(at or interface()) as network:
            return await what(network)

    return asyncio.run(run())
