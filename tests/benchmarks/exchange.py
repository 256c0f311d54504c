"""One request at a time, read to the last byte, with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException

_CHUNK = 1 << 20
PATIENCE = 900.0  # seconds


class Refused(Exception):
    """A server answered with an error, or broke off."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, and after how many seconds the last byte was there."""

    seconds: float
    size: int
    body: bytes = b""

    @property
    def rows(self) -> list[bytes]:
        """The rows of an answer in TSV, sorted."""
        return sorted(self.body.splitlines()[1:])

    @property
    def digest(self) -> str:
        """What two answers in TSV with the same rows have in common, whatever the order."""
        return sha256(b"\n".join(self.rows)).hexdigest()


def exchange(
    port: int,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | Iterator[bytes] | None = None,
    *,
    keep: bool = True,
    patience: float = PATIENCE,
) -> Answer:
    """Send a request on a connection of its own; `keep` the answer or only count it. Raises Refused."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=patience)) as connection:
        return exchange_on(connection, method, path, headers, body, keep=keep)


def exchange_on(
    connection: HTTPConnection,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | Iterator[bytes] | None = None,
    *,
    keep: bool = True,
) -> Answer:
    """Send a request on a connection that may stay open. Raises Refused."""
    began = time.perf_counter()
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            raise Refused(f"{answer.status} {answer.read(300).decode(errors='replace')}")
        buffer, kept, size = memoryview(bytearray(_CHUNK)), bytearray(), 0
        while count := answer.readinto(buffer):
            size += count
            if keep:
                kept += buffer[:count]
    except (OSError, HTTPException) as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    return Answer(time.perf_counter() - began, size, bytes(kept))
