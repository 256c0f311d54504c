"""Where a device is: an address that tells apart devices with equal numbers behind different routers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ontologies.bacnet_network import Address

PORT = 47808
_TEXT = re.compile(r"(?:(?P<net>\d+):(?:0x)?(?P<mac>(?:[0-9a-f]{2})+)@)?(?P<host>[\d.]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class Station:
    """A device's IPv4 address and port; behind a router the router's, with the network number and MAC address."""

    host: str
    port: int = PORT
    network: int | None = None
    mac: bytes = b""

    def __str__(self) -> str:
        """Return `10.0.0.7:47808`, or `2001:0x0c@10.0.0.1:47808` behind a router (MAC in hex)."""
        here = f"{self.host}:{self.port}"
        return here if self.network is None else f"{self.network}:0x{self.mac.hex()}@{here}"

    @classmethod
    def parse(cls, text: str) -> Station:
        """Read what `str` writes; the port may be missing. Raises ValueError."""
        match = _TEXT.fullmatch(text.strip().lower())
        if match is None:
            raise ValueError(f'"{text}" is no BACnet address such as 10.0.0.7, 10.0.0.7:47808 or 2001:0x0c@10.0.0.1')
        host = str(ipaddress.IPv4Address(match["host"]))
        port = int(match["port"] or PORT)
        network = None if match["net"] is None else int(match["net"])
        if not 0 < port < 65536 or (network is not None and not 0 < network < 65535):
            raise ValueError(f'"{text}": a port or network number that cannot be')
        return cls(host, port, network, bytes.fromhex(match["mac"] or ""))

    @classmethod
    def of(cls, address: Address) -> Station:
        """Return the station of a scan's address. Raises ValueError."""
        return cls.parse(str(address))

    @property
    def address(self) -> Address:
        """This as a scan's results have it."""
        here = f"{self.host}:{self.port}"
        return Address(here) if self.network is None else Address(f"0x{self.mac.hex()}", self.network, here)

    @property
    def trunk(self) -> Station:
        """What it shares with all others behind its router, on a network that is slow as a whole; else itself."""
        return self if self.network is None else Station(self.host, self.port, self.network)

    @property
    def here(self) -> tuple[str, int]:
        """The IPv4 address and port that datagrams go to."""
        return self.host, self.port
