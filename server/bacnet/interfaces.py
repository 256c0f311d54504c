"""The IPv4 addresses of this machine (Linux)."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

_GET_ADDRESS, _GET_NETMASK = 0x8915, 0x891B  # SIOCGIFADDR, SIOCGIFNETMASK


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
