"""bacpypes3's transaction layer, which hands on APDUs as bytes, and the addresses that it has for stations."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Any

from bacpypes3.apdu import AbortPDU, ComplexAckPDU, ConfirmedRequestPDU, ErrorPDU, RejectPDU, SimpleAckPDU
from bacpypes3.app import DeviceInfoCache
from bacpypes3.appservice import ApplicationServiceAccessPoint
from bacpypes3.basetypes import Segmentation
from bacpypes3.comm import ApplicationServiceElement
from bacpypes3.pdu import Address, IPv4Address, RemoteStation

from server.bacnet.errors import Aborted, BacnetError, NoAnswer, Rejected
from server.bacnet.interfaces import Interface
from server.bacnet.services import CONFIRMED_COV, read_error
from server.bacnet.station import Station

MAX_APDU = 1476  # of BACnet/IP
_SEGMENTS = 64
_WINDOW = 16
_CONFIRMED, _UNCONFIRMED, _SEGMENTED = 0, 1, 0x08  # of an APDU's first octet (135, 20.1)
_NO_RESPONSE = 65  # bacpypes3's own reason of an Abort that it makes when nothing comes
_UNRECOGNIZED = 9

Heard = Callable[[Station, int, bytes], None]


class Transactions(ApplicationServiceAccessPoint):  # type: ignore[misc] # bacpypes3 has no types
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


class Element(ApplicationServiceElement):  # type: ignore[misc] # bacpypes3 has no types
    """Ties answers to the requests that wait for them, and says what else was heard."""

    def __init__(self, listeners: list[Heard]) -> None:
        super().__init__()
        self.waiting: dict[tuple[Station, int], asyncio.Future[bytes]] = {}
        self._listeners = listeners

    async def heard(self, source: Any, service: int, data: bytes) -> None:  # noqa: ANN401
        """Tell everyone who listens of an unconfirmed service."""
        for listener in tuple(self._listeners):
            listener(station_at(source), service, data)

    async def indication(self, apdu: Any) -> None:  # noqa: ANN401
        """Reject a request in segments: nobody has reason to send us such."""
        await self.response(RejectPDU(apdu.apduInvokeID, _UNRECOGNIZED, destination=apdu.pduSource))

    async def confirmation(self, apdu: Any) -> None:  # noqa: ANN401
        """Give an answer to whoever waits for it."""
        future = self.waiting.get((station_at(apdu.pduSource), apdu.apduInvokeID))
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


def address_of(station: Station) -> Any:  # noqa: ANN401
    here = IPv4Address(station.here)
    if station.network is None:
        return here
    return RemoteStation(station.network, station.mac, route=here)


def station_at(address: Any) -> Station:  # noqa: ANN401
    if address.addrType == Address.remoteStationAddr:
        host, port = _host(address.addrRoute.addrAddr)
        return Station(host, port, address.addrNet, bytes(address.addrAddr))
    return Station(*_host(address.addrAddr))


def _host(octets: bytes) -> tuple[str, int]:
    return str(ipaddress.IPv4Address(bytes(octets[:4]))), int.from_bytes(octets[4:6], "big")
