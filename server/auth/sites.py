"""Keeps web pages from elsewhere from using the browser of somebody whom the server trusts.

A page can make a browser send what its form could send (cross-site request forgery), and, once its own name resolves
to this machine (DNS rebinding), anything. The first shows in Sec-Fetch-Site or Origin, the second in Host.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from server.auth.gate import anonymous_role, is_loopback
from server.auth.tokens import Role
from server.errors import Problem
from server.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})  # no form can send QUERY, and CORS keeps scripts from it
_OWN = (b"same-origin", b"none")
_ANY = "*"


class Sites:
    """Who may make a browser call this server."""

    def __init__(self, hosts: frozenset[str] | None, origins: frozenset[str]) -> None:
        """`hosts` are the names by which clients without a token may call the server, besides loopback's; None: any.

        Pages of `origins` may write; with `*` among them, other pages may by a Bearer token, which no browser adds.
        """
        self._hosts = hosts
        self._origins = origins

    def require(self, method: str, headers: Mapping[bytes, bytes], authorization: str | None) -> None:
        """Raise a 403 problem for a request that a page from elsewhere makes, or may be making."""
        if authorization is None:
            self._require_host(headers.get(b"host"))
        if method not in _SAFE and self._is_foreign(headers, authorization or ""):
            raise Problem(
                403,
                "cross-site",
                "a web page of another origin sent this, and may not write",
                hint="the setting cors_origins names the origins whose pages may",
            )

    def _require_host(self, host: bytes | None) -> None:
        if self._hosts is None or host is None:
            return
        name = _name(host.decode("latin-1"))
        if not is_loopback(name) and name not in self._hosts:
            raise Problem(
                403,
                "unknown-host",
                f"the server is not called {name}",
                hint="send a token, or call it localhost; the setting allowed_hosts names further names",
            )

    def _is_foreign(self, headers: Mapping[bytes, bytes], authorization: str) -> bool:
        origin, site = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"sec-fetch-site")
        if origin in self._origins:
            return False
        if _ANY in self._origins and authorization.lower().startswith("bearer "):
            return False
        if site is not None:
            return site not in _OWN
        return b"origin" in headers and _authority(origin) != headers.get(b"host", b"").decode("latin-1").lower()


def sites_of(settings: Settings) -> Sites:
    """Return what the settings ask for: names count where a client without a token may do anything on loopback."""
    named = settings.hosts
    open_here = is_loopback(settings.host) and anonymous_role(settings) > Role.NONE
    checked = _ANY not in named and (open_here or bool(named))
    return Sites(named | {settings.host.lower()} if checked else None, settings.origins)


@lru_cache(256)
def _name(host: str) -> str:
    """Return a Host without its port and brackets, in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    return origin.lower().partition("://")[2]
