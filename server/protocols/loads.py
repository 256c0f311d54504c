"""Loads that go on by themselves at /loads, for those who asked so: `Prefer: respond-async` (RFC 7240)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.auth.tokens import Role
from server.protocols.http import Parameters, plain, query_pairs, twin_of
from server.twin.loads import Load, Run
from storage.graph.results import ASKER

_MOST_SECONDS = 60
_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})")


async def loads(request: Request) -> Response:
    """List the loads that go on by themselves or have ended, the newest first."""
    Parameters(query_pairs(request), ())
    asker = ASKER.get()
    own = asker.token if asker is not None else None
    every = request.scope["role"] is Role.ADMIN
    found = [
        load
        for load in twin_of(request).loads.listed()
        if every or (own is not None and load.asker is not None and load.asker.token == own)
    ]
    return JSONResponse({"loads": [_document(load) for load in found]})


async def load(request: Request) -> Response:
    """Tell how far a load is and what became of it (GET), or end one that is not written yet (DELETE)."""
    Parameters(query_pairs(request), ())
    found, name = twin_of(request).loads, request.path_params["id"]
    if request.method == "DELETE":
        await to_thread.run_sync(found.cancel, name)
        return Response(status_code=204)
    one = found.find(name)
    await _ended(one, _preferred(request)[1])
    return JSONResponse(_document(one))


def wants_no_wait(request: Request) -> bool:
    """Tell whether the client would rather not wait for the end of what it asks for."""
    return _preferred(request)[0]


async def begun(request: Request, name: str, run: Run, close: Callable[[], None]) -> Response:
    """Begin a load, and answer with its report, or with where to ask for it if it takes longer than preferred."""
    one = twin_of(request).loads.start(name, run, close)
    await _ended(one, _preferred(request)[1])
    if not one.ended.is_set():
        where = {"Location": f"/loads/{one.id}", "Preference-Applied": "respond-async", "Retry-After": "1"}
        return JSONResponse(_document(one), status_code=202, headers=where)
    if one.problem is not None:
        raise one.problem
    return JSONResponse(plain(one.report))


async def _ended(one: Load, seconds: int) -> None:
    if seconds and not one.ended.is_set():
        await to_thread.run_sync(one.ended.wait, min(seconds, _MOST_SECONDS))


def _preferred(request: Request) -> tuple[bool, int]:
    """Return whether `respond-async` is preferred, and after how many seconds (RFC 7240, sections 4.1 and 4.3)."""
    text = ", ".join(request.headers.getlist("prefer")).lower()
    names = {part.partition(";")[0].strip() for part in text.split(",")}
    seconds = _WAIT.search(text)
    return "respond-async" in names, int(seconds[1]) if seconds else 0


def _document(one: Load) -> dict[str, Any]:
    progress = one.progress
    return {
        "id": one.id,
        "name": one.name,
        "who": one.asker.name if one.asker else "the server",
        "began": one.began,
        "phase": progress.phase.value,
        "bytes": progress.bytes,
        "bytes_read": progress.read,
        "quads": progress.quads,
        "seconds": None if one.seconds is None else round(one.seconds, 3),
        "report": plain(one.report),
        "problem": None if one.problem is None else one.problem.document(),
    }
