"""The way to the network: bacpypes3's link, network and transaction layers, without its APDU objects above them.

Those cost over 100 us a value and trip over what they do not know; `services` reads the bytes instead. bacpypes3 has
untyped classes, whose errors derive from BaseException: both end in this module and in `transactions`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from bacpypes3.apdu import ConfirmedRequestPDU, UnconfirmedRequestPDU
from bacpypes3.comm import bind
from bacpypes3.ipv4 import IPv4DatagramServer
from bacpypes3.ipv4.bvll import BVLLCodec
from bacpypes3.ipv4.service import BIPForeign, BIPNormal, UDPMultiplexer
from bacpypes3.netservice import NetworkServiceAccessPoint, NetworkServiceElement
from bacpypes3.pdu import GlobalBroadcast, IPv4Address, RemoteBroadcast
from bacpypes3.settings import settings as _settings

from server.bacnet.errors import NoAnswer, NoNetwork
from server.bacnet.interfaces import Interface, own_addresses
from server.bacnet.station import PORT, Station
from server.bacnet.transactions import Element, Heard, Transactions, address_of, station_at

_RECEIVED = 4 << 20  # bytes; the kernel may allow less (net.core.rmem_max)
_INVOKE_IDS = 256


class Network:
    """A client on the network. Everything that it awaits ends within a bound, whatever the network does."""

    def __init__(self, interface: Interface) -> None:
        self.interface = interface
        self.listeners: list[Heard] = []
        self._element = Element(self.listeners)
        self._transactions = Transactions(interface)
        self._sap = NetworkServiceAccessPoint()
        self._networks = NetworkServiceElement()
        bind(self._networks, self._sap)
        bind(self._element, self._transactions, self._sap)
        self._next: dict[Station, int] = defaultdict(int)
        self._link, self._server = _linked(interface)
        self._sap.bind(self._link, address=_own(interface))

    async def request(self, station: Station, service: int, data: bytes) -> bytes:
        """Send a confirmed request; return the answer's bytes (none for a SimpleACK). Raises BacnetError."""
        invoke_id = self._invoke_id(station)
        apdu = ConfirmedRequestPDU(service, invoke_id)
        apdu.pduDestination = address_of(station)
        apdu.put_data(data)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._element.waiting[station, invoke_id] = future
        try:
            async with asyncio.timeout(self.interface.longest):
                await self._send(apdu)
                return await future
        except TimeoutError:
            raise NoAnswer("no answer") from None
        except NoNetwork as error:
            raise NoAnswer(str(error)) from error  # to whoever asks one device, it is the same
        finally:
            del self._element.waiting[station, invoke_id]
            self._forget(station, invoke_id)

    async def send(self, service: int, data: bytes, to: Station | int | None = None) -> None:
        """Send an unconfirmed request: to a station, to all of a network by number, or to all. Raises NoNetwork.

        Where several routers lead to a network of that number, each passes it on to its own.
        """
        for destination in [address_of(to)] if isinstance(to, Station) else await self._broadcast(to):
            apdu = UnconfirmedRequestPDU(service)
            apdu.pduDestination = destination
            apdu.put_data(data)
            async with asyncio.timeout(self.interface.longest):
                await self._send(apdu)

    async def _broadcast(self, number: int | None) -> list[Any]:
        if number is None:
            return [GlobalBroadcast()]
        async with asyncio.timeout(self.interface.longest):
            found = await self._networks.who_is_router_to_network(network=number)
        routers = {str(said.pduSource): said.pduSource for _, said in found or ()}
        if not routers:
            raise NoNetwork(f"no router leads to network {number}")
        return [RemoteBroadcast(number, route=router) for router in routers.values()]

    async def _send(self, apdu: Any) -> None:  # noqa: ANN401
        try:
            await self._transactions.sap_indication(apdu)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            raise NoNetwork(f"cannot send: {type(error).__name__} {error}".rstrip()) from error

    def _invoke_id(self, station: Station) -> int:
        for _ in range(_INVOKE_IDS):
            invoke_id = self._next[station] = (self._next[station] + 1) % _INVOKE_IDS
            if (station, invoke_id) not in self._element.waiting:
                return invoke_id
        raise NoAnswer("256 requests to the device are under way")

    def _forget(self, station: Station, invoke_id: int) -> None:
        """End a transaction that nobody waits for any more, so that it asks no more."""
        for transaction in tuple(self._transactions.clientTransactions):
            if transaction.invokeID == invoke_id and station_at(transaction.pdu_address) == station:
                transaction.stop_timer()
                self._transactions.clientTransactions.remove(transaction)

    async def ready(self) -> None:
        """Wait until we can send. Raises NoNetwork where the BBMD does not take us, or the socket is not there."""
        try:
            async with asyncio.timeout(self.interface.timeout * 2):
                await asyncio.gather(*self._server._transport_tasks)
                _widen(self._server)
                if self.interface.bbmd is not None:
                    self._link.register(IPv4Address(self.interface.bbmd.here), self.interface.ttl)
                    while self._link.bbmdRegistrationStatus < 0:
                        await asyncio.sleep(0.01)
        except TimeoutError:
            bbmd = self.interface.bbmd
            raise NoNetwork(f"no answer from the BBMD {bbmd}" if bbmd else "the socket did not open") from None
        if self.interface.bbmd is not None and self._link.bbmdRegistrationStatus != 0:
            status = self._link.bbmdRegistrationStatus
            raise NoNetwork(f"the BBMD {self.interface.bbmd} refuses the registration ({status})")

    def close(self) -> None:
        """Give the port back."""
        if self.interface.bbmd is not None:
            with contextlib.suppress(Exception):
                self._link.unregister()
        for future in self._element.waiting.values():
            future.cancel()
        self._server.close()


