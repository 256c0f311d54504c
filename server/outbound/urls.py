"""URLs, read more strictly than by RFC 3986: only what no two programs take for two different hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from server.outbound.addresses import Address, parse_address

_PORTS = {"http": 80, "https": 443}
_NEVER = re.compile(r"""[\x00-\x20\x7f-\x9f\\<>"{}|^`]""")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([0-9]{1,5}))?")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST = 8192
_KEPT = "/%:@!$&'()*+,;=~-._"


class BadUrl(ValueError):
    """No URL to ask; the message says why."""


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL without its fragment. `host` is an address in its usual form, or a name in ASCII."""

    text: str
    scheme: str
    host: str
    port: int

    @property
    def address(self) -> Address | None:
        """The address that the host is; None for a name."""
        return parse_address(self.host)

    @property
    def authority(self) -> str:
        """Host and port, as in the header `Host` (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query, in ASCII (RFC 3987, section 3.1)."""
        parts = urlsplit(self.text)
        query = f"?{quote(parts.query, safe=_KEPT + '?')}" if parts.query else ""
        return quote(parts.path or "/", safe=_KEPT) + query

    def join(self, reference: str) -> Url:
        """Return what a Location means here (RFC 9110, section 10.2.2). Raises BadUrl."""
        _check(reference)
        return parse_url(urljoin(self.text, reference))


def parse_url(text: str) -> Url:
    """Raises BadUrl for what is no http or https URL, has credentials, or has a host of two meanings."""
    _check(text)
    text = text.partition("#")[0]
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise BadUrl(str(error)) from None
    if parts.scheme not in _PORTS:
        raise BadUrl("only http and https are asked")
    if "@" in parts.netloc:
        raise BadUrl("it has a user name or a password")
    found = _AUTHORITY.fullmatch(parts.netloc)
    if found is None:
        raise BadUrl("its host cannot be read")
    port = int(found[3]) if found[3] else _PORTS[parts.scheme]
    if not 0 < port < 1 << 16:
        raise BadUrl("its port is none")
    return Url(text, parts.scheme, parse_host(found[1] or found[2]), port)


def _check(text: str) -> None:
    if len(text) > _LONGEST:
        raise BadUrl("it is too long")
    if _NEVER.search(text):
        raise BadUrl("it has characters that no URL may have")


def parse_host(text: str) -> str:
    """Return a host in its one form. Raises BadUrl, also for addresses as `0x7f.1`, `0177.0.0.1` or `2130706433`."""
    if (address := parse_address(text)) is not None:
        return str(address)
    try:
        name = text.removesuffix(".").encode("idna").decode().lower()
    except UnicodeError:
        raise BadUrl(f"{text} is no host") from None
    if (address := parse_address(name)) is not None:
        return str(address)
    if not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise BadUrl(f"{text} is no host")
    return name
