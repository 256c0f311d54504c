"""What commands that speak BACnet share: where we are on the network, and how hard devices are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from server.cli.failure import Failure

if TYPE_CHECKING:
    from server.bacnet.interfaces import Interface
    from server.bacnet.link import Network
    from server.bacnet.station import Station

T = TypeVar("T")

Address = Annotated[
    str | None,
    typer.Option("--address", metavar="ADDRESS/PREFIX", help="Our address: 10.0.0.9/24. Default: the only one."),
]
UdpPort = Annotated[
    int,
    typer.Option("--udp-port", min=1, max=65535, help="Our UDP port: another one beside a gateway that runs here."),
]
ForeignDevice = Annotated[
    str | None,
    typer.Option("--bbmd", metavar="ADDRESS", help="Register with this BBMD as a foreign device: 10.1.0.2:47808."),
]
Answering = Annotated[float, typer.Option("--answer-seconds", min=0.05, help="How long to wait for an answer.")]
Retries = Annotated[int, typer.Option(min=0, max=10, help="How often to ask again.")]


def interface_of(address: str | None, port: int, bbmd: str | None, seconds: float, retries: int) -> Interface:
    """Return where we are on the network. Raises Failure where that is not clear."""
    from server.bacnet.interfaces import Interface, own_addresses

    if address is None:
        own = own_addresses()
        if len(own) != 1:
            have = ", ".join(own) or "none"
            raise Failure("this machine has not just one address", hint=f"name one by --address; it has: {have}")
        address = own[0]
    try:
        return Interface(address, port, station_of(bbmd) if bbmd else None, timeout=seconds, retries=retries)
    except ValueError as error:
        raise Failure(str(error), hint="`ip -brief address` lists the machine's own") from None


def station_of(text: str) -> Station:
    """Read a BACnet address. Raises a usage error."""
    from server.bacnet.station import Station

    try:
        return Station.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def on_network(interface: Interface, what: Callable[[Network], Awaitable[T]]) -> T:
    """Do something on the network. Raises Failure where it cannot be reached."""
    from server.bacnet.errors import BacnetError
    from server.bacnet.link import on_network as lend

    async def run() -> T:
        async with lend(interface) as network:
            return await what(network)

    try:
        return asyncio.run(run())
    except BacnetError as error:
        raise Failure(str(error)) from None
