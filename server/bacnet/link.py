"""The way to the network: bacpypes3's link, network and transaction layers, without its APDU objects above them.

Those cost over 100 us a value and trip over what they do not know; `services` reads the bytes instead. bacpypes3 has
untyped classes, whose errors derive from BaseException: both end in this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from bacpypes3.apdu import (
    AbortPDU,
    ComplexAckPDU,
    ConfirmedRequestPDU,
    ErrorPDU,
    RejectPDU,
    SimpleAckPDU,
    UnconfirmedRequestPDU,
)
from bacpypes3.app import DeviceInfoCache
from bacpypes3.appservice import ApplicationServiceAccessPoint
from bacpypes3.basetypes import Segmentation
from bacpypes3.comm import ApplicationServiceElement, bind
from bacpypes3.ipv4 import IPv4DatagramServer
from bacpypes3.ipv4.bvll import BVLLCodec
from bacpypes3.ipv4.service import BIPForeign, BIPNormal, UDPMultiplexer
from bacpypes3.netservice import NetworkServiceAccessPoint, NetworkServiceElement
from bacpypes3.pdu import Address, GlobalBroadcast, IPv4Address, RemoteBroadcast, RemoteStation
from bacpypes3.settings import settings as _settings

from server.bacnet.errors import Aborted, BacnetError, NoAnswer, NoNetwork, Rejected
from server.bacnet.interfaces import own_addresses
from server.bacnet.services import CONFIRMED_COV, read_error
from server.bacnet.station import PORT, Station

MAX_APDU = 1476  # of BACnet/IP
_SEGMENTS = 64
_RECEIVED = 4 << 20  # bytes; the kernel may allow less (net.core.rmem_max)
_WINDOW = 16
_INVOKE_IDS = 256
_CONFIRMED, _UNCONFIRMED, _SEGMENTED = 0, 1, 0x08  # of an APDU's first octet (135, 20.1)
_NO_RESPONSE = 65  # bacpypes3's own reason of an Abort that it makes when nothing comes
_UNRECOGNIZED = 9

Heard = Callable[[Station, int, bytes], None]


@dataclass(frozen=True, slots=True)
class Interface:
    """Where we are on the network.

    address: our IPv4 address with the network's prefix, `10.0.0.9/24`; the prefix tells where broadcasts go
    port: our UDP port. Broadcasts go to that of BACnet in any case, and most devices answer them there; so we listen
        there, too, if need be beside others
    bbmd: registers there as a foreign device, for networks that broadcasts from here do not reach
    ttl: seconds that the registration holds; it is renewed
    timeout, retries: seconds to wait for an answer, and how often to ask again
    """

    address: str
    port: int = PORT
    bbmd: Station | None = None
    ttl: int = 60
    timeout: float = 3.0
    retries: int = 2

    def __post_init__(self) -> None:
        """Raise ValueError for an address that is none."""
        require_prefix(self.address, "the address")

    @property
    def own(self) -> str:
        """Our address alone."""
        return str(ipaddress.IPv4Interface(self.address).ip)

    @property
    def longest(self) -> float:
        """Seconds after which a request has failed for sure, long answers in segments included."""
        return self.timeout * (self.retries + 1) + 30.0


def require_prefix(address: str, what: str) -> None:
    """Raise ValueError for an address without its network's prefix: nobody could tell where broadcasts go."""
    with contextlib.suppress(ValueError):
        ipaddress.IPv4Interface(address)
        if "/" in address:
            return
    raise ValueError(f'{what} is ours with the prefix of its network, such as 10.0.0.9/24, not "{address}"')


class _Transactions(ApplicationServiceAccessPoint):  # type: ignore[misc] # bacpypes3 has no types
    """bacpypes3's segmentation and retries, handing on APDUs as they are."""

    def __init__(self, interface: Interface) -> None:
        super().__init__(None, DeviceInfoCache())
        self.numberOfApduRetries = interface.retries
        self.apduTimeout = round(1000 * interface.timeout)
        self.segmentTimeout = round(1000 * interface.timeout)
        self.maxApduLengthAccepted = MAX_APDU
        self.segmentationSupported = Segmentation.segmentedReceive
        self.maxSegmentsAccepted = _SEGMENTS
        self.proposedWindowSize = _WINDOW
        self._told: dict[Any, tuple[int, bytes]] = {}

    async def sap_response(self, apdu: Any) -> None:  # noqa: ANN401 - an APDU of bacpypes3
        """Hand on an answer, or a request to us."""
        if isinstance(apdu, ConfirmedRequestPDU):
            await self.serviceElement.indication(apdu)
        else:
            await self.serviceElement.confirmation(apdu)

    async def sap_request(self, apdu: Any) -> None:  # noqa: ANN401
        """Hand on an unconfirmed request to us, or a confirmed one that a transaction has put together."""
        await self.serviceElement.indication(apdu)

    async def confirmation(self, pdu: Any) -> None:  # noqa: ANN401
        """Take what comes: whole requests skip bacpypes3's decoding."""
        data = bytes(pdu.pduData)
        kind = data[0] >> 4 if data else None
        if kind == _UNCONFIRMED and len(data) > 1:
            await self.serviceElement.heard(pdu.pduSource, data[1], data[2:])
        elif kind == _CONFIRMED and not data[0] & _SEGMENTED and len(data) > 3:
            await self._requested(pdu.pduSource, data[2], data[3], data[4:])
        else:
            await super().confirmation(pdu)

    async def _requested(self, source: Any, invoke_id: int, service: int, data: bytes) -> None:  # noqa: ANN401
        """Answer a confirmed request: we take changes of value, and nothing else.

        One that comes again, since our answer was lost, is answered again and told once.
        """
        if service != CONFIRMED_COV:
            await self.request(RejectPDU(invoke_id, _UNRECOGNIZED, destination=source))
            return
        await self.request(SimpleAckPDU(service, invoke_id, destination=source))
        before, self._told[source] = self._told.get(source), (invoke_id, data)
        if before != (invoke_id, data):
            await self.serviceElement.heard(source, service, data)


