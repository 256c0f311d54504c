"""The readings as they are stored: GET /series/status, POST /series/retain."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.protocols.http import Parameters, plain, query_pairs, twin_of


async def status(request: Request) -> Response:
    """Answer with what is stored where, and what is being done about it."""
    Parameters(query_pairs(request), ())
    return JSONResponse(plain(await to_thread.run_sync(twin_of(request).series.status)))


async def retain(request: Request) -> Response:
    """Apply the rules of retention now."""
    Parameters(query_pairs(request), ())
    done = await to_thread.run_sync(twin_of(request).retain)
    return JSONResponse({"rules": [plain(rule) for rule in done]})
