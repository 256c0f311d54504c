"""GET /points and /points/{uuid}: every point, what the graph says of it, and what its series has."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ontologies.identity import parse_uuid
from ontologies.points import PointSeries
from server.errors import Problem
from server.protocols.http import Parameters, query_pairs, twin_of
from server.protocols.readings import table_response
from server.streaming import slots_of
from server.tables.write import encode

_PAGE = 10_000
_KNOWN = ("limit", "after", "search", "format")


async def points(request: Request) -> Response:
    """List points by IRI: at most `limit`, those after the IRI `after`, with `search` in IRI, label or class."""
    parameters = Parameters(query_pairs(request), _KNOWN)
    twin = twin_of(request)
    limit = parameters.number("limit")
    after, search = parameters.one("after") or "", (parameters.one("search") or "").lower()

    def page() -> Sequence[PointSeries]:
        matching = twin.points.matching(search) if search else twin.index.points
        return [point for point in matching if point.point > after][: _PAGE if limit is None else limit]

    chosen = await slots_of(request).start(page)
    table = await slots_of(request).start(twin.points.table, chosen)
    response = await table_response(request, table, parameters.one("format"))
    if chosen and len(chosen) == (_PAGE if limit is None else limit):
        next_page = request.url.include_query_params(after=chosen[-1].point)
        response.headers["Link"] = f'<{next_page.path}?{next_page.query}>; rel="next"'
    return response


async def point(request: Request) -> Response:
    """Describe one point, named by its series' UUID."""
    Parameters(query_pairs(request), ())
    twin = twin_of(request)
    text = request.path_params["uuid"]
    uuid = parse_uuid(text)
    found = (await slots_of(request).start(lambda: twin.index)).by_uuid.get(uuid) if uuid else None
    if found is None:
        raise Problem(404, "no-such-point", f"no point has the series {text}", hint="GET /points lists them")
    table = await slots_of(request).start(twin.points.table, [found])
    line = b"".join(encode(iter(table.to_batches()), table.schema, "application/x-ndjson"))
    return Response(line, media_type=JSONResponse.media_type)
