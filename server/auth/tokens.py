"""Bearer tokens with roles, kept hashed in `<data>/tokens.json`.

A token reads `twh_<id>_<secret>`. Its secret has 192 random bits, so that a plain SHA-256 of it can be kept: there is
nothing to guess faster than by trying all. The file is read anew when it has changed, so that a token made or revoked
by another process counts at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

from storage.errors import Corrupt
from storage.files import write_atomically

_TOKEN = re.compile(r"twh_([0-9a-f]{8})_([A-Za-z0-9_\-]{32})")
FILE = "tokens.json"


def is_made(text: str) -> bool:
    """Tell whether a text has the form of a token that `Tokens.create` makes."""
    return _TOKEN.fullmatch(text) is not None


class Role(IntEnum):
    """What a client may do; each role may do what those below it may."""

    NONE = 0
    READ = 1
    WRITE = 2
    OPERATE = 3
    ADMIN = 4

    @classmethod
    def named(cls, name: str) -> Role:
        """Return the role of a name. Raises ValueError."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f'there is no role "{name}": read, write, operate or admin') from None


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
        kept = self.find(token)
        return Role.named(kept.role) if kept else None

    def find(self, token: str) -> Token | None:
        """Return what is kept of a token; None for what is no token, or none any more."""
        if not (match := _TOKEN.fullmatch(token)):
            return None
        kept = self._read().get(match[1])
        return kept if kept and kept.matches(match[2]) else None

    def _read(self) -> dict[str, Token]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            self._held = self._parsed()
            self._seen = seen
        return self._held

    def _parsed(self) -> dict[str, Token]:
        try:
            return {entry["id"]: Token(**entry) for entry in json.loads(self._path.read_bytes())}
        except (ValueError, TypeError, KeyError):
            raise Corrupt(f"{self._path} is not readable: mend it, or remove it and make new tokens") from None

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
        content = json.dumps([asdict(token) for token in tokens.values()], indent=1).encode() + b"\n"
        write_atomically(self._path, content, mode=0o600)
