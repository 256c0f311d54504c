"""A BACnet/IP device on raw bytes, as difficult as real ones: it shares no code with the client or its stack."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

Object = tuple[int, int]
ERROR_UNKNOWN_OBJECT, ERROR_UNKNOWN_PROPERTY, ERROR_READ_DENIED = (1, 31), (2, 32), (2, 27)
MORE_SEGMENTS_NOT_SUPPORTED, REJECT_UNRECOGNIZED = 4, 9


def real(value: float) -> bytes:
    """Return an application-tagged Real."""
    return b"\x44" + struct.pack(">f", value)


def enumerated(value: int) -> bytes:
    """Return an application-tagged Enumerated below 65536."""
    return b"\x91" + bytes([value]) if value < 256 else b"\x92" + value.to_bytes(2, "big")


def unsigned(value: int) -> bytes:
    """Return an application-tagged Unsigned."""
    octets = value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")
    return bytes([0x20 | len(octets)]) + octets


def text(value: str | bytes, charset: int = 0) -> bytes:
    """Return an application-tagged character string; bytes are sent as they are, whatever the charset says."""
    octets = bytes([charset]) + (value if isinstance(value, bytes) else value.encode())
    return (bytes([0x70 | len(octets)]) if len(octets) < 5 else b"\x75" + bytes([len(octets)])) + octets


def flags(*, alarm: bool = False, fault: bool = False, overridden: bool = False, out: bool = False) -> bytes:
    """Return application-tagged status flags."""
    return b"\x82\x04" + bytes([alarm << 7 | fault << 6 | overridden << 5 | out << 4])


def object_id(kind: int, instance: int) -> bytes:
    """Return an application-tagged object identifier."""
    return b"\xc4" + (kind << 22 | instance).to_bytes(4, "big")


@dataclass
class RawDevice:
    """What it has, and how it behaves.

    multiple: has ReadPropertyMultiple; else Rejects it
    longest: the longest answer in bytes; above, it Aborts, or says nothing with `silent`
    ignores_writes: says that it wrote, and does not
    vanishes_after: requests after which it answers no more
    denied: objects' properties that cannot be read
    broadcasts: tells who it is to all of loopback at BACnet's port, not to whoever asks
    confirms: has SubscribeCOV, for unconfirmed notifications alone (False) or for both (True)
    ranges, by_sequence: has ReadRange, and by sequence number
    records, room: the most records of a trend log that it sends at once, and that it keeps
    """

    instance: int
    address: str
    port: int = 47808
    objects: dict[Object, dict[int, list[bytes]]] = field(default_factory=dict)
    max_apdu: int = 1476
    multiple: bool = True
    longest: int = 1476
    silent: bool = False
    ignores_writes: bool = False
    vanishes_after: int | None = None
    denied: frozenset[tuple[Object, int]] = frozenset()
    broadcasts: bool = False
    confirms: bool | None = None
    ranges: bool = True
    by_sequence: bool = True
    records: int = 20
    room: int = 1000
    logs: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    services: list[int] = field(default_factory=list)
    subscriptions: list[tuple[Object, bool]] = field(default_factory=list)
    writes: list[tuple[Object, int, bytes, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Add the device object, with its list."""
        device = self.objects.setdefault((8, self.instance), {})
        device.setdefault(75, [object_id(8, self.instance)])
        device.setdefault(77, [text(f"Raw {self.instance}")])
        device.setdefault(62, [unsigned(self.max_apdu)])
        device.setdefault(107, [enumerated(3)])
        device.setdefault(120, [unsigned(999)])
        if self.confirms is not None:
            device.setdefault(97, [b"\x83\x00\x04\x0a"])  # SubscribeCOV, ReadProperty, ReadPropertyMultiple
        device.setdefault(76, [object_id(*each) for each in self.objects])

    def add(self, kind: int, instance: int, name: str | bytes, value: bytes, charset: int = 0, **more: bytes) -> None:
        """Add an object; `more` is unit= or description=, encoded."""
        numbers = {"unit": 117, "description": 28}
        self.objects[kind, instance] = {
            75: [object_id(kind, instance)],
            77: [text(name, charset)],
            85: [value],
            111: [flags()],
        } | {numbers[key]: [octets] for key, octets in more.items()}
        self.objects[8, self.instance][76].append(object_id(kind, instance))

    def add_log(self, instance: int, kind: int, of: int) -> None:
        """Add a trend log of an object's present value, empty."""
        logged = b"\x0c" + (kind << 22 | of).to_bytes(4, "big") + b"\x19\x55"
        self.objects[20, instance] = {75: [object_id(20, instance)], 77: [text(f"Log {instance}")], 132: [logged]}
        self.objects[20, instance] |= {141: [unsigned(0)], 145: [unsigned(0)]}
        self.objects[8, self.instance][76].append(object_id(20, instance))

    def answer(self, data: bytes) -> bytes | None:
        """Return the datagram that answers one, if any does."""
        npdu = data[4:]
        at = 2
        if npdu[1] & 0x20:
            at += 3 + npdu[4]
            at += 1  # hop count
        source = b""
        if npdu[1] & 0x08:
            source = npdu[at : at + 3 + npdu[at + 2]]
            at += len(source)
        apdu = npdu[at:]
        reply = self._unconfirmed(apdu) if apdu[0] >> 4 == 1 else self._confirmed(apdu)
        if reply is None:
            return None
        head = b"\x01\x20" + source + b"\xff" if source else b"\x01\x00"
        return _datagram(head + reply)

    def _unconfirmed(self, apdu: bytes) -> bytes | None:
        if apdu[1] != 8:
            return None
        if len(apdu) > 2:
            low, at = _context(apdu, 2)
            high, _ = _context(apdu, at)
            if not int.from_bytes(low, "big") <= self.instance <= int.from_bytes(high, "big"):
                return None
        return b"\x10\x00" + object_id(8, self.instance) + unsigned(self.max_apdu) + enumerated(3) + unsigned(999)

    def _confirmed(self, apdu: bytes) -> bytes | None:
        if apdu[0] >> 4 != 0:
            return None
        self.services.append(apdu[3])
        if self.vanishes_after is not None and len(self.services) > self.vanishes_after:
            return None
        invoke, service, body = apdu[2:3], apdu[3], apdu[4:]
        if service == 26 and self.ranges:
            ack = self._read_range(body)
        elif service == 12:
            ack = self._read(body)
        elif service == 14 and self.multiple:
            ack = self._read_multiple(body)
        elif service == 15:
            return self._write(body, invoke)
        elif service == 5 and self.confirms is not None:
            return self._subscribe(body, invoke)
        else:
            return b"\x60" + invoke + bytes([REJECT_UNRECOGNIZED])
        if isinstance(ack, tuple):
            return b"\x50" + invoke + bytes([service]) + enumerated(ack[0]) + enumerated(ack[1])
        if len(ack) + 3 > self.longest:
            return None if self.silent else b"\x71" + invoke + bytes([MORE_SEGMENTS_NOT_SUPPORTED])
        return b"\x30" + invoke + bytes([service]) + ack

    def _values(self, one: Object, property_: int, index: int | None) -> bytes | tuple[int, int]:
        if one == (8, 4194303):
            one = (8, self.instance)
        if one not in self.objects:
            return ERROR_UNKNOWN_OBJECT
        if (one, property_) in self.denied:
            return ERROR_READ_DENIED
        values = self.objects[one].get(property_)
        if values is None:
            return ERROR_UNKNOWN_PROPERTY
        if index is None:
            return b"".join(values)
        return unsigned(len(values)) if index == 0 else values[index - 1]

    def _read(self, body: bytes) -> bytes | tuple[int, int]:
        object_, at = _context(body, 0)
        property_, at = _context(body, at)
        index = _context(body, at)[0] if at < len(body) else None
        found = self._values(_object(object_), int.from_bytes(property_, "big"), _integer(index))
        if isinstance(found, tuple):
            return found
        again = b"" if index is None else bytes([0x28 | len(index)]) + index
        return b"\x0c" + object_ + bytes([0x18 | len(property_)]) + property_ + again + b"\x3e" + found + b"\x3f"

    def _read_multiple(self, body: bytes) -> bytes:
        ack, at = b"", 0
        while at < len(body):
            object_, at = _context(body, at)
            ack += b"\x0c" + object_ + b"\x1e"
            at += 1
            while body[at] != 0x1F:
                property_, at = _context(body, at)
                index = None
                if body[at] >> 4 == 1 and body[at] != 0x1F:
                    index, at = _context(body, at)
                ack += bytes([0x28 | len(property_)]) + property_
                ack += b"" if index is None else bytes([0x38 | len(index)]) + index
                found = self._values(_object(object_), int.from_bytes(property_, "big"), _integer(index))
                if isinstance(found, tuple):
                    ack += b"\x5e" + enumerated(found[0]) + enumerated(found[1]) + b"\x5f"
                else:
                    ack += b"\x4e" + found + b"\x4f"
            ack += b"\x1f"
            at += 1
        return ack

    def _read_range(self, body: bytes) -> bytes | tuple[int, int]:
        object_, at = _context(body, 0)
        property_, at = _context(body, at)
        log = self.logs[_object(object_)[1]]
        kind = body[at] >> 4
        size = body[at + 1] & 7
        first = int.from_bytes(body[at + 2 : at + 2 + size], "big")
        count = int.from_bytes(body[at + 3 + size : -1], "big", signed=True)
        if kind == 6 and not self.by_sequence:
            return 2, 7
        numbered = [(number if kind == 6 else place, number, each) for place, (number, each) in enumerate(log, 1)]
        at_first = next((place for place, found in enumerate(numbered) if found[0] == first), None)
        chosen = [] if at_first is None else numbered[at_first : at_first + min(count, self.records)]
        last = bool(chosen) and chosen[-1][1] == log[-1][0]
        flags = bytes([bool(chosen and chosen[0][1] == log[0][0]) << 7 | last << 6 | (not last) << 5])
        ack = b"\x0c" + object_ + bytes([0x18 | len(property_)]) + property_ + b"\x3a\x05" + flags
        ack += b"\x49" + bytes([len(chosen)]) + b"\x5e" + b"".join(each for _, _, each in chosen) + b"\x5f"
        return ack + (b"\x6c" + chosen[0][1].to_bytes(4, "big") if chosen and kind == 6 else b"")

    def log(self, instance: int, number: int, at: datetime, value: float) -> None:
        """Add a record to a trend log, and forget the oldest where it has more than fit."""
        stamp = bytes([at.year - 1900, at.month, at.day, 255]), bytes([at.hour, at.minute, at.second, 0])
        datum = b"\x1e\x2c" + struct.pack(">f", value) + b"\x1f\x2a\x04\x00"
        record = b"\x0e\xa4" + stamp[0] + b"\xb4" + stamp[1] + b"\x0f" + datum
        log = self.logs.setdefault(instance, [])
        log.append((number, record))
        del log[: -self.room]
        self.objects[20, instance][141] = [unsigned(len(log))]
        self.objects[20, instance][145] = [unsigned(number)]

    def _subscribe(self, body: bytes, invoke: bytes) -> bytes:
        _, at = _context(body, 0)
        object_, at = _context(body, at)
        confirmed = at < len(body) and _context(body, at)[0] == b"\x01"
        if confirmed and not self.confirms:
            return b"\x50" + invoke + b"\x05" + enumerated(5) + enumerated(45)  # optional functionality
        self.subscriptions.append((_object(object_), confirmed))
        return b"\x20" + invoke + b"\x05"

    def _write(self, body: bytes, invoke: bytes) -> bytes:
        object_, at = _context(body, 0)
        property_, at = _context(body, at)
        end = body.rindex(b"\x3f")
        value = body[at + 1 : end]
        priority = body[end + 2] if len(body) > end + 1 else None
        one, number = _object(object_), int.from_bytes(property_, "big")
        self.writes.append((one, number, value, priority))
        if one not in self.objects:
            return b"\x50" + invoke + b"\x0f" + enumerated(1) + enumerated(31)
        if not self.ignores_writes:
            self.objects[one][number] = [value]
            if priority is not None and 87 in self.objects[one]:
                self.objects[one][87][priority - 1] = value
        return b"\x20" + invoke + b"\x0f"


