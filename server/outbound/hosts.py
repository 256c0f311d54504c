"""The allow list: the hosts that SERVICE and LOAD may ask, and the addresses that these may have.

An entry is `host`, `host:port` or `*.domain` (every name below it), where a host is a name or an address. A name may
only have public addresses, unless its entry ends in `=private`: then also a site's own (private, loopback). An
address that is itself an entry may be asked, whatever it is; `localhost` may have those of loopback.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.outbound.addresses import Address, is_public, is_site, parse_address
from server.outbound.urls import BadUrl, Url, parse_host

_PRIVATE = "=private"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `host` begins with a dot where it stands for all names below."""

    host: str
    port: int | None
    private: bool

    @classmethod
    def parse(cls, text: str) -> Entry:
        """Raises ValueError."""
        rest, private = text.removesuffix(_PRIVATE), text.endswith(_PRIVATE)
        if "/" in rest or "@" in rest:
            raise ValueError(f'"{text}" is no host: leave out all but the host and its port')
        if parse_address(rest) is not None:
            host, port = rest, None
        else:
            host, port = _split(rest)
        try:
            if host.startswith("*."):
                return cls("." + _name(host[2:]), port, private)
            return cls(parse_host(host), port, private)
        except BadUrl:
            raise ValueError(f'"{text}" is no host, host:port or *.domain') from None

    def has(self, host: str, port: int) -> bool:
        """Tell whether a host at a port is meant."""
        same = host.endswith(self.host) and host != self.host if self.host[0] == "." else host == self.host
        return same and self.port in (None, port)

    def admits(self, address: Address) -> bool:
        """Tell whether a host that is meant may have this address."""
        if self.host == "localhost" and address.is_loopback:
            return True
        return is_public(address) or (self.private and is_site(address))


def _split(text: str) -> tuple[str, int | None]:
    """Return host and port of `host:port`, `[v6]:port` or one of these without a port."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text.strip("[]"), None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise ValueError(f'"{port}" in "{text}" is no port')
    return host.removeprefix("[").removesuffix("]") if host.startswith("[") else host, int(port)


def _name(text: str) -> str:
    name = parse_host(text)
    if parse_address(name) is not None:
        raise BadUrl(f"{text} is an address")
    return name


class AllowList:
    """The entries; empty, nothing may be asked."""

    def __init__(self, entries: tuple[Entry, ...] = ()) -> None:
        self._entries = entries

    @classmethod
    def parse(cls, text: str) -> AllowList:
        """Read entries with commas between them. Raises ValueError, whose message has the entry that is none."""
        return cls(tuple(Entry.parse(part) for part in (part.strip() for part in text.split(",")) if part))

    def __bool__(self) -> bool:
        return bool(self._entries)

    def _meant(self, host: str, port: int) -> list[Entry]:
        return [entry for entry in self._entries if entry.has(host, port)]

    def names(self, url: Url) -> bool:
        """Tell whether a URL's host is on the list."""
        return bool(self._meant(url.host, url.port))

    def admits(self, url: Url, address: Address) -> bool:
        """Tell whether a URL's host, which is on the list, may be asked at this address."""
        if self._meant(str(address), url.port):
            return True
        return any(entry.admits(address) for entry in self._meant(url.host, url.port))
