"""Bodies that are whole before work on them begins: in memory while they are small and few, else on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile

from anyio import to_thread
from starlette.types import Scope

from server.errors import Problem

IN_MEMORY = 8 << 20
"""Bytes of one body; a larger one goes to disk."""
_TOGETHER = 256 << 20
_SHORT = 64 << 10  # bytes of a text that need not be counted
_TEXTS = 64 << 20  # bytes of the others; each is in memory up to four times
_HELD = "twinhouse.text"


class Spools:
    """The bodies of an application, which have so much in memory together; beyond it, further ones go to disk."""

    def __init__(self, together: int = _TOGETHER) -> None:
        self._room = together

    @asynccontextmanager
    async def lend(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[SpooledTemporaryFile[bytes]]:
        """Lend a body as a file, from its beginning."""
        held: int | None = 0
        with SpooledTemporaryFile(max_size=0) as file:  # it is moved to disk here, in a thread
            try:
                async for chunk in chunks:
                    if held is not None and len(chunk) > min(self._room, IN_MEMORY - held):
                        await to_thread.run_sync(file.rollover)
                        self._room, held = self._room + held, None
                    if held is None:
                        await to_thread.run_sync(file.write, chunk)
                    else:
                        file.write(chunk)
                        self._room, held = self._room - len(chunk), held + len(chunk)
                file.seek(0)
                yield file
            finally:
                self._room += held or 0


class Texts:
    """The bodies that are read as texts, queries and forms: long ones have so much in memory together.

    Each counts until its request is answered.
    """

    def __init__(self, together: int = _TEXTS) -> None:
        self._room = together

    def hold(self, scope: Scope, size: int) -> None:
        """Count so many bytes as those of a request. Raises a 503 problem where there is no room for them."""
        more = size - scope.get(_HELD, 0)
        if size <= _SHORT:
            return
        if more > self._room:
            detail = "too many long queries are here already"
            raise Problem(503, "overloaded", detail, hint="try again", headers={"Retry-After": "1"})
        self._room -= more
        scope[_HELD] = size

    def let_go(self, scope: Scope) -> None:
        """Forget a request."""
        self._room += scope.pop(_HELD, 0)
