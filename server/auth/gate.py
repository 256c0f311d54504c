"""The gate: the role of a request by its Authorization header, and what keeps trying tokens slow.

Clients that only know Basic send the token as password, whatever the user name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import threading
import time
from functools import lru_cache
from urllib.parse import urlsplit

from server.auth.tokens import FILE, Role, Tokens, is_made
from server.errors import Problem
from server.settings import Settings

_FAILURES = 10
_FORGET_SECONDS = 60.0
_CLIENTS = 10_000


class Failures:
    """Counts failed attempts per client address, so that trying tokens is slow."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def blocked(self, client: str) -> bool:
        """Tell whether a client has failed too often within the last minute."""
        count, last = self._counts.get(client, (0, 0.0))
        return count >= _FAILURES and time.monotonic() - last < _FORGET_SECONDS

    def add(self, client: str) -> None:
        """Count a failure."""
        with self._lock:
            count, last = self._counts.pop(client, (0, 0.0))
            recent = time.monotonic() - last < _FORGET_SECONDS
            self._counts[client] = (count + 1 if recent else 1, time.monotonic())
            while len(self._counts) > _CLIENTS:  # the oldest goes first
                del self._counts[next(iter(self._counts))]


class Gate:
    """Tells the role of a request from its Authorization header."""

    def __init__(
        self,
        tokens: Tokens,
        *,
        anonymous: Role,
        extra: str | None = None,
        local_pages: bool = False,
        origins: frozenset[str] = frozenset(),
    ) -> None:
        """`anonymous` is the role without a token; `extra` a secret that has the role admin besides the tokens.

        With `local_pages`, web pages from elsewhere are never anonymous: a browser on this machine carries their
        requests to loopback. Those of `origins` are not from elsewhere.
        """
        self.anonymous = anonymous
        self._tokens = tokens
        self._extra = _digest(extra) if extra else None
        self._local_pages = local_pages
        self._origins = origins
        self._failures = Failures()

    def role(self, authorization: str | None, client: str, origin: str | None = None) -> Role:
        """Return the role. Raises a 401 problem for a wrong token, a 429 one after too many of them.

        A token of ours has too many random bits to be guessed: it counts whoever else fails at the same address.
        """
        if authorization is None:
            foreign = origin is not None and self._local_pages and self._is_foreign(origin)
            return Role.NONE if foreign else self.anonymous
        token = _token(authorization)
        if (role := self._tokens.role_of(token)) is not None:
            return role
        if self._failures.blocked(client):
            raise Problem(
                429,
                "too-many-failures",
                "too many wrong tokens from this address",
                hint="wait a minute",
                headers={"Retry-After": str(int(_FORGET_SECONDS))},
            )
        if self._extra and hmac.compare_digest(self._extra, _digest(token)):
            return Role.ADMIN
        self._failures.add(client)
        raise unauthorized("the token is not valid")

    def sender(self, authorization: str | None) -> tuple[str, str | None]:
        """Return a name for people of whoever sent a request with a role, and the id of the token, if it has one."""
        if authorization is None:
            return "anonymous", None
        if (kept := self._tokens.find(_token(authorization))) is None:
            return "TWINHOUSE_TOKEN", ""
        return kept.name, kept.id

    def _is_foreign(self, origin: str) -> bool:
        return origin not in self._origins and not is_loopback(_host(origin))


def gate_of(settings: Settings) -> Gate:
    """Return the gate that the settings ask for."""
    return Gate(
        tokens_of(settings),
        anonymous=anonymous_role(settings),
        extra=own_secret(settings),
        local_pages=settings.anonymous == "auto" and not settings.insecure,
        origins=settings.origins,
    )


def own_secret(settings: Settings) -> str | None:
    """Return the secret of the environment. One that looks like a token counts by its role, until it is revoked."""
    secret = settings.token.strip()
    return secret if secret and not is_made(secret) else None


def tokens_of(settings: Settings) -> Tokens:
    """Return the tokens of the data directory."""
    return Tokens(settings.data / FILE)


def anonymous_role(settings: Settings) -> Role:
    """Return the role of a request without a token: unless it is set, admin on loopback and none beyond."""
    if settings.anonymous != "auto":
        return Role.named(settings.anonymous)
    return Role.ADMIN if settings.insecure or is_loopback(settings.host) else Role.NONE


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _token(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return rest.strip()
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def unauthorized(detail: str) -> Problem:
    """Return the problem of a request that needs a token."""
    return Problem(
        401,
        "unauthorized",
        detail,
        hint="send Authorization: Bearer <token>; `twinhouse token create` makes one",
        headers={"WWW-Authenticate": 'Bearer realm="twinhouse", Basic realm="twinhouse"'},
    )


def require(role: Role, needed: Role) -> None:
    """Raise a 401 problem where there is no role, a 403 one where it is too low."""
    if role >= needed:
        return
    if role is Role.NONE:
        raise unauthorized("this needs a token")
    raise Problem(403, "forbidden", f"this needs the role {needed.name.lower()}, the token has {role.name.lower()}")


@lru_cache(256)
def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