@contextlib.asynccontextmanager
async def on_network(interface: Interface) -> AsyncIterator[Network]:
    """Lend a network. Raises NoNetwork where the address or port cannot be had: bacpypes3 would try for ever."""
    _require_free(interface)
    _settings.route_aware = True
    network = Network(interface)
    try:
        await network.ready()
        yield network
    finally:
        network.close()
        await asyncio.sleep(0)


def _widen(server: Any) -> None:  # noqa: ANN401
    """Make room for what comes at once: a thousand changes of value, or everyone's I-Am."""
    for transport in (server.local_transport, server.broadcast_transport):
        if transport is not None:
            opened = transport.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)


def _require_free(interface: Interface) -> None:
    """bacpypes3 shares its port with others of its kind: then each gets a part of the answers."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((interface.own, interface.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "the port is taken, by another BACnet program or gateway; end it, or take another UDP port"
        elif error.errno == errno.EADDRNOTAVAIL:
            reason = f"this machine has {', '.join(own_addresses()) or 'no address but loopback'}"
        else:
            reason = error.strerror or str(error)
        raise NoNetwork(f"cannot listen on {interface.own}:{interface.port}: {reason}") from None


def _own(interface: Interface) -> Any:  # noqa: ANN401
    return IPv4Address(f"{interface.address}:{interface.port}")


def _linked(interface: Interface) -> tuple[Any, Any]:
    """Return the link layer, and the server that holds its sockets."""
    link = BIPNormal() if interface.bbmd is None else BIPForeign()
    codec, multiplexer = BVLLCodec(), UDPMultiplexer()
    own, everyone = _own(interface), _everyone(interface)
    if _can_share(everyone):
        own.addrBroadcastTuple = everyone
    server = IPv4DatagramServer(own, no_broadcast=interface.bbmd is not None)
    if interface.bbmd is None:
        server.broadcast_address = everyone
    bind(link, codec, multiplexer.annexJ)
    bind(multiplexer, server)
    return link, server


def _everyone(interface: Interface) -> tuple[str, int]:
    """Return where broadcasts go, and where most devices answer them, whatever port of ours they come from."""
    return str(ipaddress.IPv4Interface(interface.address).network.broadcast_address), PORT


def _can_share(place: tuple[str, int]) -> bool:
    """Tell whether we can listen there, beside others; each hears every broadcast."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind(place)
        except OSError:
            return False
    return True