class _Element(ApplicationServiceElement):  # type: ignore[misc] # bacpypes3 has no types
    """Ties answers to the requests that wait for them, and says what else was heard."""

    def __init__(self, listeners: list[Heard]) -> None:
        super().__init__()
        self.waiting: dict[tuple[Station, int], asyncio.Future[bytes]] = {}
        self._listeners = listeners

    async def heard(self, source: Any, service: int, data: bytes) -> None:  # noqa: ANN401
        """Tell everyone who listens of an unconfirmed service."""
        for listener in tuple(self._listeners):
            listener(_station(source), service, data)

    async def indication(self, apdu: Any) -> None:  # noqa: ANN401
        """Reject a request in segments: nobody has reason to send us such."""
        await self.response(RejectPDU(apdu.apduInvokeID, _UNRECOGNIZED, destination=apdu.pduSource))

    async def confirmation(self, apdu: Any) -> None:  # noqa: ANN401
        """Give an answer to whoever waits for it."""
        future = self.waiting.get((_station(apdu.pduSource), apdu.apduInvokeID))
        if future is None or future.done():
            return
        if (error := _error_of(apdu)) is not None:
            future.set_exception(error)
        else:
            future.set_result(bytes(apdu.pduData or b""))


def _error_of(apdu: Any) -> BacnetError | None:  # noqa: ANN401
    if isinstance(apdu, (ComplexAckPDU, SimpleAckPDU)):
        return None
    if isinstance(apdu, RejectPDU):
        return Rejected(int(apdu.apduAbortRejectReason))
    if isinstance(apdu, AbortPDU):
        reason = int(apdu.apduAbortRejectReason)
        return NoAnswer("no answer") if reason == _NO_RESPONSE else Aborted(reason)
    return read_error(bytes(apdu.pduData or b"")) if isinstance(apdu, ErrorPDU) else BacnetError(repr(apdu))


class Network:
    """A client on the network. Everything that it awaits ends within a bound, whatever the network does."""

    def __init__(self, interface: Interface) -> None:
        self.interface = interface
        self.listeners: list[Heard] = []
        self._element = _Element(self.listeners)
        self._transactions = _Transactions(interface)
        self._sap = NetworkServiceAccessPoint()
        self._networks = NetworkServiceElement()
        bind(self._networks, self._sap)
        bind(self._element, self._transactions, self._sap)
        self._next: dict[Station, int] = defaultdict(int)
        self._link, self._servers = _linked(interface)
        self._sap.bind(self._link, address=_own(interface))

    async def request(self, station: Station, service: int, data: bytes) -> bytes:
        """Send a confirmed request; return the answer's bytes (none for a SimpleACK). Raises BacnetError."""
        invoke_id = self._invoke_id(station)
        apdu = ConfirmedRequestPDU(service, invoke_id)
        apdu.pduDestination = _address(station)
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
        for destination in [_address(to)] if isinstance(to, Station) else await self._broadcast(to):
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
            if transaction.invokeID == invoke_id and _station(transaction.pdu_address) == station:
                transaction.stop_timer()
                self._transactions.clientTransactions.remove(transaction)

    async def ready(self) -> None:
        """Wait until we can send. Raises NoNetwork where the BBMD does not take us, or the socket is not there."""
        try:
            async with asyncio.timeout(self.interface.timeout * 2):
                for server in self._servers:
                    await asyncio.gather(*server._transport_tasks)
                    _widen(server)
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
        for server in self._servers:
            server.close()


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


def _linked(interface: Interface) -> tuple[Any, list[Any]]:
    """Return the link layer, and the servers that hold its sockets."""
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
    return link, [server]


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


def _address(station: Station) -> Any:  # noqa: ANN401
    here = IPv4Address(station.here)
    if station.network is None:
        return here
    return RemoteStation(station.network, station.mac, route=here)


def _station(address: Any) -> Station:  # noqa: ANN401
    if address.addrType == Address.remoteStationAddr:
        host, port = _host(address.addrRoute.addrAddr)
        return Station(host, port, address.addrNet, bytes(address.addrAddr))
    return Station(*_host(address.addrAddr))


def _host(octets: bytes) -> tuple[str, int]:
    return str(ipaddress.IPv4Address(bytes(octets[:4]))), int.from_bytes(octets[4:6], "big")
