"""Who may do what: bearer tokens with roles, kept hashed in `<data>/tokens.json`.

A token reads `twh_<id>_<secret>`. Its secret has 192 random bits, so that a plain SHA-256 of it can be kept: there is
nothing to guess faster than by trying all. Clients that only know Basic send the token as password, whatever the
user name. The file is read anew when it has changed, so that a token made or revoked counts at once.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

from server.errors import Problem

_TOKEN = re.compile(r"twh_([0-9a-f]{8})_([A-Za-z0-9_\-]{32})")
_FAILURES = 10
_FORGET_SECONDS = 60.0
_CLIENTS = 10_000


class Role(IntEnum):
    """What a client may do; each role may do what those below it may."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        """Return the role of a name. Raises ValueError."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f'there is no role "{name}": read, write or admin') from None


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token: never the token itself."""

    id: str
    name: str
    role: str
    created: str
    sha256: str

    def matches(self, secret: str) -> bool:
        """Compare in a time that does not depend on how much is right."""
        return hmac.compare_digest(self.sha256, _digest(secret))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """The tokens of a data directory. Several processes may use the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._held: dict[str, Token] = {}

    def create(self, name: str, role: Role) -> str:
        """Make a token and return it, this once. Durable and valid when it returns."""
        number, secret = secrets.token_hex(4), secrets.token_urlsafe(24)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing() as tokens:
            tokens[number] = Token(number, name, role.name.lower(), now, _digest(secret))
        return f"twh_{number}_{secret}"

    def revoke(self, number: str) -> bool:
        """Forget a token, by its id. Durable and in force when it returns; False where there is none."""
        with self._changing() as tokens:
            return tokens.pop(number, None) is not None

    def all(self) -> list[Token]:
        """Return what is kept of all tokens, the oldest first."""
        return sorted(self._read().values(), key=lambda token: token.created)

    def role_of(self, token: str) -> Role | None:
        """Return a token's role; None for what is no token, or none any more."""
        if not (match := _TOKEN.fullmatch(token)):
            return None
        kept = self._read().get(match[1])
        return Role.named(kept.role) if kept and kept.matches(match[2]) else None

    def _read(self) -> dict[str, Token]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            kept = json.loads(self._path.read_bytes())
            self._held = {entry["id"]: Token(**entry) for entry in kept}
            self._seen = seen
        return self._held

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        """Change the tokens under a lock that other processes respect too."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = dict(self._read())
            yield tokens
            self._write(tokens)
        finally:
            os.close(lock)

    def _write(self, tokens: dict[str, Token]) -> None:
        temporary = self._path.with_suffix(".tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump([asdict(token) for token in tokens.values()], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


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

    def __init__(self, tokens: Tokens, *, anonymous: Role, extra: str | None = None) -> None:
        """`anonymous` is the role without a token; `extra` a secret that has the role admin besides the tokens."""
        self._tokens = tokens
        self._anonymous = anonymous
        self._extra = _digest(extra) if extra else None
        self._failures = Failures()

    def role(self, authorization: str | None, client: str) -> Role:
        """Return the role. Raises a 401 problem for a wrong token, a 429 one after too many of them."""
        if authorization is None:
            return self._anonymous
        if self._failures.blocked(client):
            raise Problem(
                429,
                "too-many-failures",
                "too many wrong tokens from this address",
                hint="wait a minute",
                headers={"Retry-After": str(int(_FORGET_SECONDS))},
            )
        token = _token(authorization)
        if self._extra and hmac.compare_digest(self._extra, _digest(token)):
            return Role.ADMIN
        role = self._tokens.role_of(token)
        if role is None:
            self._failures.add(client)
            raise unauthorized("the token is not valid")
        return role


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


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