def _context(data: bytes, at: int) -> tuple[bytes, int]:
    length = data[at] & 7
    return data[at + 1 : at + 1 + length], at + 1 + length


def _object(octets: bytes) -> Object:
    word = int.from_bytes(octets, "big")
    return word >> 22, word & 0x3FFFFF


def _integer(octets: bytes | None) -> int | None:
    return None if octets is None else int.from_bytes(octets, "big")


@dataclass
class RawRouter:
    """A router with devices on networks behind it, by network number and MAC address."""

    address: str
    networks: dict[int, dict[bytes, RawDevice]]
    port: int = 47808

    def answers(self, data: bytes) -> Iterator[bytes]:
        """Yield the datagrams that answer one."""
        npdu = data[4:]
        if npdu[1] & 0x80:
            if npdu[2] == 0:  # Who-Is-Router-To-Network
                numbers = b"".join(number.to_bytes(2, "big") for number in self.networks)
                yield _datagram(b"\x01\x80\x01" + numbers)
            return
        if not npdu[1] & 0x20:
            return
        network, length = int.from_bytes(npdu[2:4], "big"), npdu[4]
        mac, apdu = npdu[5 : 5 + length], npdu[6 + length :]
        for number, devices in self.networks.items():
            for at, device in devices.items():
                if network in (number, 0xFFFF) and mac in (at, b""):
                    reply = device.answer(_datagram(b"\x01\x00" + apdu))
                    if reply is not None:
                        source = number.to_bytes(2, "big") + bytes([len(at)]) + at
                        yield _datagram(b"\x01\x08" + source + reply[6:])


def _datagram(npdu: bytes) -> bytes:
    return b"\x81\x0a" + (len(npdu) + 4).to_bytes(2, "big") + npdu


@contextmanager
def running(*devices: RawDevice | RawRouter) -> Iterator[None]:
    """Let devices answer, each on its address, in a thread of its own."""
    threads = []
    for device in devices:
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind((device.address, device.port))
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        threads.append(threading.Thread(target=_serve, args=(device, link), daemon=True))
        threads[-1].start()
    try:
        yield
    finally:
        for device, thread in zip(devices, threads, strict=True):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"end", (device.address, device.port))
            thread.join()


def _serve(device: RawDevice | RawRouter, link: socket.socket) -> None:
    with link:
        while (received := link.recvfrom(2048))[0] != b"end":
            if isinstance(device, RawRouter):
                for reply in device.answers(received[0]):
                    link.sendto(reply, received[1])
            elif (one := device.answer(received[0])) is not None:
                aside = device.broadcasts and one[6] >> 4 == 1
                link.sendto(one, ("127.255.255.255", 47808) if aside else received[1])
