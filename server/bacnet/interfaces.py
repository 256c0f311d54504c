"""Where we are on the network: what a person says of it, and the IPv4 addresses of this machine (Linux)."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import socket
import struct
from dataclasses import dataclass

from server.bacnet.station import PORT, Station

_GET_ADDRESS, _GET_NETMASK = 0x8915, 0x891B  # SIOCGIFADDR, SIOCGIFNETMASK


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


def own_addresses() -> list[str]:
    """Return the addresses with their prefixes, such as `10.0.0.9/24`, without loopback."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                address, netmask = (_asked(probe, name, what) for what in (_GET_ADDRESS, _GET_NETMASK))
            except OSError:
                continue  # it has no IPv4 address
            interface = ipaddress.IPv4Interface(f"{address}/{netmask}")
            if not interface.is_loopback:
                found.append(str(interface))
    return found


def _asked(probe: socket.socket, name: str, what: int) -> str:
    answer = fcntl.ioctl(probe.fileno(), what, struct.pack("256s", name.encode()[:15]))
    return socket.inet_ntoa(answer[20:24])
