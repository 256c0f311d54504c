"""Which addresses are whose: the public internet's, a site's own, or nobody's to ask.

By the IANA special-purpose registries, written out here since `ipaddress` follows them differently by version.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

_SITE: tuple[_Network, ...] = (
    *map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")),
    *map(IPv6Network, ("fc00::/7", "::1/128")),
)
_METADATA: tuple[_Network, ...] = (  # of clouds: who can ask there can become the machine
    *map(IPv4Network, ("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")),
    *map(IPv6Network, ("fe80::/10", "fd00:ec2::/32")),
)
_NOT_PUBLIC: tuple[_Network, ...] = (
    *_SITE,
    *_METADATA,
    *map(IPv4Network, ("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15")),
    *map(IPv4Network, ("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3")),
    *map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a translator


def parse_address(text: str) -> Address | None:
    """Return an address in its usual form (no leading zeros, no hexadecimal IPv4); None for what is none."""
    try:
        return unwrapped(ip_address(text))
    except ValueError:
        return None


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, else the address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


def is_site(address: Address) -> bool:
    """Tell whether an address is a site's own: private (RFC 1918, RFC 4193, RFC 6598) or loopback."""
    return any(address in network for network in _SITE) and not any(address in network for network in _METADATA)
