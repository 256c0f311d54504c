"""GET /queries and DELETE /queries/{id}: the queries that are being answered, or wait for a reader."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.auth.tokens import Role
from server.errors import Problem
from server.protocols.http import Parameters, query_pairs, twin_of
from server.twin.hybrid.underway import Underway
from storage.graph.results import ASKER, Result

_MOST_SHOWN = 10_000  # characters of a query


async def queries(request: Request) -> Response:
    """List the queries that run or wait, the oldest first: an admin's view is of all, others see their token's."""
    Parameters(query_pairs(request), ())
    return JSONResponse({"queries": [_document(result) for result in _visible(request)]})


async def cancel(request: Request) -> Response:
    """End a query, by the id of its request."""
    Parameters(query_pairs(request), ())
    wanted = request.path_params["id"]
    found = [result for result in _visible(request) if result.asker and result.asker.request == wanted]
    if not found:
        raise Problem(404, "no-such-query", f"no query {wanted} runs or waits", hint="GET /queries lists them")
    for result in found:
        result.cancel()
    return Response(status_code=204)


def _visible(request: Request) -> list[Result | Underway]:
    """Return what the sender of a request may see: without a token that is nothing, since others have none too."""
    results = twin_of(request).hybrid.queries.results()
    if request.scope["role"] is Role.ADMIN:
        return results
    asker = ASKER.get()
    own = asker.token if asker is not None else None
    return [result for result in results if own is not None and result.asker and result.asker.token == own]


def _document(result: Result | Underway) -> dict[str, Any]:
    """Describe a query. What the server asks for itself has no id, and cannot be ended."""
    asker, text = result.asker, result.text
    return {
        "id": asker.request if asker else None,
        "who": asker.name if asker else "the server",
        "state": result.state.value,
        "age": round(time.monotonic() - result.began, 3),
        "rows": result.rows,
        "query": text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…",
    }
