"""GET /livez (the process answers) and /readyz (both halves answer)."""

from __future__ import annotations

from typing import Protocol

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Probed(Protocol):
    """What can tell whether it works."""

    def probe(self) -> None:
        """Raise what is wrong."""


async def livez(_request: Request) -> Response:
    """Answer that the process lives."""
    return JSONResponse({"status": "live"})


async def readyz(request: Request) -> Response:
    """Answer once the graph and the series do; otherwise with the problem that one of them has."""
    twin: Probed = request.app.state.twin
    await to_thread.run_sync(twin.probe)
    return JSONResponse({"status": "ready"})
