"""Sends what a blocking iterator gives, with back-pressure, and lets go of it when the client leaves.

An error after the first byte is raised out of the response, so that the connection breaks and no client takes
a part for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain

import anyio
from anyio import to_thread
from starlette.responses import StreamingResponse

_END = b""


async def stream(
    chunks: Iterator[bytes],
    close: Callable[[], None],
    media_type: str,
    headers: dict[str, str] | None = None,
) -> StreamingResponse:
    """Return a response with these chunks, after the first one is there. `close` is called in the end, always."""
    try:
        first = await to_thread.run_sync(next, chunks, _END)
    except BaseException:
        await _finish(close)
        raise
    body = _send(chain([first] if first else [], chunks), close)
    return StreamingResponse(body, media_type=media_type, headers=headers)


async def _send(chunks: Iterator[bytes], close: Callable[[], None]) -> AsyncIterator[bytes]:
    try:
        while chunk := await to_thread.run_sync(next, chunks, _END):
            yield chunk
    finally:
        await _finish(close)


async def _finish(close: Callable[[], None]) -> None:
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(close)
