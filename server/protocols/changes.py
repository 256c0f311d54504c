"""What was changed in the graph: list it, look at it, take it back."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.errors import bad_request
from server.protocols.http import Parameters, plain, query_pairs, twin_of

RDF_PATCH = "application/rdf-patch"
_MOST = 100


async def changes(request: Request) -> Response:
    """List the changes of the graph that were recorded, the newest first."""
    limit = Parameters(query_pairs(request), ("limit",)).number("limit")
    listed = twin_of(request).changes.listed
    found = await to_thread.run_sync(lambda: list(listed(_MOST if limit is None else limit)))
    return JSONResponse({"changes": [plain(change) for change in found]})


async def change(request: Request) -> Response:
    """Return a change as an RDF Patch: its quads with A (added) or D (removed) before them."""
    Parameters(query_pairs(request), ())
    patch = await to_thread.run_sync(twin_of(request).changes.patch, _number(request))
    return Response(patch, media_type=RDF_PATCH)


async def undo(request: Request) -> Response:
    """Take a change back, as one change that is recorded itself."""
    Parameters(query_pairs(request), ())
    return JSONResponse(plain(await to_thread.run_sync(twin_of(request).changes.undo, _number(request))))


def _number(request: Request) -> int:
    text: str = request.path_params["number"]
    if not text.isdecimal() or len(text) > 15:
        raise bad_request(f'a change has a number, not "{text}"', hint="GET /changes lists them")
    return int(text)
