"""DELETE /readings: readings of points, of some time or all of it."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.errors import bad_request
from server.limits import query_limits
from server.protocols.http import Parameters, plain, query_pairs, settings_of, twin_of
from server.protocols.selecting import POINTS, readings_request
from server.streaming import slots_of

_DELETE = (*POINTS, "start", "end", "timezone", "dry_run", "timeout")


async def delete(request: Request) -> Response:
    """Delete readings. They are gone, durably and for everybody, when the answer comes."""
    parameters = Parameters(query_pairs(request), _DELETE)
    wanted = readings_request(parameters)
    if wanted.query is None and not wanted.points:
        raise bad_request("neither point nor query is given", hint="say whose readings are to be deleted")
    limits = query_limits(settings_of(request), parameters.one("timeout"))
    run = partial(twin_of(request).delete, wanted, limits, dry_run=parameters.flag("dry_run"))
    return JSONResponse(plain(await slots_of(request).start(run, until=limits.until)))
